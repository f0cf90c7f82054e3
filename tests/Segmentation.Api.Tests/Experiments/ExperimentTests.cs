using System.Globalization;
using System.Text.Json;
using Segmentation.Api.Tests.Segments;
using static Segmentation.Api.Tests.Experiments.ExperimentApi;

namespace Segmentation.Api.Tests.Experiments;

/// <summary>Experiments over HTTP: definitions, runs, who gets which.</summary>
public sealed class ExperimentTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Whole =
        """
        {"name":"Tone","description":"d","hypothesis":"A warm headline brings customers back","unit":"visitor","kind":"split",
         "variants":[{"key":"control","weight":1},{"key":"warm","weight":1},{"key":"offer","weight":2}],"coverage":0.5,
         "layer":{"key":"LAYER","from":0,"to":0.5},"seed":"tone",
         "metrics":{"primary":"buyers","secondary":["revenue"],"guardrails":[{"metric":"orders","maxHarm":0.05}]},
         "analysis":"fixed","alpha":0.01,"plannedUnits":30000,"cuped":{"days":28},"tags":["home"]}
        """;

    private Api Api => fixture.Api;

    [Fact]
    public async Task Put_Whole_IsAnsweredAndPutBackAsItWasRead()
    {
        var (key, whole) = (SegmentApi.NewKey(), Whole.Replace("LAYER", SegmentApi.NewKey(), StringComparison.Ordinal));
        var created = (await Api.PutAsync($"experiments/{key}", whole)).Expect(201);
        Assert.EndsWith($"/experiments/{key}", created.Message.Headers.Location!.ToString());
        foreach (var property in JsonSerializer.Deserialize<JsonElement>(whole).EnumerateObject())
        {
            SegmentApi.AssertSame(property.Value.GetRawText(), created[property.Name]);
        }

        Assert.Equal(("draft", 0, 1), (created["status"].GetString(), created["run"].GetInt32(), created["version"].GetInt32()));
        Assert.Equal("\"1\"", created.Version);
        var again = (await Api.PutAsync($"experiments/{key}", created.Body)).Expect(200);
        Assert.Equal(1, again["version"].GetInt32());
        var read = (await Api.GetAsync($"experiments/{key}")).Expect(200);
        Assert.Equal(created.Body, read.Body);
        (await Api.GetAsync($"experiments/{key}", ("If-None-Match", read.ETag!))).Expect(304);

        (await Api.PostAsync("experiments", whole)).Expect(400);
        (await Api.PostAsync("experiments", $$"""{"key":"{{key}}",{{Two}}}""")).Expect(409);
        var second = (await Api.PatchAsync($"experiments/{key}", """{"layer":null,"coverage":1}""", ("If-Match", "\"1\""))).Expect(200);
        Assert.False(second.Json.TryGetProperty("layer", out _));
        (await Api.PatchAsync($"experiments/{key}", "{}", ("If-Match", "\"1\""))).Expect(412);
        var versions = (await Api.GetAsync($"experiments/{key}/versions")).Expect(200)["items"].EnumerateArray().ToList();
        Assert.Equal([2, 1], versions.Select(v => v.GetProperty("version").GetInt32()));
        var restored = (await Api.PostAsync($"experiments/{key}/versions/1/restore", "")).Expect(200);
        Assert.Equal((3, 0.5m), (restored["version"].GetInt32(), restored["coverage"].GetDecimal()));
        (await Api.PostAsync($"experiments/{key}/versions/9/restore", "")).Expect(404);
        (await Api.DeleteAsync($"experiments/{key}")).Expect(204);
        (await Api.DeleteAsync($"experiments/{key}")).Expect(204);
        (await Api.GetAsync($"experiments/{key}")).Expect(404);
    }

    [Theory]
    [InlineData("{}", "/variants")]
    [InlineData("""{"variants":[{"key":"a"}]}""", "/variants")]
    [InlineData("""{"variants":[{"key":"a"},{"key":"a"}]}""", "/variants/1/key")]
    [InlineData("""{"variants":[{"key":"a"},{"key":"B"}]}""", "/variants/1/key")]
    [InlineData("""{"variants":[{"key":"a"},null]}""", "/variants/1")]
    [InlineData("""{"variants":[{"key":"a","weight":0},{"key":"b","weight":10001}]}""", "/variants/0/weight", "/variants/1/weight")]
    [InlineData("""{"variants":[{"key":"a","weight":1.5},{"key":"b"}]}""", "/variants/0/weight")]
    [InlineData("{TWO,\"kind\":\"bandit\"}", "/kind")]
    [InlineData("{TWO,\"coverage\":1.01}", "/coverage")]
    [InlineData("{TWO,\"coverage\":1e400}", "/coverage")]
    [InlineData("{TWO,\"seed\":\"a:b\"}", "/seed")]
    [InlineData("{TWO,\"seed\":\"a~2\"}", "/seed")]
    [InlineData("{TWO,\"seed\":\"\"}", "/seed")]
    [InlineData("{TWO,\"layer\":{\"key\":\"l\",\"from\":0.5,\"to\":0.5}}", "/layer")]
    [InlineData("{TWO,\"layer\":{\"key\":\"l\",\"from\":0}}", "/layer/to")]
    [InlineData("{TWO,\"metrics\":{\"primary\":\"buyer\"}}", "/metrics/primary")]
    [InlineData("{TWO,\"metrics\":{\"primary\":\"buyers\",\"secondary\":[\"orders\",\"buyers\"]}}", "/metrics/secondary/1")]
    [InlineData("{TWO,\"metrics\":{\"guardrails\":[{\"metric\":\"orders\",\"maxHarm\":0}]}}", "/metrics/guardrails/0/maxHarm")]
    [InlineData("{TWO,\"alpha\":0}", "/alpha")]
    [InlineData("{TWO,\"plannedUnits\":10}", "/plannedUnits")]
    [InlineData("{TWO,\"cuped\":{\"days\":91}}", "/cuped/days")]
    [InlineData("{TWO,\"unit\":\"session\"}", "/unit")]
    [InlineData("{TWO,\"typo\":1}", "/typo")]
    public async Task Put_Invalid_Is400AtItsPlace(string body, params string[] pointers) => Assert.Equal(
        pointers,
        (await Api.PutAsync($"experiments/{SegmentApi.NewKey()}", body.Replace("TWO", Two, StringComparison.Ordinal))).Expect(400).Faults);

    [Fact]
    public async Task Lifecycle_StartStopAgainArchive()
    {
        var key = await Api.MakeExperimentAsync();
        (await Api.PostAsync($"experiments/{key}/stop", "")).Expect(409);
        var started = (await Api.PostAsync($"experiments/{key}/start", "{}")).Expect(200);
        Assert.Equal(("running", 1), (started["status"].GetString(), started["run"].GetInt32()));
        Assert.True(started.Json.TryGetProperty("startedAt", out _));
        (await Api.PostAsync($"experiments/{key}/start", "{}")).Expect(409);
        (await Api.DeleteAsync($"experiments/{key}")).Expect(409);
        (await Api.PostAsync($"experiments/{key}/archive", "")).Expect(409);
        Assert.Equal(["/winner"], (await Api.PostAsync($"experiments/{key}/stop", """{"winner":"none"}""")).Expect(400).Faults);
        var stopped = (await Api.PostAsync($"experiments/{key}/stop", """{"winner":"treated","reason":"It sells."}""")).Expect(200);
        Assert.Equal(
            ("stopped", "treated", "It sells."),
            (stopped["status"].GetString(), stopped["winner"].GetString(), stopped["reason"].GetString()));
        Assert.Equal(
            ["/at"],
            (await Api.PostAsync($"experiments/{key}/start", $$"""{"at":"{{Ago(TimeSpan.FromDays(1))}}"}""")).Expect(400).Faults);
        var again = (await Api.PostAsync($"experiments/{key}/start", "")).Expect(200);
        Assert.Equal(2, again["run"].GetInt32());
        Assert.False(again.Json.TryGetProperty("winner", out _));
        (await Api.PostAsync($"experiments/{key}/stop", "")).Expect(200);
        Assert.Equal("archived", (await Api.PostAsync($"experiments/{key}/archive", "")).Expect(200)["status"].GetString());
        Assert.Contains(
            await Api.AllAsync("experiments?status=archived", 2), e => e.GetProperty("key").GetString() == key);
        (await Api.DeleteAsync($"experiments/{key}")).Expect(204);
    }

    [Fact]
    public async Task Start_At_IsInThePastAndNotLongAgo()
    {
        var key = await Api.MakeExperimentAsync();
        foreach (var at in new[] { Ago(TimeSpan.FromHours(-1)), Ago(TimeSpan.FromDays(91)) })
        {
            Assert.Equal(["/at"], (await Api.PostAsync($"experiments/{key}/start", $$"""{"at":"{{at}}"}""")).Expect(400).Faults);
        }

        var told = Ago(TimeSpan.FromDays(89));
        var started = (await Api.PostAsync($"experiments/{key}/start", $$"""{"at":"{{told}}"}""")).Expect(200);
        Assert.Equal(
            DateTimeOffset.Parse(told, CultureInfo.InvariantCulture), started["startedAt"].GetDateTimeOffset(), TimeSpan.FromSeconds(1));
    }

    [Theory]
    [InlineData("""{"variants":[{"key":"control"},{"key":"other"}]}""", "variants")]
    [InlineData("""{"variants":[{"key":"control","weight":2},{"key":"treated"}]}""", "variants")]
    [InlineData("""{"unit":"customer"}""", "unit")]
    [InlineData("""{"seed":"x"}""", "seed")]
    [InlineData("""{"layer":{"key":"l","from":0,"to":1}}""", "layer")]
    [InlineData("""{"metrics":{"primary":"orders"}}""", "metrics.primary")]
    [InlineData("""{"metrics":null}""", "metrics.primary")]
    [InlineData("""{"analysis":"fixed","alpha":0.1}""", "analysis, alpha")]
    [InlineData("""{"plannedUnits":500}""", "plannedUnits")]
    [InlineData("""{"cuped":{"days":7}}""", "cuped")]
    [InlineData("""{"name":"n","description":"d","hypothesis":"h","tags":["t"],"coverage":0.1}""", null)]
    [InlineData("""{"metrics":{"secondary":["orders"],"guardrails":[{"metric":"revenue","maxHarm":0.1}]}}""", null)]
    public async Task Patch_WhileItRuns_OnlyWhatLeavesTheComparisonAsItIs(string patch, string? refused)
    {
        var key = await Api.MakeExperimentAsync($$"""{{Two}},"metrics":{"primary":"buyers"}""", start: true);
        var answer = (await Api.PatchAsync($"experiments/{key}", patch)).Expect(refused is null ? 200 : 409);
        if (refused is not null)
        {
            Assert.Contains($"\"{key}\" is running: {refused} can't change", answer["title"].GetString());
        }

        (await Api.PostAsync($"experiments/{key}/stop", "")).Expect(200);
        (await Api.PatchAsync($"experiments/{key}", patch)).Expect(200);
    }

    [Fact]
    public async Task Start_InALayer_NeedsAPartOfItsOwnAndTheSameUnit()
    {
        var layer = SegmentApi.NewKey();
        string In(string from, string to, string unit) =>
            $$"""{{Two}},"unit":"{{unit}}","layer":{"key":"{{layer}}","from":{{from}},"to":{{to}}}""";
        var first = await Api.MakeExperimentAsync(In("0", "0.5", "visitor"), start: true);
        var overlapping = await Api.MakeExperimentAsync(In("0.4999", "1", "visitor"));
        Assert.Contains(first, (await Api.PostAsync($"experiments/{overlapping}/start", "")).Expect(409)["title"].GetString());
        var other = await Api.MakeExperimentAsync(In("0.5", "1", "customer"));
        Assert.Contains("another unit", (await Api.PostAsync($"experiments/{other}/start", "")).Expect(409)["title"].GetString());
        await Api.MakeExperimentAsync(In("0.5", "1", "visitor"), start: true);
        (await Api.PostAsync($"experiments/{first}/stop", "")).Expect(200);
        (await Api.PostAsync($"experiments/{overlapping}/start", "")).Expect(409);
    }

    [Fact]
    public async Task Metric_InUse_CantBeDeleted()
    {
        var metric = SegmentApi.NewKey();
        (await Api.PutAsync(
            $"metrics/{metric}", """{"kind":"count","goal":"increase","event":{"combinator":"and","rules":[]}}""")).Expect(201);
        var key = await Api.MakeExperimentAsync($$"""{{Two}},"metrics":{"secondary":["{{metric}}"]}""");
        Assert.EndsWith($"experiment {key}.", (await Api.DeleteAsync($"metrics/{metric}")).Expect(409)["title"].GetString());
        (await Api.DeleteAsync($"experiments/{key}")).Expect(204);
        (await Api.DeleteAsync($"metrics/{metric}")).Expect(204);
    }

    [Fact]
    public async Task Assignments_AreByThePublishedTable()
    {
        var layer =
            """
            "layer":{"key":"checkout","from":0,"to":0.25}
            """;
        var key = await Api.MakeExperimentAsync(
            $$"""
            "variants":[{"key":"control"},{"key":"warm"},{"key":"offer"}],"seed":"hero-copy","coverage":0.5,{{layer}}
            """);
        var first = (await Api.PostAsync($"experiments/{key}/assignments", """{"units":["c-17","grün"]}""")).Expect(200)["items"];
        SegmentApi.AssertSame(
            """{"unit":"c-17","bucket":7469,"variant":"offer","reason":"assigned"}""", first[0]);
        Assert.Equal(8311, first[1].GetProperty("bucket").GetInt32());
        var second = (await Api.PostAsync($"experiments/{key}/assignments", """{"units":["c-17"],"run":2}""")).Expect(200)["items"];
        SegmentApi.AssertSame("""{"unit":"c-17","bucket":852,"variant":"control","reason":"assigned"}""", second[0]);
        (await Api.PatchAsync($"experiments/{key}", """{"layer":{"to":0.24}}""")).Expect(200);
        var outside = (await Api.PostAsync($"experiments/{key}/assignments", """{"units":["c-17"]}""")).Expect(200)["items"];
        SegmentApi.AssertSame("""{"unit":"c-17","bucket":7469,"variant":null,"reason":"outsideLayer"}""", outside[0]);
        (await Api.PatchAsync($"experiments/{key}", """{"layer":null,"coverage":0.2}""")).Expect(200);
        outside = (await Api.PostAsync($"experiments/{key}/assignments", """{"units":["c-17"]}""")).Expect(200)["items"];
        Assert.Equal("outsideCoverage", outside[0].GetProperty("reason").GetString());
        Assert.Equal(
            ["/run", "/units/1"],
            (await Api.PostAsync($"experiments/{key}/assignments", """{"units":["a",""],"run":0}""")).Expect(400).Faults);
        Assert.Equal(["/units"], (await Api.PostAsync($"experiments/{key}/assignments", "{}")).Expect(400).Faults);
        (await Api.PostAsync("experiments/nobody/assignments", """{"units":["a"]}""")).Expect(404);
    }

    private static string Ago(TimeSpan span) => (DateTimeOffset.UtcNow - span).ToString("O", CultureInfo.InvariantCulture);
}
