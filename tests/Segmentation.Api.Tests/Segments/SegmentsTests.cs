using System.Text.Json;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Segments;

/// <summary>Definitions of segments, over HTTP.</summary>
public sealed class SegmentsTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Nobody = """{"combinator":"and","not":true,"rules":[]}""";

    private static readonly string Grown = Is("demographic.age", ">=", "18");

    private Api Api => fixture.Api;

    [Fact]
    public async Task Post_Segment_IsCreatedWithDefaultsAndLocation()
    {
        var key = SegmentApi.NewKey();
        var answer = (await Api.PostAsync("segments", Body(All(Grown), $"\"key\":\"{key}\""))).Expect(201);

        Assert.Equal($"/api/v1/segments/{key}", new Uri(Api.Client.BaseAddress!, answer.Message.Headers.Location!).AbsolutePath);
        Assert.Equal("\"1\"", answer.Version);
        var segment = answer.Json;
        Assert.Equal((key, key, "rule", "UTC", "active", 1), (
            segment.GetProperty("key").GetString(), segment.GetProperty("name").GetString(), segment.GetProperty("kind").GetString(),
            segment.GetProperty("timeZone").GetString(),
            segment.GetProperty("status").GetString(),
            segment.GetProperty("version").GetInt32()));
        Assert.True(segment.GetProperty("valid").GetBoolean());
        Assert.Empty(segment.GetProperty("tags").EnumerateArray());
        SegmentApi.AssertSame(All(Grown), segment.GetProperty("rule"));
        Assert.EndsWith("Z", segment.GetProperty("createdAt").GetString());

        var again = await Api.PostAsync("segments", Body(All(Grown), $"\"key\":\"{key}\""));
        Assert.Contains(key, again.Expect(409)["title"].GetString());
    }

    [Fact]
    public async Task Get_Answer_CanBePutBack()
    {
        var key = await Api.MakeSegmentAsync(
            All("""{"id":"r-1","path":[0],"disabled":false,"field":"demographic.age","operator":"between","value":"18,65"}"""),
            "\"description\":\"d\",\"goal\":\"g\",\"tags\":[\"x\"],\"timeZone\":\"Europe/Berlin\",\"status\":\"draft\"");
        var got = (await Api.GetAsync($"segments/{key}")).Expect(200);
        Assert.True(got.Json.TryGetProperty("memberCount", out _) && got.Json.TryGetProperty("evaluatedAt", out _));

        var put = (await Api.PutAsync($"segments/{key}", got.Body)).Expect(200);
        Assert.Equal(got.Version, put.Version); // Nothing changed: no new version.
        Assert.Equal(1, put["version"].GetInt32());
        foreach (var name in new[]
        {
            "key", "name", "description", "goal", "kind", "rule", "timeZone", "tags", "status", "createdAt", "updatedAt"
        })
        {
            SegmentApi.AssertSame(got[name].GetRawText(), put[name]);
        }

        // And created from, after it has gone.
        (await Api.DeleteAsync($"segments/{key}")).Expect(204);
        (await Api.PutAsync($"segments/{key}", got.Body)).Expect(201);
        (await Api.DeleteAsync($"segments/{key}")).Expect(204);
        (await Api.PostAsync("segments", got.Body)).Expect(201);
    }

    [Fact]
    public async Task Put_NewThenKnown_CreatesThenReplaces()
    {
        var key = SegmentApi.NewKey();
        var first =
            (await Api.PutAsync($"segments/{key}", Body(All(Grown), "\"goal\":\"sell\",\"tags\":[\"a\",\" a \",\"b\"]"))).Expect(201);
        Assert.Equal(["a", "b"], first["tags"].EnumerateArray().Select(t => t.GetString()));

        var second = (await Api.PutAsync($"segments/{key}", Body(Everyone, "\"name\":\"  Later \""))).Expect(200);
        Assert.Equal(2, second["version"].GetInt32());
        Assert.Equal("Later", second["name"].GetString());
        Assert.False(second.Json.TryGetProperty("goal", out _)); // A replacement, not a merge.
        Assert.Equal(["/rule"], (await Api.PutAsync($"segments/{key}", "{}")).Expect(400).Faults);
        Assert.Equal(["/key"], (await Api.PutAsync($"segments/{key}", Body(Everyone, "\"key\":\"other\""))).Expect(400).Faults);
        Assert.Equal(["/kind"], (await Api.PutAsync($"segments/{key}", "{\"kind\":\"manual\"}")).Expect(400).Faults);
    }

    [Fact]
    public async Task Patch_Merges_NullRemoves_KeyStays()
    {
        var key = await Api.MakeSegmentAsync(All(Grown), "\"goal\":\"g\",\"description\":\"d\"");
        var patched = (await Api.PatchAsync(
            $"segments/{key}", $$$"""{"goal":null,"name":"N","rule":{{{Nobody}}},"version":99,"memberCount":5}""")).Expect(200);
        Assert.False(patched.Json.TryGetProperty("goal", out _));
        Assert.Equal(("N", "d", 2), (patched["name"].GetString(), patched["description"].GetString(), patched["version"].GetInt32()));
        SegmentApi.AssertSame(Nobody, patched["rule"]);

        // The rule is one value: nothing of the one before stays in it.
        Assert.Equal(["/rule"], (await Api.PatchAsync($"segments/{key}", """{"rule":{"not":true}}""")).Expect(400).Faults);
        Assert.Equal(["/rule"], (await Api.PatchAsync($"segments/{key}", """{"rule":null}""")).Expect(400).Faults);
        SegmentApi.AssertSame(All(Grown), (await Api.PatchAsync($"segments/{key}", Body(All(Grown)))).Expect(200)["rule"]);
        Assert.Equal(["/key"], (await Api.PatchAsync($"segments/{key}", """{"key":"other"}""")).Expect(400).Faults);
        Assert.Equal(["/nmae"], (await Api.PatchAsync($"segments/{key}", """{"nmae":"x"}""")).Expect(400).Faults);
        Assert.Equal(
            ["/rule/rules/0/field"],
            (await Api.PatchAsync($"segments/{key}", Body(All(Is("demographic.agee", "=", "1"))))).Expect(400).Faults);
        (await Api.PatchAsync($"segments/{SegmentApi.NewKey()}", "{}")).Expect(404);
        (await Api.PatchAsync($"segments/{key}", "[]")).Expect(400);
        Assert.Equal(3, (await Api.GetAsync($"segments/{key}"))["version"].GetInt32());
    }

    // Without a rule it could be neither evaluated nor deleted.
    [Theory]
    [InlineData("\"\\ud800\"", "/rule/rules/0/value")]
    [InlineData("1e9999", "/rule/rules/0/value")]
    [InlineData("BIG", "/rule")]
    public async Task Put_ADraftWhoseRuleCantBeStored_Is400(string value, string pointer)
    {
        var big = $"[{string.Join(',', Enumerable.Range(0, 200).Select(i => $"\"{new string('x', 400)}{i}\""))}]";
        var body = Body(All(Is("customer.email", "in", value == "BIG" ? big : value)), "\"status\":\"draft\"");
        var key = SegmentApi.NewKey();
        Assert.Contains(pointer, (await Api.PutAsync($"segments/{key}", body)).Expect(400).Faults);
        (await Api.GetAsync($"segments/{key}")).Expect(404);

        await Api.PutAsync($"segments/{key}", Body(All(Grown), "\"status\":\"draft\""));
        Assert.Contains(pointer, (await Api.PutAsync($"segments/{key}", body)).Expect(400).Faults);
        SegmentApi.AssertSame(All(Grown), (await Api.GetAsync($"segments/{key}")).Expect(200)["rule"]);
    }

    [Theory]
    [InlineData("{\"\\ud800\":1}")]
    [InlineData("{\"name\":\"\\ud800\"}")]
    [InlineData("{\"name\":\"a\\u0000b\"}")]
    [InlineData("{\"tags\":[null]}")]
    [InlineData("{\"tags\":[\"\\udc00\"]}")]
    [InlineData("{\"rule\":{\"\\ud800\":1}}")]
    [InlineData("{\"rule\":{\"id\":\"\\ud800\"}}")]
    [InlineData("{\"rule\":{\"rules\":null}}")]
    [InlineData("{\"rule\":null}")]
    [InlineData("{\"name\":\"a\",\"name\":\"b\"}")]
    [InlineData("null")]
    [InlineData("\"text\"")]
    [InlineData("{\"status\":\"no\"}")]
    [InlineData("{\"status\":1}")]
    [InlineData("{\"timeZone\":\"Mars/Base\"}")]
    [InlineData("{\"timeZone\":\"a\\u0000\"}")]
    public async Task PatchAndPut_Malformed_Are400(string body)
    {
        var key = await Api.MakeSegmentAsync(All(Grown));
        (await Api.PatchAsync($"segments/{key}", body)).Expect(400);
        (await Api.PutAsync($"segments/{key}", body)).Expect(400);
        (await Api.PostAsync("segments", body)).Expect(400);
        Assert.Equal(1, (await Api.GetAsync($"segments/{key}"))["version"].GetInt32());
    }

    [Theory]
    [InlineData("Upper")]
    [InlineData("-dash")]
    [InlineData("under_score")]
    [InlineData("a b")]
    [InlineData("é")]
    [InlineData("new\n")]
    [InlineData("")]
    [InlineData("a234567890123456789012345678901234567890123456789012345678901234")]
    public async Task Key_NoSlug_Is400(string key)
    {
        var body = JsonSerializer.Serialize(key);
        Assert.Equal(["/key"], (await Api.PostAsync("segments", Body(Everyone, $"\"key\":{body}"))).Expect(400).Faults);
        if (key.Length > 0)
        {
            Assert.Equal(["/key"], (await Api.PutAsync($"segments/{Uri.EscapeDataString(key)}", Body(Everyone))).Expect(400).Faults);
        }

        var source = await Api.MakeSegmentAsync(Everyone);
        var clone = (await Api.PostAsync($"segments/{source}/clone", $"{{\"key\":{body}}}")).Expect(400);
        Assert.Equal(
            "A key is 1 to 63 lowercase letters, digits and hyphens, and starts with no hyphen.",
            Assert.Single(clone["errors"].GetProperty("/key").EnumerateArray()).GetString());
    }

    [Fact]
    public async Task Body_ManyFaults_AreReportedAtOnceEachAtItsPointer()
    {
        var answer = await Api.PutAsync($"segments/{SegmentApi.NewKey()}", $$"""
            {"name":"{{new string('n', 201)}}","timeZone":"Nowhere","tags":["",null],"rule":{{Everyone}}}
            """);
        Assert.Equal(["/name", "/tags/0", "/tags/1", "/timeZone"], answer.Expect(400).Faults);

        answer = await Api.PutAsync($"segments/{SegmentApi.NewKey()}", Body(All(
            Is("demographic.agee", "=", "1"), Is("demographic.age", "~", "1"), Is("demographic.age", "in", "[1,\"x\"]"),
            $$"""{"field":"behavioral.events","operator":"=","match":{"mode":"atLeast"},"value":{{All(Is("kind", "=", "\"x\""))}}}""",
            "7")));
        Assert.Equal(
            ["/rule/rules/0/field", "/rule/rules/1/operator", "/rule/rules/2/value/1", "/rule/rules/3/match/threshold",
                "/rule/rules/3/value/rules/0/field", "/rule/rules/4"],
            answer.Expect(400).Faults);
        Assert.Contains("demographic.age", answer["errors"].GetProperty("/rule/rules/0/field")[0].GetString());

        answer = await Api.PutAsync(
            $"segments/{SegmentApi.NewKey()}", Body(All(Is("demographic.agee", "=", "1")), "\"timeZone\":\"Mars/Olympus\""));
        Assert.Equal(["/rule/rules/0/field", "/timeZone"], answer.Expect(400).Faults);

        Assert.Equal(
            ["/nmae"], (await Api.PutAsync($"segments/{SegmentApi.NewKey()}", Body(Everyone, "\"nmae\":\"x\""))).Expect(400).Faults);
        Assert.Equal(
            ["/rule"], (await Api.PutAsync($"segments/{SegmentApi.NewKey()}", Body(Everyone, "\"kind\":\"manual\""))).Expect(400).Faults);
        Assert.Equal(["/rule"], (await Api.PutAsync($"segments/{SegmentApi.NewKey()}", Body("[]"))).Expect(400).Faults);
        Assert.Equal(
            ["/rule/muted"],
            (await Api.PutAsync($"segments/{SegmentApi.NewKey()}", Body("""{"combinator":"and","rules":[],"muted":1}""")))
                .Expect(400).Faults);
    }

    [Fact]
    public async Task IfMatch_StaleIs412_PresentAndStarPass()
    {
        var key = await Api.MakeSegmentAsync(All(Grown));
        (await Api.PutAsync($"segments/{key}", Body(Everyone), ("If-Match", "\"7\""))).Expect(412);
        (await Api.PutAsync($"segments/{key}", Body(Everyone), ("If-Match", "\"7\", \"1\""))).Expect(200);
        (await Api.PatchAsync($"segments/{key}", "{\"goal\":\"x\"}", ("If-Match", "\"1\""))).Expect(412);
        (await Api.PatchAsync($"segments/{key}", "{\"goal\":\"x\"}", ("If-Match", "*"))).Expect(200);
        (await Api.PostAsync($"segments/{key}/versions/1/restore", "", ("If-Match", "\"2\""))).Expect(412);
        (await Api.DeleteAsync($"segments/{key}", ("If-Match", "\"1\""))).Expect(412);
        (await Api.DeleteAsync($"segments/{key}", ("If-Match", "nonsense"))).Expect(400);
        (await Api.DeleteAsync($"segments/{key}", ("If-Match", "\"3\""))).Expect(204);
        (await Api.PutAsync($"segments/{key}", Body(Everyone), ("If-Match", "*"))).Expect(412);
    }

    [Fact]
    public async Task IfMatch_WritersAtOnce_OneWins()
    {
        for (var round = 0; round < 5; round++)
        {
            var key = await Api.MakeSegmentAsync(All(Grown));
            var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => i % 2 == 0
                ? Api.PutAsync($"segments/{key}", Body(Everyone, $"\"goal\":\"{i}\""), ("If-Match", "\"1\""))
                : Api.PatchAsync($"segments/{key}", $"{{\"goal\":\"{i}\"}}", ("If-Match", "\"1\""))));
            Assert.Equal([200, 412, 412, 412, 412, 412], answers.Select(a => a.Status).Order());
            Assert.Equal(2, (await Api.GetAsync($"segments/{key}"))["version"].GetInt32());
        }
    }

    [Fact]
    public async Task Post_SameKeyAtOnce_OneIsCreated()
    {
        var key = SegmentApi.NewKey();
        var answers = await Task.WhenAll(
            Enumerable.Range(0, 5).Select(_ => Api.PostAsync("segments", Body(Everyone, $"\"key\":\"{key}\""))));
        Assert.Equal([201, 409, 409, 409, 409], answers.Select(a => a.Status).Order());
        var puts = SegmentApi.NewKey();
        answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => Api.PutAsync($"segments/{puts}", Body(Everyone))));
        Assert.Equal([200, 200, 200, 200, 201], answers.Select(a => a.Status).Order());
    }

    [Fact]
    public async Task PreviewValidateCompile_FaultsAreBelowRule()
    {
        var bad = Body(All(Is("demographic.age", "=", "\"abc\"")), "\"timeZone\":\"Nowhere\"");
        var validation = (await Api.PostAsync("segments/validate", bad)).Expect(200);
        Assert.False(validation["valid"].GetBoolean());
        Assert.Equal(["/rule/rules/0/value", "/timeZone"], validation.Faults);
        Assert.False(validation.Json.TryGetProperty("description", out _));
        foreach (var path in new[] { "segments/preview", "segments/compile" })
        {
            Assert.Equal(
                ["/rule/rules/0/value"], (await Api.PostAsync(path, Body(All(Is("demographic.age", "=", "\"abc\""))))).Expect(400).Faults);
            Assert.Equal(["/timeZone"], (await Api.PostAsync(path, Body(Everyone, "\"timeZone\":\"Nowhere\""))).Expect(400).Faults);
            Assert.Equal(["/rule"], (await Api.PostAsync(path, "{}")).Expect(400).Faults);
            Assert.Equal(["/asOf"], (await Api.PostAsync(path, Body(Everyone, "\"asOf\":\"2024-01-01\""))).Expect(400).Faults);
        }

        Assert.Equal(["/rule"], (await Api.PostAsync("segments/validate", "{}")).Expect(400).Faults);
        Assert.Equal(["/sampleSize"], (await Api.PostAsync("segments/preview", Body(Everyone, "\"sampleSize\":101"))).Expect(400).Faults);
        Assert.Equal(["/sampleSize"], (await Api.PostAsync("segments/preview", Body(Everyone, "\"sampleSize\":-1"))).Expect(400).Faults);

        validation = (await Api.PostAsync("segments/validate", Body(All(Grown)))).Expect(200);
        Assert.Equal((true, "Age is at least 18"), (validation["valid"].GetBoolean(), validation["description"].GetString()));
        Assert.Empty(validation["errors"].EnumerateObject());

        var compiled =
            (await Api.PostAsync("segments/compile", Body(All(Grown, Is("demographic.gender", "=", "\"zq-marker\""))))).Expect(200);
        Assert.Contains("demographic_gender_folded", compiled["sql"].GetString());
        Assert.DoesNotContain("zq-marker", compiled["sql"].GetString());
        Assert.Contains(compiled["parameters"].EnumerateArray(), p => p.GetProperty("value").ToString() == "zq-marker");
        Assert.Contains("customers", string.Join('\n', compiled["plan"].EnumerateArray()));
    }

    [Theory]
    [InlineData("0001-01-01T00:00:00Z")]
    [InlineData("9999-12-31T23:59:59Z")]
    [InlineData("9999-12-31T23:59:59-14:00")]
    [InlineData("0001-01-01T00:00:00%2B14:00")]
    [InlineData("2024-05-31T12:00:00+02:00")]
    [InlineData("2024-05-31")]
    [InlineData("")]
    [InlineData("x")]
    public async Task AsOf_AtTheCalendarsEnds_IsAnswered(string asOf)
    {
        var key = await Api.MakeSegmentAsync(All(
            Is("temporal.lastSeenAt", ">", """{"mode":"relative","anchor":"startOfYear","offset":-5,"unit":"year"}"""),
            Is("demographic.age", ">", "3"),
            Is("temporal.birthday", "=", """{"mode":"relative","anchor":"now","offset":5,"unit":"day"}"""),
            Is("value.daysSinceLastOrder", ">", "3"), Is("temporal.localHour", ">", "3")), "\"timeZone\":\"Pacific/Apia\"");
        var expected = asOf.Length == 0 || asOf.Contains("T", StringComparison.Ordinal) ? new[] { 200, 400 } : [400];
        var seen = new HashSet<int>();
        foreach (var path in new[] { $"segments/{key}/count", $"segments/{key}/members" })
        {
            var answer = await Api.GetAsync($"{path}?asOf={asOf}");
            Assert.Contains(answer.Status, expected);
            seen.Add(answer.Status);
        }

        Assert.Single(seen);
    }
}
