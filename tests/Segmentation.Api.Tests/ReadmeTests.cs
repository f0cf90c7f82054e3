using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Segmentation.Api.Access;
using Segmentation.Api.Endpoints.OpenApi;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Catalog;

namespace Segmentation.Api.Tests;

public sealed class ReadmeTests
{
    private const int LineLength = 138;

    [Fact]
    public void Tables_AreThoseOfTheCatalog()
    {
        var readme = File.ReadAllText(Repository.GetPath("README.md")).ReplaceLineEndings("\n");
        var fields = new CustomerFields(new RevenueOptions(), new FeedbackOptions()).Catalog(Backend.Sql, historical: false, []).All;
        readme = Replace(readme, "fields", Fields(fields) + """
            | attributes | `attributes.NAME` | its own | One that you registered: `PUT /api/v1/attributes/NAME`. |
            | consent | `consent.PURPOSE` | boolean | The standing consent; no record is no consent. |

            """.ReplaceLineEndings("\n"));
        readme = Replace(readme, "event-fields", Fields(EventFields.Catalog.All) + """
            | event | `properties.NAME` | the value's | What the event carries; dots descend into nested objects. |

            """.ReplaceLineEndings("\n"));
        readme = Replace(readme, "operators", OperatorTable());
        readme = Replace(readme, "settings", SettingsTable());
        readme = Replace(readme, "scopes", ScopeTable());
        readme = Replace(readme, "limits", LimitSettings.ClassTable());
        readme = Replace(readme, "rates", LimitSettings.RateTable());
        readme = Replace(readme, "decision", DecisionExample());
        Repository.AssertHolds("README.md", readme);
    }

    private static string Fields(IEnumerable<Field> fields)
    {
        var table = new StringBuilder("| kind | field | type | |\n| --- | --- | --- | --- |\n");
        foreach (var f in fields)
        {
            table.Append($"| {f.Kind} | `{f.Name}` | {Name(f.Type)} | {f.Description} |\n");
        }

        return table.ToString();
    }

    private static string OperatorTable()
    {
        var table = new StringBuilder("| type | operators |\n| --- | --- |\n");
        foreach (var types in Enum.GetValues<FieldType>().GroupBy(t => string.Join(' ', Operators.ListFor(t).Select(o => $"`{o.Name}`"))))
        {
            table.Append($"| {string.Join(", ", types.Select(Name))} | {types.Key} |\n");
        }

        return table.ToString();
    }

    private static string SettingsTable()
    {
        var table = new StringBuilder("| setting | default | |\n| --- | --- | --- |\n");
        foreach (var setting in Segmentation.Local.Program.Parts.Settings)
        {
            table.Append($"| `{setting.Title}` | {setting.Default} | {setting.About} |\n");
        }

        return table.ToString();
    }

    private static string ScopeTable() =>
        "| scope | |\n| --- | --- |\n" + string.Concat(Scopes.Table.Select(s => $"| `{s.Name}` | {s.About} |\n"));

    // The example of the OpenAPI document, and the last decision of its recorded answer.
    private static string DecisionExample()
    {
        var asked = SwaggerExamples.Bodies("Decisions_Decide").First().Body;
        var answer = JsonNode.Parse(AnswerFilter.Recorded)!["Decisions_Decide"]!["decisions"]!.AsArray()[^1]!;
        return $"```json\n{Wrap(asked)}\n```\n\nThe answer, of its two decisions the second:\n\n```json\n{Wrap(answer)}\n```\n";
    }

    // Lines are broken after commas that are between values.
    private static string Wrap(JsonNode node)
    {
        var (lines, line, quoted, last) = (new StringBuilder(), new StringBuilder(), false, 0);
        foreach (var c in node.ToJsonString(global::Segmentation.Api.Http.Json.Options))
        {
            quoted ^= c == '"';
            line.Append(c);
            last = c == ',' && !quoted ? line.Length : last;
            if (line.Length > LineLength && last > 0)
            {
                lines.Append(line, 0, last).Append("\n ");
                line.Remove(0, last);
                last = 0;
            }
        }

        return lines.Append(line).ToString();
    }

    private static string Name(FieldType type) => type.ToString().ToLowerInvariant();

    private static string Replace(string text, string marker, string table)
    {
        var between = Between(marker);
        Assert.Matches(between, text);
        return between.Replace(text, _ => $"<!-- {marker}: made by ReadmeTests -->\n{table}<!-- end of {marker} -->");
    }

    private static Regex Between(string marker) =>
        new($"<!-- {marker}: made by ReadmeTests -->.*?<!-- end of {marker} -->", RegexOptions.Singleline);
}
