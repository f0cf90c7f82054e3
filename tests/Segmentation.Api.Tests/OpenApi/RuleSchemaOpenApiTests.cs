extern alias JsonSchemaNet;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using JsonSchemaNet::Json.Schema;
using Segmentation.Api.Endpoints.OpenApi;

namespace Segmentation.Api.Tests;

/// <summary>The rule language as a JSON Schema: what it takes and refuses, the service takes and refuses.</summary>
public sealed class RuleSchemaOpenApiTests(SampleApi api) : IClassFixture<SampleApi>
{
    private static readonly EvaluationOptions Strict = new() { OutputFormat = OutputFormat.List };

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"rules":[]}""")]
    [InlineData("""{"combinator":"xor","rules":[]}""")]
    [InlineData("""{"combinator":"and","rules":[],"nott":true}""")]
    [InlineData("""{"combinator":"and","rules":[{}]}""")]
    [InlineData("""{"field":"demographic.age","operator":">","value":1}""")]
    [InlineData("""{"field":"demographic.agee","operator":">","value":1}""", true)]
    [InlineData("""{"field":"attributes.nothing","operator":"=","value":"x"}""", true)]
    [InlineData("""{"field":"demographic.age","operator":"contains","value":1}""", true)]
    [InlineData("""{"field":"demographic.age","operator":">"}""", true)]
    [InlineData("""{"field":"demographic.age","operator":">","value":"abc"}""", true)]
    [InlineData("""{"field":"demographic.age","operator":">","value":1.5}""", true)]
    [InlineData("""{"field":"demographic.age","operator":"between","value":[1]}""", true)]
    [InlineData("""{"field":"demographic.age","operator":"between","value":5}""", true)]
    [InlineData("""{"field":"demographic.age","operator":"in","value":[]}""", true)]
    [InlineData("""{"field":"demographic.age","operator":"=","value":"demographic.gender","valueSource":"field"}""", true)]
    [InlineData("""{"field":"demographic.gender","operator":"<","value":"a"}""", true)]
    [InlineData("""{"field":"demographic.gender","operator":"=","value":" "}""", true)]
    [InlineData("""{"field":"demographic.gender","operator":"=","value":1}""", true)]
    [InlineData("""{"field":"demographic.gender","operator":"=","value":"a","match":{"mode":"some"}}""", true)]
    [InlineData("""{"field":"demographic.gender","operator":"=","value":"a","rulez":1}""", true)]
    [InlineData("""{"field":"demographic.gender","operator":"=","value":"a","muted":"yes"}""", true)]
    [InlineData("""{"field":"demographic.gender","operator":"contains","value":"demographic.education","valueSource":"field"}""", true)]
    [InlineData("""{"field":"demographic.birthDate","operator":"=","value":"yesterday"}""", true)]
    [InlineData("""
        {"field":"demographic.birthDate","operator":"=","value":{"mode":"relative","anchor":"noon","offset":0,"unit":"day"}}
        """, true)]
    [InlineData("""{"field":"demographic.birthDate","operator":"=","value":{"mode":"relative","anchor":"now","offset":0}}""", true)]
    [InlineData("""{"field":"temporal.birthday","operator":">","value":"2024-01-01"}""", true)]
    [InlineData("""{"field":"geographic.climate","operator":"=","value":"balmy"}""", true)]
    [InlineData("""{"field":"geographic.climate","operator":"contains","value":"arid"}""", true)]
    [InlineData("""{"field":"geographic.country","operator":"beginsWith","value":"DE"}""", true)]
    [InlineData("""{"field":"geographic.climate","operator":"in","value":"arid,balmy"}""", true)]
    [InlineData("""{"field":"geographic.country","operator":"=","value":"Germany"}""", true)]
    [InlineData("""{"field":"geographic.country","operator":"in","value":["DE","Austria"]}""", true)]
    [InlineData("""{"field":"geographic.country","operator":"notIn","value":"DE,Austria"}""", true)]
    [InlineData("""{"field":"demographic.age","operator":"in","value":"1,many"}""", true)]
    [InlineData("""{"field":"demographic.age","operator":"between","value":"1,2,3"}""", true)]
    [InlineData("""{"field":"demographic.birthDate","operator":"between","value":"1,2"}""", true)]
    [InlineData("""{"field":"temporal.lastSeenAt","operator":">","value":"2024-01-01,2024-02-01"}""", true)]
    [InlineData("""{"field":"temporal.lastSeenAt","operator":">","value":"2024-13-01"}""", true)]
    [InlineData("""{"field":"geographic.location","operator":"within","value":{"latitude":91,"longitude":0,"radiusKm":1}}""", true)]
    [InlineData("""{"field":"geographic.location","operator":"within","value":{"latitude":1,"longitude":0,"radiusKm":0}}""", true)]
    [InlineData("""{"field":"geographic.location","operator":"within","value":{"polygon":[[0,0],[1,1]]}}""", true)]
    [InlineData("""{"field":"geographic.location","operator":"=","value":{"latitude":1,"longitude":0,"radiusKm":1}}""", true)]
    [InlineData("""{"field":"consent.newsletter","operator":"=","value":"perhaps"}""", true)]
    [InlineData("""{"field":"consent.a b","operator":"=","value":true}""", true)]
    [InlineData("""{"field":"segment","operator":"=","value":"around-berlin"}""", true)]
    [InlineData("""{"field":"behavioral.events","operator":"=","value":{"combinator":"and","rules":[]}}""", true)]
    [InlineData("""{"field":"behavioral.events","operator":"=","match":{"mode":"some"}}""", true)]
    [InlineData("""
        {"field":"behavioral.events","operator":"=","match":{"mode":"atLeast"},"value":{"combinator":"and","rules":[]}}
        """, true)]
    [InlineData("""{"field":"behavioral.events","operator":"=","match":{"mode":"few"},"value":{"combinator":"and","rules":[]}}""", true)]
    [InlineData("""
        {"field":"behavioral.events","operator":"=","match":{"mode":"between","threshold":1},"value":{"combinator":"and","rules":[]}}
        """, true)]
    [InlineData("""
        {"field":"behavioral.events","operator":"=","match":{"mode":"atLeast","threshold":-1},"value":{"combinator":"and","rules":[]}}
        """, true)]
    [InlineData("""
        {"field":"behavioral.events","operator":"=","match":{"mode":"atLeast","threshold":1,"aggregate":"sum"},
         "value":{"combinator":"and","rules":[]}}
        """, true)]
    [InlineData("""
        {"field":"behavioral.events","operator":"=","match":{"mode":"atLeast","threshold":1,"aggregate":"sum","of":"type"},
         "value":{"combinator":"and","rules":[]}}
        """, true)]
    [InlineData("""
        {"field":"behavioral.events","operator":"=","match":{"mode":"some","aggregate":"sum","of":"amount"},
         "value":{"combinator":"and","rules":[]}}
        """, true)]
    [InlineData("""
        {"field":"behavioral.events","operator":"=","match":{"mode":"some"},
         "value":{"combinator":"and","rules":[{"field":"demographic.age","operator":"=","value":1}]}}
        """, true)]
    [InlineData("""{"field":"behavioral.sequence","operator":"=","value":{"steps":[{"combinator":"and","rules":[]}]}}""", true)]
    [InlineData("""
        {"field":"behavioral.sequence","operator":"=","value":{"steps":[{"combinator":"and","rules":[]},{"combinator":"and","rules":[]}],
         "within":{"amount":0,"unit":"day"}}}
        """, true)]
    public async Task Schema_RefusesWrongRules_AsTheServiceDoes(string rule, bool alone = false)
    {
        var tree = JsonElement.Parse(alone ? $$"""{"combinator":"and","rules":[{{rule}}]}""" : rule);

        Assert.False((await GetSchemaAsync()).Evaluate(tree, Strict).IsValid, $"The schema takes {rule}.");
        Assert.False(await IsValidAsync(tree), $"The service takes {rule}.");
    }

    [Theory]
    [InlineData("""{"field":"demographic.age","operator":"between","value":"25,54"}""")]
    [InlineData("""{"field":"demographic.age","operator":"=","value":"30"}""")]
    [InlineData("""{"field":"demographic.age","operator":"in","value":30}""")]
    [InlineData("""{"field":"demographic.age","operator":"null","value":""}""")]
    [InlineData("""{"field":"demographic.age","operator":"notNull"}""")]
    [InlineData("""{"field":"demographic.age","operator":">=","value":"demographic.income","valueSource":"field"}""")]
    [InlineData("""{"field":"demographic.age","operator":"=","value":30,"valueSource":"value","id":"a","path":[0],"disabled":false}""")]
    [InlineData("""{"field":"consent.anything","operator":"=","value":"true","muted":false}""")]
    [InlineData("""{"field":"consent.a","operator":"=","value":"consent.b","valueSource":"field"}""")]
    [InlineData("""{"field":"attributes.plan","operator":"in","value":"Plus,Pro"}""")]
    [InlineData("""{"field":"geographic.country","operator":"in","value":"DE, at"}""")]
    [InlineData("""{"field":"geographic.climate","operator":"notIn","value":"arid,polar"}""")]
    [InlineData("""{"field":"value.lifetimeValue","operator":"in","value":"1.5, -2,3e2"}""")]
    [InlineData("""{"field":"temporal.lastSeenAt","operator":"between","value":"2024-01-01T10:00:00.5+02:00, 2024-02-01"}""")]
    [InlineData("""{"field":"temporal.lastSeenAt","operator":">","value":"2026-01-01t00:00:00z"}""")]
    [InlineData("""{"field":"demographic.birthDate","operator":"in","value":"1990-01-01,1991-12-31"}""")]
    [InlineData("""
        {"field":"behavioral.events","operator":"!=",
         "match":{"mode":"lessThan","threshold":"2024-01-01","aggregate":"max","of":"occurredAt"},
         "value":{"combinator":"or","not":true,"rules":[{"field":"properties.a.b","operator":">","value":1}]}}
        """)]
    public async Task Schema_TakesWhatBuildersSend_AsTheServiceDoes(string rule)
    {
        var tree = JsonElement.Parse($$"""{"combinator":"and","rules":[{{rule}}]}""");

        AssertTakes(await GetSchemaAsync(), tree);
        Assert.True(await IsValidAsync(tree), $"The service refuses {rule}.");
    }

    [Fact]
    public async Task Schema_TakesEverySampleSegment()
    {
        var schema = await GetSchemaAsync();
        Assert.All(ExampleSegments.All, s => AssertTakes(schema, s.RuleTree));
    }

    [Fact]
    public async Task Schema_HasTheAttributesThatAreRegistered()
    {
        var client = api.CreateClient();
        var tree = JsonElement.Parse(
            """{"combinator":"and","rules":[{"field":"attributes.shoeSize","operator":">=","value":42}]}""");
        Assert.False((await GetSchemaAsync()).Evaluate(tree, Strict).IsValid);

        (await client.PutAsJsonAsync("/api/v1/attributes/shoeSize", new { type = "integer", kind = "demographic" }))
            .EnsureSuccessStatusCode();

        AssertTakes(await GetSchemaAsync(), tree);
        (await client.DeleteAsync("/api/v1/attributes/shoeSize")).EnsureSuccessStatusCode();
    }

    [Fact]
    public async Task Schema_IsServedAsOne()
    {
        var answer = await api.CreateClient().GetAsync("/api/v1/rules/schema");
        var content = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;

        Assert.Equal("application/schema+json", answer.Content.Headers.ContentType!.MediaType);
        Assert.Equal("https://json-schema.org/draft/2020-12/schema", content["$schema"]!.GetValue<string>());
        Assert.True(MetaSchemas.Draft202012.Evaluate(JsonElement.Parse(content.ToJsonString())).IsValid);
    }

    private static void AssertTakes(JsonSchema schema, JsonElement tree)
    {
        var result = schema.Evaluate(tree, Strict);
        var faults = (result.Details ?? []).Where(d => d.Errors is not null).SelectMany(d => d.Errors!.Select(e =>
            $"{d.InstanceLocation}: {e.Value} ({d.EvaluationPath})"));
        Assert.True(result.IsValid, $"The schema refuses {tree}:\n{string.Join('\n', faults)}");
    }

    private async Task<JsonSchema> GetSchemaAsync() =>
        JsonSchema.FromText(await api.CreateClient().GetStringAsync("/api/v1/rules/schema"));

    private async Task<bool> IsValidAsync(JsonElement rule)
    {
        var answer = await api.CreateClient().PostAsJsonAsync("/api/v1/segments/validate", new { rule });
        return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("valid").GetBoolean();
    }
}
