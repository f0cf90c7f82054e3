using System.Text.Json;
using System.Text.Json.Nodes;
using Segmentation.Api.Tests.Segments;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.QueryBuilder;

/// <summary>react-querybuilder itself, on what the API answers: <c>examples/react-querybuilder</c>.</summary>
public sealed class QueryBuilderTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const int Trees = 100;

    private Api Api => fixture.Api;

    [NodeFact]
    public async Task Library_TakesFieldsAsTheyAre_AndThePageGivesStoredRulesBackUnchanged()
    {
        var fields = await FieldsAsync();
        var segment = await Api.MakeSegmentAsync(Everyone);
        foreach (var rule in new BuilderRules(fields, segment).Make(Trees))
        {
            await Api.MakeSegmentAsync(rule.ToJsonString(), "\"status\":\"draft\",\"tags\":[\"builder\"]");
        }

        var stored = (await Api.AllAsync("segments?tag=builder")).Select(s => JsonNode.Parse(s.GetProperty("rule").GetRawText())).ToArray();
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, new JsonObject
            {
                ["fields"] = JsonNode.Parse(fields.GetRawText()),
                ["rules"] = new JsonArray(stored),
            }.ToJsonString());
            var (exitCode, output, errors) = await NodeExample.QueryBuilder.RunAsync("test/run.mjs", file);
            Assert.True(exitCode == 0 && errors.Length == 0, output + errors);

            // It has looked at all of them, and warned of nothing.
            var all = fields.EnumerateArray().SelectMany(g => g.GetProperty("options").EnumerateArray()).ToList();
            var ofEvents = all.Single(o => o.GetProperty("name").ValueEquals("behavioral.events")).GetProperty("subproperties");
            SegmentApi.AssertSame(
                $$"""{"fields":{{all.Count}},"eventFields":{{ofEvents.GetArrayLength()}},"rules":{{Trees}}}""",
                JsonElement.Parse(output));
            Assert.True(all.Count > 50 && ofEvents.GetArrayLength() > 9);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [NodeFact]
    public async Task Types_OfTheLibrary_AreOursWithoutACast()
    {
        var (exitCode, output, errors) = await NodeExample.QueryBuilder.RunAsync("node_modules/typescript/bin/tsc", "--noEmit");
        Assert.True(exitCode == 0, output + errors);
    }

    private async Task<JsonElement> FieldsAsync()
    {
        foreach (var type in new[] { "text", "integer", "decimal", "boolean", "date", "instant", "set" })
        {
            (await Api.PutAsync($"attributes/b_{type}", $$"""{"type":"{{type}}","kind":"value","values":["a","b"]}""")).Expect(201);
        }

        (await Api.PutAsync("customers/builder", """{"consents":{"builder":{"granted":true}}}""")).Expect(201);
        (await Api.PostAsync("events", """
            {"customerId":"builder","type":"built","properties":{"price":1.5,"category":"x","gift":true,"page":{"path":"/"}}}
            """)).Expect(200);
        await Wait.UntilAsync(
            async () => (await Api.GetAsync("fields")).Body is var body && body.Contains("properties.page.path", StringComparison.Ordinal)
                && body.Contains("consent.builder", StringComparison.Ordinal),
            "what was sent in the fields");
        return (await Api.GetAsync("fields")).Expect(200).Json;
    }
}
