using System.Text.Json;
using Segmentation.Api.Changes;
using Segmentation.Api.Endpoints;

namespace Segmentation.Api.Tests.Memberships;

/// <summary>Who joined and who left, over HTTP.</summary>
public sealed class ChangesTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private Api Api => fixture.Api;

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100)]
    [InlineData(1000)]
    public async Task OfSegment_Paged_ShowsEachChangeOnceNewestFirst(int limit)
    {
        var history = await StoredHistory.BeginAsync(fixture, limit == 1 ? 12 : 150);
        var (one, other) = (await history.SegmentAsync(), await history.SegmentAsync());
        var all = history.Customers;
        await history.ApplyAsync(one, Start, all, []);
        await history.RunAsync(new Random(limit), [one, other], Start, limit == 1 ? 6 : 30, TimeSpan.FromMinutes(10));
        List<string> members = [.. history.Members(one)];
        await history.ApplyAsync(one, Start.AddDays(2), [.. all.Except(members)], members, MembershipCause.Definition, version: 2);

        var seen = await Api.AllAsync($"segments/{one}/changes", limit);
        Assert.Equal(history.Newest(c => c.Segment == one).Select(c => Text(c, c.Customer)), seen.Select(c => Text(c, "customerId")));
    }

    [Fact]
    public async Task OfSegment_WhileOthersLeave_ShowsWhatWasThereOnce()
    {
        var history = await StoredHistory.BeginAsync(fixture, 60);
        var key = await history.SegmentAsync();
        await history.ApplyAsync(key, Start, history.Customers, []);
        List<string> seen = [];
        string? cursor = null;
        do
        {
            var page = (await Api.GetAsync($"segments/{key}/changes?limit=7{(cursor is null ? "" : $"&cursor={cursor}")}")).Expect(200);
            seen.AddRange(page["items"].EnumerateArray().Select(c => Text(c, "customerId")));
            cursor = page["nextCursor"].GetString();
            await history.ApplyAsync(key, Start.AddMinutes(seen.Count), [], [history.Members(key).First()]);
        }
        while (cursor is not null);
        Assert.Equal(history.Newest(c => c.At == Start).Select(c => Text(c, c.Customer)), seen);
    }

    [Fact]
    public async Task Filters_AreWhatTheySay_OfSegmentsAndOfCustomers()
    {
        var history = await StoredHistory.BeginAsync(fixture, 20);
        string[] keys = [await history.SegmentAsync(), await history.SegmentAsync(), await history.SegmentAsync()];
        var random = new Random(4);
        var end = await history.RunAsync(random, keys, Start, 60, TimeSpan.FromHours(3));
        for (var i = 0; i < 60; i++)
        {
            MembershipChange? change = random.Next(3) == 0 ? null : (MembershipChange)random.Next(2);
            MembershipCause? cause = random.Next(2) == 0 ? null : (MembershipCause)random.Next(1, 8);
            DateTimeOffset? from = random.Next(2) == 0 ? null : random.Next(2) == 0 ? history.Changes[random.Next(history.Changes.Count)].At : Start + ((end - Start) * random.NextDouble());
            DateTimeOffset? to = random.Next(2) == 0 ? null : random.Next(2) == 0 ? history.Changes[random.Next(history.Changes.Count)].At : Start + ((end - Start) * random.NextDouble());
            (from, to) = from > to ? (to, from) : (from, to);
            var query = string.Join('&', new[] { change is null ? null : $"change={Name(change)}", cause is null ? null : $"cause={Name(cause)}", from is null ? null : $"from={from:O}", to is null ? null : $"to={to:O}" }.OfType<string>())
                .Replace("+00:00", "Z", StringComparison.Ordinal);
            bool Which(Change c) => (change is null || c.Kind == change) && (cause is null || c.Cause == cause) && !(c.At < Micro(from)) && !(c.At >= Micro(to));
            var (key, id) = (keys[random.Next(3)], history.Customers[random.Next(20)]);
            Assert.Equal(history.Newest(c => c.Segment == key && Which(c)).Select(c => Text(c, c.Customer)), (await Api.AllAsync($"segments/{key}/changes?{query}", 9)).Select(c => Text(c, "customerId")));
            Assert.Equal(history.Newest(c => c.Customer == id && Which(c)).Select(c => Text(c, c.Segment)), (await Api.AllAsync($"customers/{id}/changes?{query}", 2)).Select(c => Text(c, "segment")));
        }

        static DateTimeOffset? Micro(DateTimeOffset? at) => at is null ? null : Rules.Values.LocalTime.Truncate(at.Value);
    }

    [Fact]
    public async Task Items_SayWhy_AndNothingThatDoesNotApply()
    {
        var history = await StoredHistory.BeginAsync(fixture, 1);
        var (key, id) = (await history.SegmentAsync(), history.Customers[0]);
        await history.ApplyAsync(key, Start, [id], [], MembershipCause.Event, "order 1");
        await history.ApplyAsync(key, Start.AddMinutes(1), [], [id], MembershipCause.Definition, version: 3);
        Assert.Equal(
            $$"""[{"customerId":"{{id}}","change":"left","at":"2026-03-01T12:01:00Z","cause":"definition","version":3},{"customerId":"{{id}}","change":"joined","at":"2026-03-01T12:00:00Z","cause":"event","eventId":"order 1"}]""",
            (await Api.GetAsync($"segments/{key}/changes")).Expect(200)["items"].GetRawText());
        Assert.Equal(
            $$"""[{"segment":"{{key}}","change":"left","at":"2026-03-01T12:01:00Z","cause":"definition","version":3},{"segment":"{{key}}","change":"joined","at":"2026-03-01T12:00:00Z","cause":"event","eventId":"order 1"}]""",
            (await Api.GetAsync($"customers/{id}/changes")).Expect(200)["items"].GetRawText());
    }

    [Fact]
    public async Task WhatIsGone_IsLeftOut_AndPagesGoOn()
    {
        var history = await StoredHistory.BeginAsync(fixture, 9);
        var (key, gone) = (await history.SegmentAsync(), await history.SegmentAsync());
        await history.ApplyAsync(key, Start, history.Customers, []);
        await history.ApplyAsync(gone, Start, history.Customers, []);

        // Whoever keeps membership has not seen it yet: the stays are still there.
        (await Api.DeleteAsync($"segments/{gone}")).Expect(204);
        foreach (var erased in history.Customers.Where((_, i) => i % 3 != 0))
        {
            await history.ExecuteAsync($"DELETE FROM customers WHERE id = '{erased}'");
        }

        string[] rest = [.. history.Customers.Where((_, i) => i % 3 == 0)];
        Assert.Equal(rest.Reverse(), (await Api.AllAsync($"segments/{key}/changes", 2)).Select(c => c.GetProperty("customerId").GetString()));
        Assert.Equal([key], (await Api.AllAsync($"customers/{rest[0]}/changes", 1)).Select(c => c.GetProperty("segment").GetString()));
        (await Api.GetAsync($"customers/{history.Customers[1]}/changes")).Expect(404);
        (await Api.GetAsync($"segments/{gone}/changes")).Expect(404);
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=1001", "limit")]
    [InlineData("limit=x", "limit")]
    [InlineData("change=moved", "change")]
    [InlineData("cause=fate", "cause")]
    [InlineData("from=yesterday", "from")]
    [InlineData("to=2026-01-01", "to")]
    [InlineData("from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", "from")]
    [InlineData("cursor=x", "cursor")]
    [InlineData("cursor=WzFd", "cursor")]
    [InlineData("cursor=WzEsMiwzLDRd", "cursor")]
    [InlineData("cursor=WyJhIiwiYiIsImMiXQ", "cursor")]
    public async Task Malformed_Are400(string query, string parameter)
    {
        var history = await StoredHistory.BeginAsync(fixture, 1);
        var key = await history.SegmentAsync();
        Assert.Equal([parameter], (await Api.GetAsync($"segments/{key}/changes?{query}")).Expect(400).Faults);
        Assert.Equal([parameter], (await Api.GetAsync($"customers/{history.Customers[0]}/changes?{query}")).Expect(400).Faults);
    }

    private static string Name(Enum value) => JsonNamingPolicy.CamelCase.ConvertName($"{value}");

    private static string Text(Change change, string subject) =>
        $"{subject} {Name(change.Kind)} {Segmentation.Api.Http.Json.Format(change.At)} {Name(change.Cause)} {change.Event} {(change.Cause == MembershipCause.Definition ? change.Version : null)}";

    private static string Text(JsonElement change, string subject) =>
        $"{change.GetProperty(subject).GetString()} {change.GetProperty("change").GetString()} {change.GetProperty("at").GetString()} {change.GetProperty("cause").GetString()} {(change.TryGetProperty("eventId", out var e) ? e.GetString() : null)} {(change.TryGetProperty("version", out var v) ? v.GetInt32() : null)}";
}
