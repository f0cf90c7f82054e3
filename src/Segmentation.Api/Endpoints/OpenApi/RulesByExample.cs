using System.Net;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>
/// "Rules by example": each rule of the table with its English, as the compiler says it; a page, and the same as Markdown.
/// </summary>
internal sealed partial class RulesByExample(CustomerFields fields)
{
    public const string Address = "/rules-by-example";

    private const string Title = "Rules by example";

    private const string Style =
        """
        body { font: 16px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222; }
        p.rule { margin: 1.2em 0 0.2em; }
        pre { margin: 0; padding: 0.5em 0.8em; background: #f4f4f4; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 14px; }
        code { background: #f4f4f4; }
        nav a { margin-right: 1em; }
        """;

    /// <summary>What the page may load: nothing but what is in it.</summary>
    public static readonly string ContentPolicy = $"default-src 'none'; style-src {AnswerHeaders.Hash(Style)}; frame-ancestors 'none'";

    private const string Introduction =
        "Each line is one node of a rule tree, with what `POST /api/v1/segments/validate` says of it. A segment's rule is a group of such "
        + "nodes: `{\"combinator\":\"and\",\"rules\":[…]}`. `GET /api/v1/fields` lists the fields, `GET /api/v1/rules/schema` says exactly "
        + "what each of them takes.";

    // As compact as JSON can be and still be read.
    private static readonly JsonSerializerOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly RuleCompiler<Customer> compiler = CreateCompiler(fields);

    /// <summary>The sections, each node with its English.</summary>
    /// <exception cref="InvalidOperationException">A rule of the table has an error.</exception>
    public IEnumerable<(RuleExampleSection Section, IEnumerable<(string Node, string English)> Lines)> List() =>
        RuleExamples.Sections.Select(s => (s, s.Nodes.Select(n => (JsonNode.Parse(n)!.ToJsonString(Compact), Describe(n)))));

    public string WriteMarkdown()
    {
        var page = new StringBuilder($"# {Title}\n\n{Introduction}\n");
        foreach (var (section, lines) in List())
        {
            page.Append($"\n## {section.Title}\n\n{section.Text}\n\n");
            foreach (var (node, english) in lines)
            {
                page.Append($"- {english}\n  ```json\n  {node}\n  ```\n");
            }
        }

        return page.ToString();
    }

    public string WriteHtml()
    {
        var page = new StringBuilder(
            $$"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{{Title}}</title>
            <style>{{Style}}</style>
            </head>
            <body>
            <h1>{{Title}}</h1>
            <p>{{Html(Introduction)}}</p>
            <nav>
            """);
        foreach (var section in RuleExamples.Sections)
        {
            page.Append($"<a href=\"#{Anchor(section)}\">{Html(section.Title)}</a>\n");
        }

        page.Append("</nav>\n");
        foreach (var (section, lines) in List())
        {
            page.Append($"<h2 id=\"{Anchor(section)}\">{Html(section.Title)}</h2>\n<p>{Html(section.Text)}</p>\n");
            foreach (var (node, english) in lines)
            {
                page.Append($"<p class=\"rule\">{WebUtility.HtmlEncode(english)}</p>\n<pre>{WebUtility.HtmlEncode(node)}</pre>\n");
            }
        }

        return page.Append("</body>\n</html>\n").ToString();
    }

    private static string Anchor(RuleExampleSection section) => NotAWord().Replace(section.Title.ToLowerInvariant(), "-");

    private static string Html(string text) => Code().Replace(WebUtility.HtmlEncode(text), "<code>$1</code>");

    private string Describe(string node)
    {
        var rule = compiler.Compile(JsonElement.Parse($$"""{"combinator":"and","rules":[{{node}}]}"""));
        return rule.IsValid
            ? rule.Root.Description
            : throw new InvalidOperationException($"{node}: {rule.Errors[0].Pointer} {rule.Errors[0].Message}");
    }

    // The table names the sample's attributes and segments.
    private static RuleCompiler<Customer> CreateCompiler(CustomerFields fields)
    {
        var attributes = new[] { ("plan", "text"), ("trial", "boolean"), ("renewalDate", "date") };
        var catalog = fields.Catalog(
            Backend.Memory, historical: false,
            attributes.Select(a => new CustomerAttribute { Name = a.Item1, Type = a.Item2, Kind = "value", Label = Label(a.Item1) }));
        var segments = ExampleSegments.All.ToDictionary(s => s.Key, s => new SegmentReference(s.Key, s.RuleTree, s.TimeZone, null));
        return new RuleCompiler<Customer>(catalog, new RuleLimits(), segments.GetValueOrDefault);

        static string Label(string name) => name switch { "plan" => "Plan", "trial" => "On trial", _ => "Renewal date" };
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();

    [GeneratedRegex("[^a-z]+")]
    private static partial Regex NotAWord();
}
