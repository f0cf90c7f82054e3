using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Attributes;

/// <summary>The user's own attributes, and the catalog that they appear in.</summary>
public sealed class AttributesTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private static int made;

    private Api Api => fixture.Api;

    [Fact]
    public async Task Put_RegistersAndReplaces_AnswerCanBePutBack()
    {
        var name = NewName();
        var created = (await Api.PutAsync(
            $"attributes/{name}",
            """{"type":"text","kind":"psychographic","label":"Plan","description":"What they pay for.","values":["free","pro"]}"""))
            .Expect(201);
        Assert.EndsWith($"/attributes/{name}", created.Message.Headers.Location!.ToString());
        (await Api.PutAsync($"attributes/{name}", (await Api.GetAsync($"attributes/{name}")).Expect(200).Body)).Expect(200);
        var replaced = (await Api.PutAsync($"attributes/{name}", """{"type":"integer","kind":"value"}""")).Expect(200);
        Assert.Equal("integer", replaced["type"].GetString());
        Assert.False(replaced.Json.TryGetProperty("label", out _));
        Assert.Contains(await Api.AllAsync("attributes", 1), a => a.GetProperty("name").GetString() == name);
        (await Api.DeleteAsync($"attributes/{name}")).Expect(204);
        (await Api.DeleteAsync($"attributes/{name}")).Expect(204);
        (await Api.GetAsync($"attributes/{name}")).Expect(404);
    }

    [Theory]
    [InlineData("1st", """{"type":"text","kind":"value"}""", "/name")]
    [InlineData("a-b", """{"type":"text","kind":"value"}""", "/name")]
    [InlineData("a%0A", """{"type":"text","kind":"value"}""", "/name")]
    [InlineData("ok", """{"type":"string","kind":"value"}""", "/type")]
    [InlineData("ok", """{"type":"text","kind":"consent"}""", "/kind")]
    [InlineData("ok", """{"kind":"value"}""", "/type")]
    [InlineData("ok", """{"type":"text","kind":"value","name":"other"}""", "/name")]
    [InlineData("ok", """{"type":"text","kind":"value","typo":1}""", "/typo")]
    [InlineData("ok", """{"type":"text","kind":"value","values":[null]}""", "/values")]
    [InlineData("ok", """{"type":"text","kind":"value","label":"a\u0000"}""", "/label")]
    public async Task Put_Invalid_Is400AtItsPlace(string name, string body, string pointer) =>
        Assert.Equal([pointer], (await Api.PutAsync($"attributes/{name}", body)).Expect(400).Faults);

    [Fact]
    public async Task Type_ChangesOnlyWithoutValues_DeletionStripsThem()
    {
        var name = NewName();
        (await Api.PutAsync($"attributes/{name}", """{"type":"text","kind":"value"}""")).Expect(201);
        (await Api.PutAsync($"customers/{name}", $$$"""{"attributes":{"{{{name}}}":"5"}}""")).Expect(201);
        Assert.Contains(
            name, (await Api.PutAsync($"attributes/{name}", """{"type":"integer","kind":"value"}""")).Expect(409)["title"].GetString());
        (await Api.PutAsync($"attributes/{name}", """{"type":"text","kind":"temporal"}""")).Expect(200);
        Assert.Equal(
            ["/attributes/" + name],
            (await Api.PatchAsync($"customers/{name}", $$$"""{"attributes":{"{{{name}}}":5}}""")).Expect(400).Faults);

        (await Api.DeleteAsync($"attributes/{name}")).Expect(204);
        Assert.False(
            (await Api.GetAsync($"customers/{name}")).Json.TryGetProperty("attributes", out var left) && left.TryGetProperty(name, out _));
        (await Api.PutAsync($"attributes/{name}", """{"type":"integer","kind":"value"}""")).Expect(201);
        (await Api.PatchAsync($"customers/{name}", $$$"""{"attributes":{"{{{name}}}":5}}""")).Expect(200);
        var preview = (await Api.PostAsync("segments/preview", Body(All(Is($"attributes.{name}", "=", "5"))))).Expect(200);
        Assert.Equal(name, preview["sample"][0].GetProperty("id").GetString());
        (await Api.PatchAsync($"customers/{name}", $$$"""{"attributes":{"{{{name}}}":null}}""")).Expect(200);
        (await Api.PutAsync($"attributes/{name}", """{"type":"boolean","kind":"value"}""")).Expect(200);
    }

    [Fact]
    public async Task Fields_AreGroupsOfAQueryBuilder()
    {
        var name = NewName();
        (await Api.PutAsync($"attributes/{name}", """{"type":"set","kind":"psychographic","label":"Tags","values":["x","y"]}"""))
            .Expect(201);
        var groups = (await Api.GetAsync("fields")).Expect(200).Json.EnumerateArray().ToDictionary(g => g.GetProperty("kind").GetString()!);
        Assert.Superset(
            new HashSet<string> { "demographic", "geographic", "psychographic", "behavioral", "temporal", "value", "customer", "segment" },
            groups.Keys.ToHashSet());
        Assert.Equal("Demographic", groups["demographic"].GetProperty("label").GetString());
        var options =
            groups.Values.SelectMany(g => g.GetProperty("options").EnumerateArray()).ToDictionary(o => o.GetProperty("name").GetString()!);
        Assert.All(options.Values, o =>
        {
            Assert.False(
                string.IsNullOrEmpty(o.GetProperty("label").GetString()) || string.IsNullOrEmpty(o.GetProperty("description").GetString()));
            Assert.NotEmpty(o.GetProperty("operators").EnumerateArray());
        });
        var age = options["demographic.age"];
        Assert.Equal(
            ("Age", "integer", "number"),
            (age.GetProperty("label").GetString(), age.GetProperty("type").GetString(), age.GetProperty("inputType").GetString()));
        Assert.Equal("=", age.GetProperty("operators")[0].GetProperty("name").GetString());
        Assert.Equal(
            ["tropical", "arid", "temperate", "continental", "polar"],
            options["geographic.climate"].GetProperty("values").EnumerateArray().Select(v => v.GetProperty("name").GetString()));
        Assert.Equal("select", options["geographic.climate"].GetProperty("valueEditorType").GetString());
        Assert.Contains(
            groups["psychographic"].GetProperty("options").EnumerateArray(),
            o => o.GetProperty("name").GetString() == $"attributes.{name}");
    }

    [Fact]
    public async Task Attributes_AreTypedAndReadByRules()
    {
        foreach (var (name, type) in new[] { ("cPlan", "text"), ("cScore", "integer"), ("cWhen", "instant"), ("cDay", "date"),
            ("cTags", "set"), ("cOk", "boolean"), ("cRatio", "decimal") })
        {
            (await Api.PutAsync($"attributes/{name}", $$"""{"type":"{{type}}","kind":"value"}""")).Expect(201);
        }

        var customer = (await Api.PutAsync("customers/typed", """
            {"attributes":{"cPlan":" Pro ","cScore":5,"cWhen":"2024-01-01T00:00:00.123456+01:00","cDay":"2024-02-29",
             "cTags":["A","a","b"],"cOk":true,"cRatio":0.1,"cNothing":null}}
            """)).Expect(201);
        Assert.Equal("Pro", customer["attributes"].GetProperty("cPlan").GetString());
        foreach (var (rule, holds) in new[]
        {
            ("""{"field":"attributes.cPlan","operator":"=","value":"PRO"}""", true),
            ("""{"field":"attributes.cScore","operator":"between","value":[5,6]}""", true),
            ("""{"field":"attributes.cWhen","operator":"=","value":"2023-12-31T23:00:00.123456Z"}""", true),
            ("""{"field":"attributes.cWhen","operator":"=","value":"2023-12-31"}""", true),
            ("""{"field":"attributes.cDay","operator":"<","value":"2024-02-29"}""", false),
            ("""{"field":"attributes.cTags","operator":"contains","value":["a","B"]}""", true),
            ("""{"field":"attributes.cOk","operator":"!=","value":true}""", false),
            ("""{"field":"attributes.cRatio","operator":"=","value":0.1}""", true),
        })
        {
            var preview = (await Api.PostAsync(
                "segments/preview",
                $$$"""{"rule":{"combinator":"and","rules":[{"field":"customer.id","operator":"=","value":"typed"},{{{rule}}}]}}"""))
                .Expect(200);
            Assert.True(preview["count"].GetInt64() == (holds ? 1 : 0), rule);
        }

        foreach (var (name, value) in new[] { ("cScore", "1.5"), ("cScore", "\"5\""), ("cWhen", "\"2024-01-01\""),
            ("cDay", "\"2024-02-30\""), ("cTags", "\"a\""), ("cTags", "[1]"), ("cOk", "\"yes\""), ("cRatio", "1e40"), ("cPlan", "5"),
            ("cPlan", "{}") })
        {
            Assert.StartsWith(
                $"/attributes/{name}",
                Assert.Single(
                    (await Api.PutAsync("customers/typed", $$$"""{"attributes":{"{{{name}}}":{{{value}}} }}""")).Expect(400).Faults));
        }
    }

    private static string NewName() => $"own{Interlocked.Increment(ref made)}";
}
