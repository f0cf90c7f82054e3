using System.Text.Json;

namespace Segmentation.Api.Tests.History;

/// <summary>Where customers went and came from, over HTTP, on a history made by hand.</summary>
public sealed class FlowsTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private static readonly DateTimeOffset Noon = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    private Api Api => fixture.Api;

    [Fact]
    public async Task Flows_AreOfThePeriod_FromTheFirstLeavingAndTheLastJoining()
    {
        var history = await StoredHistory.BeginAsync(fixture, 10);
        var c = history.Customers;
        var (s, a, b, gone) =
            (await history.SegmentAsync(), await history.SegmentAsync(), await history.SegmentAsync(), await history.SegmentAsync());
        Task At(double hours, string segment, string[] joined, string[] left) =>
            history.ApplyAsync(segment, Noon.AddHours(hours), joined, left);

        await At(-1, s, [c[0], c[1], c[2], c[3], c[4], c[5]], []); // Before the period: joined, but not in it.
        await At(-1, a, [c[5], c[6], c[7]], []);
        await At(0, a, [c[0]], []);       // One transaction, one instant: c0 moves from s to a, whichever was written first.
        await At(0, s, [], [c[0]]);
        await At(1, s, [], [c[1], c[2], c[3], c[4]]);
        await At(2, a, [c[1]], []);       // Later in the period.
        await At(2, b, [c[1], c[2]], []); // To two segments: counted in each.
        await At(2, gone, [c[3]], []);    // To a segment that will be deleted.
        await At(3, s, [c[1]], []);       // Back, and off again: counted once. From a (left below) it does not come.
        await At(4, s, [], [c[1]]);
        await At(4, a, [], [c[1], c[6]]);
        await At(5, s, [c[6], c[8]], []); // c6 came from a, c8 from nowhere.
        await At(6, a, [], [c[7]]);       // After c7... is never in s: no flow.
        await At(6, b, [], [c[2]]);
        await At(6, s, [c[2]], []);       // Back from b, at the same instant.
        await At(24, a, [c[4]], []);      // The period is over.
        (await Api.DeleteAsync($"segments/{gone}")).Expect(204);

        var flows = await ReadAsync(s, "");
        Assert.Equal((5, 4), (flows.GetProperty("left").GetInt64(), flows.GetProperty("joined").GetInt64())); // c0 to c4; c1, c6, c8, c2
        Assert.Equal(new[] { $"{a} 2 0.4", $"{b} 2 0.4" }.Order(StringComparer.Ordinal), List(flows, "to"));
        Assert.Equal(2, flows.GetProperty("none").GetInt64()); // c3, c4
        Assert.Equal(new[] { $"{a} 1 0.25", $"{b} 1 0.25" }.Order(StringComparer.Ordinal), List(flows, "from"));
        Assert.Equal(2, flows.GetProperty("new").GetInt64()); // c1, c8
        Assert.Equal(
            ("2026-05-01T12:00:00Z", "2026-05-02T12:00:00Z"),
            (flows.GetProperty("since").GetString(), flows.GetProperty("until").GetString()));

        var one = await ReadAsync(s, $"&to={b}");
        Assert.Equal(
            ([$"{b} 2 0.4"], [$"{b} 1 0.25"], 5L, 2L),
            (List(one, "to"), List(one, "from"), one.GetProperty("left").GetInt64(), one.GetProperty("none").GetInt64()),
            Same);

        // Seen from the other side: what went from s to a came to a from s, and c5, which stays, is not counted.
        var other = await ReadAsync(a, $"&to={s}");
        Assert.Equal([$"{s} 2 1"], List(other, "from")); // c0, c1 joined a in the period.
        Assert.Equal([$"{s} 1 0.333333"], List(other, "to")); // Of c1, c6, c7.

        async Task<JsonElement> ReadAsync(string key, string more) =>
            (await Api.GetAsync($"segments/{key}/flows?since=2026-05-01T12:00:00Z&until=2026-05-02T12:00:00Z{more}")).Expect(200).Json;
    }

    [Fact]
    public async Task ManySegments_MostCustomersFirst_EmptyIsEmpty()
    {
        var history = await StoredHistory.BeginAsync(fixture, 5);
        var s = await history.SegmentAsync();
        var empty = (await Api.GetAsync($"segments/{s}/flows")).Expect(200);
        Assert.Equal(
            (0, 0, 0, 0),
            (empty["left"].GetInt64(), empty["joined"].GetInt64(), empty["to"].GetArrayLength(), empty["from"].GetArrayLength()));
        var now = DateTimeOffset.UtcNow.AddHours(-2);
        await history.ApplyAsync(s, now, history.Customers, []);
        await history.ApplyAsync(s, now, [], history.Customers);
        List<string> expected = [];
        for (var n = 1; n <= 5; n++)
        {
            var key = await history.SegmentAsync();
            await history.ApplyAsync(key, now.AddMinutes(n), [.. history.Customers.Take(n)], []);
            expected.Insert(0, $"{key} {n} {n / 5m}");
        }

        var flows = (await Api.GetAsync($"segments/{s}/flows")).Expect(200);
        Assert.Equal(expected, flows["to"].EnumerateArray().Select(Text));
        Assert.Equal((5, 0, 5), (flows["joined"].GetInt64(), flows["none"].GetInt64(), flows["new"].GetInt64()));
    }

    [Theory]
    [InlineData("to=no-such", "to")]
    [InlineData("since=2026-01-01T00:00:00Z&until=2026-01-01T00:00:00Z", "since")]
    [InlineData("since=2926-01-01T00:00:00Z", "since")]
    [InlineData("since=x", "since")]
    [InlineData("until=2026-13-01T00:00:00Z", "until")]
    public async Task Malformed_Are400(string query, string parameter)
    {
        var history = await StoredHistory.BeginAsync(fixture, 0);
        var key = await history.SegmentAsync();
        Assert.Equal([parameter], (await Api.GetAsync($"segments/{key}/flows?{query}")).Expect(400).Faults);
        Assert.Equal(["to"], (await Api.GetAsync($"segments/{key}/flows?to={key}")).Expect(400).Faults);
        (await Api.GetAsync("segments/no-such/flows")).Expect(404);
    }

    private static bool Same((string[] To, string[] From, long Left, long None) x, (string[] To, string[] From, long Left, long None) y) =>
        x.To.SequenceEqual(y.To) && x.From.SequenceEqual(y.From) && (x.Left, x.None) == (y.Left, y.None);

    private static string[] List(JsonElement flows, string name) =>
        [.. flows.GetProperty(name).EnumerateArray().Select(Text).Order(StringComparer.Ordinal)];

    private static string Text(JsonElement flow) =>
        $"{flow.GetProperty("key").GetString()} {flow.GetProperty("customers").GetInt64()} "
        + $"{flow.GetProperty("share").GetDecimal() / 1.0000000m}";
}
