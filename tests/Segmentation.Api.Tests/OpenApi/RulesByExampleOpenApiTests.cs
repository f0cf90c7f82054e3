extern alias JsonSchemaNet;
using System.Net.Http.Json;
using System.Text.Json;
using JsonSchemaNet::Json.Schema;
using Segmentation.Api.Endpoints.OpenApi;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Events;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Tests;

/// <summary>"Rules by example": each line is a rule of the sample, its English is what validation says, and nothing is left out.</summary>
public sealed class RulesByExampleOpenApiTests(SampleApi api) : IClassFixture<SampleApi>
{
    private readonly RulesByExample page = new(new CustomerFields(new RevenueOptions(), new FeedbackOptions()));

    [Fact]
    public void Markdown_IsTheSnapshot() => Repository.AssertHolds("docs/rules-by-example.md", page.WriteMarkdown());

    [Fact]
    public async Task EveryLine_IsWhatValidationSays_AndTheSchemaTakesIt()
    {
        var client = api.CreateClient();
        var schema = JsonSchema.FromText(await client.GetStringAsync("/api/v1/rules/schema"));
        foreach (var (node, english) in page.List().SelectMany(s => s.Lines))
        {
            var rule = JsonElement.Parse($$"""{"combinator":"and","rules":[{{node}}]}""");
            var answer = await client.PostAsJsonAsync("/api/v1/segments/validate", new { rule });
            var content = await answer.Content.ReadFromJsonAsync<JsonElement>();
            Assert.True(content.GetProperty("valid").GetBoolean(), $"{node}: {content}");
            Assert.Equal(english, content.GetProperty("description").GetString());
            Assert.True(schema.Evaluate(rule).IsValid, $"The schema refuses {node}.");
        }
    }

    [Fact]
    public void Lines_ShowEveryOperatorOnEveryType_EveryModeAggregateAnchorAndUnit()
    {
        var nodes = RuleExamples.Sections.SelectMany(s => s.Nodes).Select(n => JsonElement.Parse(n)).SelectMany(Walk).ToList();
        var fields = nodes.Where(n => n.TryGetProperty("field", out _)).ToList();
        var shown = fields.Select(n => (Find(n.GetProperty("field").GetString()!), n.GetProperty("operator").GetString()!)).ToHashSet();
        var operators = shown.Select(s => s.Item2).ToHashSet();

        Assert.Equal([], Operators.All.SelectMany(o => new[] { o.Name, o.Negative }).OfType<string>().Except(operators));
        Assert.Equal([], Enum.GetValues<FieldType>().Except(shown.Select(s => s.Item1)));
        Assert.Equal([], EventRuleTerms.Modes.Except(Texts("mode")));
        Assert.Equal([], EventRuleTerms.Aggregates.Except(Texts("aggregate")));
        Assert.Equal([], Enum.GetNames<DateAnchor>().Select(JsonNamingPolicy.CamelCase.ConvertName).Except(Texts("anchor")));

        IEnumerable<string> Texts(string name) =>
            nodes.Where(n => n.TryGetProperty(name, out _)).Select(n => n.GetProperty(name).GetString()!);

        static FieldType Find(string name) =>
            (new CustomerFields(new RevenueOptions(), new FeedbackOptions())
                .Catalog(Segmentation.Rules.Backends.Backend.Memory, historical: false, []).Find(name)
                ?? EventFields.Catalog.Find(name))?.Type ?? FieldType.Text;
    }

    [Fact]
    public async Task Page_IsLinkedFromTheDocument_AndShowsEveryLine()
    {
        var html = await api.CreateClient().GetStringAsync("/rules-by-example");

        var description = api.Document.GetProperty("info").GetProperty("description").GetString()!;
        Assert.Contains("](/rules-by-example)", description, StringComparison.Ordinal);
        Assert.All(RuleExamples.Sections, s => Assert.Contains($">{s.Title}</h2>", html, StringComparison.Ordinal));
        Assert.All(
            page.List().SelectMany(s => s.Lines),
            l => Assert.Contains(System.Net.WebUtility.HtmlEncode(l.English), html, StringComparison.Ordinal));
    }

    private static IEnumerable<JsonElement> Walk(JsonElement node) => node.ValueKind switch
    {
        JsonValueKind.Object => node.EnumerateObject().SelectMany(p => Walk(p.Value)).Prepend(node),
        JsonValueKind.Array => node.EnumerateArray().SelectMany(Walk),
        _ => [],
    };
}
