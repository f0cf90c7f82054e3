using System.Text.Json;

namespace Segmentation.Api.Tests.Segments;

/// <summary>Metrics over HTTP, and segments that have one as their goal.</summary>
public sealed class MetricsTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Orders = """{"combinator":"and","rules":[{"field":"type","operator":"=","value":"order_completed"}]}""";
    private const string Anyone = """{"combinator":"and","rules":[]}""";

    private Api Api => fixture.Api;

    [Fact]
    public async Task List_HasThoseThatAreBuiltIn_WhichNobodyChanges()
    {
        var all = (await Api.AllAsync("metrics", 2)).Where(m => m.GetProperty("builtIn").GetBoolean())
            .ToDictionary(m => m.GetProperty("key").GetString()!, m => m.GetProperty("kind").GetString());
        Assert.Equal(
            new Dictionary<string, string?>
            {
                ["active"] = "conversion",
                ["averageOrderValue"] = "ratio",
                ["buyers"] = "conversion",
                ["orders"] = "count",
                ["revenue"] = "sum",
                ["sentiment"] = "ratio",
            },
            all);
        foreach (var key in all.Keys)
        {
            var read = (await Api.GetAsync($"metrics/{key}")).Expect(200);
            (await Api.PutAsync($"metrics/{key}", read.Body)).Expect(409);
            (await Api.DeleteAsync($"metrics/{key}")).Expect(409);
        }
    }

    [Theory]
    [InlineData("""{"kind":"conversion","goal":"increase","event":{"combinator":"and","rules":[]}}""", "null")]
    [InlineData("""{"kind":"count","goal":"decrease","event":{"combinator":"and","rules":[]},"cap":{"value":10}}""", """{"value":10}""")]
    [InlineData("""{"kind":"sum","of":"amount","goal":"increase","event":{"combinator":"and","rules":[]}}""", """{"percentile":99.9}""")]
    [InlineData("""{"kind":"sum","of":"properties.a.b","goal":"increase","event":{"combinator":"and","rules":[]},"cap":null}""", "null")]
    [InlineData("""{"kind":"time","goal":"increase","event":{"combinator":"and","rules":[]}}""", """{"percentile":99.9}""")]
    [InlineData(
        """
        {"kind":"ratio","of":"amount","goal":"increase","event":{"combinator":"and","rules":[]},"window":{"amount":90,"unit":"day"},
         "denominator":{"event":{"combinator":"and","rules":[]},"of":"sentiment"}}
        """,
        "null")]
    public async Task Put_EachKind_CanBePutBackAsItWasRead(string body, string cap)
    {
        var key = SegmentApi.NewKey();
        var created = (await Api.PutAsync($"metrics/{key}", body)).Expect(201);
        Assert.EndsWith($"/metrics/{key}", created.Message.Headers.Location!.ToString());
        Assert.Equal((key, false), (created["name"].GetString(), created["builtIn"].GetBoolean()));
        SegmentApi.AssertSame(cap, created["cap"]);
        var again = (await Api.PutAsync($"metrics/{key}", created.Body)).Expect(200);
        var read = (await Api.GetAsync($"metrics/{key}")).Expect(200);
        foreach (var name in new[] { "kind", "goal", "event", "cap", "createdAt" })
        {
            SegmentApi.AssertSame(created[name].GetRawText(), read[name]);
        }

        Assert.Equal(again["updatedAt"].GetRawText(), read["updatedAt"].GetRawText());
        (await Api.DeleteAsync($"metrics/{key}")).Expect(204);
        (await Api.DeleteAsync($"metrics/{key}")).Expect(204);
        (await Api.GetAsync($"metrics/{key}")).Expect(404);
    }

    [Theory]
    [InlineData("Upper", """{"kind":"count","goal":"increase","event":ORDERS}""", "/key")]
    [InlineData("m", """{"key":"n","kind":"count","goal":"increase","event":ORDERS}""", "/key")]
    [InlineData("m", """{"goal":"increase","event":ORDERS}""", "/kind")]
    [InlineData("m", """{"kind":"mean","goal":"increase","event":ORDERS}""", "/kind")]
    [InlineData("m", """{"kind":"count","event":ORDERS}""", "/goal")]
    [InlineData("m", """{"kind":"count","goal":"increase"}""", "/event")]
    [InlineData("m", """{"kind":"count","goal":"increase","event":{"field":"type","operator":"=","value":"a"}}""", "/event")]
    [InlineData(
        "m",
        """{"kind":"count","goal":"increase","event":{"combinator":"and","rules":[{"field":"typ","operator":"=","value":"a"}]}}""",
        "/event/rules/0/field")]
    [InlineData("m", """{"kind":"sum","goal":"increase","event":ORDERS}""", "/of")]
    [InlineData("m", """{"kind":"sum","of":"channel","goal":"increase","event":ORDERS}""", "/of")]
    [InlineData("m", """{"kind":"count","of":"amount","goal":"increase","event":ORDERS}""", "/of")]
    [InlineData("m", """{"kind":"ratio","goal":"increase","event":ORDERS}""", "/denominator")]
    [InlineData("m", """{"kind":"count","goal":"increase","event":ORDERS,"denominator":{"event":ORDERS}}""", "/denominator")]
    [InlineData("m", """{"kind":"ratio","goal":"increase","event":ORDERS,"denominator":{}}""", "/denominator/event")]
    [InlineData("m", """{"kind":"ratio","goal":"increase","event":ORDERS,"denominator":{"event":ORDERS,"of":"x"}}""", "/denominator/of")]
    [InlineData("m", """{"kind":"count","goal":"increase","event":ORDERS,"window":{"amount":91,"unit":"day"}}""", "/window")]
    [InlineData("m", """{"kind":"count","goal":"increase","event":ORDERS,"window":{"amount":0,"unit":"minute"}}""", "/window")]
    [InlineData("m", """{"kind":"count","goal":"increase","event":ORDERS,"window":{"amount":1,"unit":"week"}}""", "/window/unit")]
    [InlineData("m", """{"kind":"count","goal":"increase","event":ORDERS,"cap":{"percentile":100}}""", "/cap")]
    [InlineData("m", """{"kind":"count","goal":"increase","event":ORDERS,"cap":{"percentile":99,"value":1}}""", "/cap")]
    [InlineData("m", """{"kind":"conversion","goal":"increase","event":ORDERS,"cap":{"value":1}}""", "/cap")]
    [InlineData("m", """{"kind":"count","goal":"increase","event":ORDERS,"typo":1}""", "/typo")]
    [InlineData("m", """{"kind":"count","goal":"increase","event":ORDERS,"name":"a\u0000"}""", "/name")]
    public async Task Put_Invalid_Is400AtItsPlace(string key, string body, string pointer) =>
        Assert.Equal(
            [pointer],
            (await Api.PutAsync($"metrics/{key}", body.Replace("ORDERS", Orders, StringComparison.Ordinal))).Expect(400).Faults);

    [Fact]
    public async Task GoalMetric_IsKeptWithEveryForm_AndProtectsTheMetric()
    {
        var metric = SegmentApi.NewKey();
        (await Api.PutAsync($"metrics/{metric}", $$"""{"kind":"count","goal":"increase","event":{{Orders}}}""")).Expect(201);
        var segment = await Api.MakeSegmentAsync(Anyone, $"\"goalMetric\":\"{metric}\",\"status\":\"draft\"");
        Assert.Equal(metric, Goal((await Api.GetAsync($"segments/{segment}")).Expect(200).Json));
        (await Api.PostAsync($"segments/{segment}/clone", $$"""{"key":"{{segment}}-copy"}""")).Expect(201);
        Assert.Equal(metric, Goal((await Api.GetAsync($"segments/{segment}-copy")).Expect(200).Json));

        var refused = (await Api.DeleteAsync($"metrics/{metric}")).Expect(409)["title"].GetString();
        Assert.EndsWith($": {segment}, {segment}-copy.", refused);

        (await Api.PatchAsync($"segments/{segment}", """{"goalMetric":"buyers"}""")).Expect(200);
        (await Api.PatchAsync($"segments/{segment}-copy", """{"goalMetric":null}""")).Expect(200);
        Assert.Null(Goal((await Api.GetAsync($"segments/{segment}-copy")).Expect(200).Json));
        var versions = (await Api.GetAsync($"segments/{segment}/versions")).Expect(200)["items"].EnumerateArray();
        Assert.Equal(["buyers", metric], versions.Select(v => Goal(v.GetProperty("definition"))));
        (await Api.PostAsync($"segments/{segment}/versions/1/restore", "")).Expect(200);
        (await Api.PatchAsync($"segments/{segment}", """{"goalMetric":"buyers"}""")).Expect(200);

        (await Api.DeleteAsync($"metrics/{metric}")).Expect(204);
        Assert.Equal(["/goalMetric"], (await Api.PostAsync($"segments/{segment}/versions/1/restore", "")).Expect(400).Faults);
        (await Api.PatchAsync($"segments/{segment}", """{"name":"Renamed"}""")).Expect(200);
    }

    [Theory]
    [InlineData("revenu", "Did you mean \"revenue\"?")]
    [InlineData("no-such-thing-at-all", "GET /api/v1/metrics")]
    [InlineData("a\\u0000", "GET /api/v1/metrics")]
    public async Task GoalMetric_Unknown_Is400WithTheNearestName(string key, string hint)
    {
        var refused = (await Api.PutAsync(
            $"segments/{SegmentApi.NewKey()}", RuleJson.Body(Anyone, $"\"goalMetric\":\"{key}\""))).Expect(400);
        Assert.Equal(["/goalMetric"], refused.Faults);
        Assert.Contains(hint, refused["errors"].GetProperty("/goalMetric")[0].GetString(), StringComparison.Ordinal);
    }

    private static string? Goal(JsonElement definition) =>
        definition.TryGetProperty("goalMetric", out var goal) ? goal.GetString() : null;
}
