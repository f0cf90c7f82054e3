using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Segments;

/// <summary>Versions and copies of segments, over HTTP.</summary>
public sealed class SegmentVersionsTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private static readonly string Grown = Is("demographic.age", ">=", "18");

    private Api Api => fixture.Api;

    [Fact]
    public async Task Versions_KeepEveryDefinition_RestoreMakesANewOne()
    {
        var started = DateTimeOffset.UtcNow.AddMilliseconds(-1); // The service's times are cut to microseconds.
        var key = await Api.MakeSegmentAsync(All(Grown));
        (await Api.PutAsync($"segments/{key}", Body(Everyone, "\"goal\":\"two\""))).Expect(200);
        (await Api.PatchAsync($"segments/{key}", "{\"status\":\"archived\"}")).Expect(200);

        var versions = await Api.AllAsync($"segments/{key}/versions", 2);
        Assert.Equal([3, 2, 1], versions.Select(v => v.GetProperty("version").GetInt32()));
        Assert.Equal("archived", versions[0].GetProperty("definition").GetProperty("status").GetString());
        Assert.Equal("two", versions[1].GetProperty("definition").GetProperty("goal").GetString());
        Assert.All(versions, v => Assert.True(
            v.GetProperty("changedAt").GetDateTimeOffset() >= started && v.GetProperty("changedBy").GetString() is { Length: > 0 }));

        var restored = (await Api.PostAsync($"segments/{key}/versions/1/restore", "")).Expect(200);
        Assert.Equal((4, "active"), (restored["version"].GetInt32(), restored["status"].GetString()));
        SegmentApi.AssertSame(All(Grown), restored["rule"]);
        Assert.False(restored.Json.TryGetProperty("goal", out _));
        Assert.Equal("\"4\"", restored.Version);
        Assert.Equal(4, (await Api.AllAsync($"segments/{key}/versions")).Count);

        (await Api.PostAsync($"segments/{key}/versions/9/restore", "")).Expect(404);
        (await Api.PostAsync($"segments/{key}/versions/99999999999/restore", "")).Expect(404);
        (await Api.PostAsync($"segments/{SegmentApi.NewKey()}/versions/1/restore", "")).Expect(404);
        (await Api.GetAsync($"segments/{SegmentApi.NewKey()}/versions")).Expect(404);
    }

    [Fact]
    public async Task Restore_OfWhatBecameInvalid_Is400()
    {
        var (name, key) = ($"gone{SegmentApi.NextNumber()}", SegmentApi.NewKey());
        (await Api.PutAsync($"attributes/{name}", """{"type":"text","kind":"value"}""")).Expect(201);
        (await Api.PutAsync($"segments/{key}", Body(All(Is($"attributes.{name}", "=", "\"x\""))))).Expect(201);
        (await Api.PutAsync($"segments/{key}", Body(Everyone))).Expect(200);
        (await Api.DeleteAsync($"attributes/{name}")).Expect(204);
        Assert.Equal(["/rule/rules/0/field"], (await Api.PostAsync($"segments/{key}/versions/1/restore", "")).Expect(400).Faults);
    }

    [Fact]
    public async Task Clone_IsADraftUnderTheNewKey()
    {
        var (key, copy) = (
            await Api.MakeSegmentAsync(All(Grown), "\"name\":\"Grown\",\"goal\":\"g\",\"tags\":[\"t\"],\"timeZone\":\"Asia/Kathmandu\""),
            SegmentApi.NewKey());
        var answer = (await Api.PostAsync($"segments/{key}/clone", $"{{\"key\":\"{copy}\"}}")).Expect(201);
        Assert.Equal((copy, "Grown", "draft", 1, "Asia/Kathmandu"), (
            answer["key"].GetString(),
            answer["name"].GetString(),
            answer["status"].GetString(),
            answer["version"].GetInt32(),
            answer["timeZone"].GetString()));
        Assert.EndsWith($"/segments/{copy}", answer.Message.Headers.Location!.ToString());
        (await Api.PostAsync($"segments/{key}/clone", $"{{\"key\":\"{copy}\"}}")).Expect(409);
        Assert.Equal(["/key"], (await Api.PostAsync($"segments/{key}/clone", "{}")).Expect(400).Faults);
        Assert.Equal(["/key"], (await Api.PostAsync($"segments/{key}/clone", "{\"key\":null}")).Expect(400).Faults);
        Assert.Equal(["/keey"], (await Api.PostAsync($"segments/{key}/clone", "{\"keey\":\"x\"}")).Expect(400).Faults);
        (await Api.PostAsync($"segments/{SegmentApi.NewKey()}/clone", $"{{\"key\":\"{SegmentApi.NewKey()}\"}}")).Expect(404);
    }
}
