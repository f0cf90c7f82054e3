using System.Text.Json;
using Segmentation.Api.History;
using Segmentation.Api.Memberships;
using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.History;

/// <summary>A segment's size over time, over HTTP.</summary>
public sealed class TrendTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    [Theory]
    [InlineData("UTC", "2026-01-20T00:00:00Z", 1)]
    [InlineData("Europe/Berlin", "2026-03-20T10:00:00Z", 2)]
    [InlineData("Europe/Berlin", "2026-10-20T10:30:00Z", 3)]
    [InlineData("America/Havana", "2026-10-25T00:00:00Z", 4)]
    [InlineData("Australia/Lord_Howe", "2026-03-30T00:00:00Z", 5)]
    [InlineData("Pacific/Apia", "2011-12-24T00:00:00Z", 6)]
    [InlineData("Asia/Kathmandu", "2025-12-24T00:00:00Z", 7)]
    public async Task Sums_AreTheSizesChange_WhateverTheClocksDo(string zone, string from, int seed)
    {
        var (random, start) = (new Random(seed), DateTimeOffset.Parse(from, System.Globalization.CultureInfo.InvariantCulture));
        var history = await StoredHistory.BeginAsync(fixture, 40);
        string[] keys = [await history.SegmentAsync(zone), await history.SegmentAsync(zone)];
        var end = await history.RunAsync(random, keys, start, 120, TimeSpan.FromHours(4));
        for (var i = 0; i < 24; i++)
        {
            var (key, unit) = (keys[random.Next(2)], (CalendarUnit)(i % 4));
            var (a, b) = (Instant(), Instant());
            (a, b) = a < b ? (a, b) : (b, a + TimeSpan.FromSeconds(1));
            var trend = (await Api.GetAsync(
                $"segments/{key}/trend?from={Text(a)}&to={Text(b)}&interval={unit.ToString().ToLowerInvariant()}")).Expect(200);
            Assert.Equal(zone, trend["timeZone"].GetString());
            var items = trend["items"].EnumerateArray().Select(x => (
                Start: x.GetProperty("start").GetDateTimeOffset(), End: x.GetProperty("end").GetDateTimeOffset(),
                Size: Number(x, "size"), Joined: Number(x, "joined"), Left: Number(x, "left")))
                .ToList();
            var since = history.Changes.Where(c => c.Segment == key).Min(c => c.At);
            Assert.Equal(since, trend["historySince"].GetDateTimeOffset());
            Assert.Equal((a, b), (items[0].Start, items[^1].End));
            Assert.Equal(items.Skip(1).Select(x => x.Start), items.SkipLast(1).Select(x => x.End));
            Assert.All(items, x => Assert.Equal(
                x.End > since
                    ? (SizeAt(key, x.End), Count(MembershipChange.Joined, x), Count(MembershipChange.Left, x))
                    : (null, null, null),
                (x.Size, x.Joined, x.Left)));
            Assert.Equal(SizeAt(key, b) - SizeAt(key, a), items.Sum(x => x.Joined - x.Left));

            long? Count(
                MembershipChange kind, (DateTimeOffset Start, DateTimeOffset End, long? Size, long? Joined, long? Left) interval) =>
                history.Changes.Count(c => c.Segment == key && c.Kind == kind && c.At >= interval.Start && c.At < interval.End);
        }

        long? SizeAt(string key, DateTimeOffset at) =>
            history.Changes.Where(c => c.Segment == key && c.At < at).Sum(c => c.Kind == MembershipChange.Joined ? 1 : -1);
        DateTimeOffset Instant() => random.Next(4) == 0
            ? history.Changes[random.Next(history.Changes.Count)].At
            : start.AddHours(-30).AddSeconds(Math.Floor((end - start).TotalSeconds * 1.2 * random.NextDouble()));
    }

    [Fact]
    public async Task Purged_SizesStand_AndSumsStillAddUp()
    {
        var (random, start) = (new Random(9), new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var history = await StoredHistory.BeginAsync(fixture, 30);
        string[] keys = [await history.SegmentAsync(), await history.SegmentAsync()];
        var end = await history.RunAsync(random, keys, start, 150, TimeSpan.FromHours(6));
        var before = start + ((end - start) / 2);
        List<(string Key, string Whole)> trends = [];
        foreach (var key in keys)
        {
            trends.Add(
                (key, (await Api.GetAsync($"segments/{key}/trend?from={Text(before)}&to={Text(end)}&interval=hour")).Expect(200).Body));
        }

        await using (var connection = await history.OpenAsync())
        {
            Assert.NotEqual(0, (await MembershipRetention.PurgeAsync(connection, before, CancellationToken.None)).Revisions);
        }

        foreach (var (key, whole) in trends)
        {
            Assert.Equal(
                JsonElement.Parse(whole).GetProperty("items").GetRawText(),
                (await Api.GetAsync($"segments/{key}/trend?from={Text(before)}&to={Text(end)}&interval=hour")).Expect(200)["items"]
                    .GetRawText());
            var trend = (await Api.GetAsync(
                $"segments/{key}/trend?from={Text(start.AddDays(-1))}&to={Text(end.AddDays(1))}&interval=day")).Expect(200);
            Assert.Equal(before, trend["historySince"].GetDateTimeOffset());
            var items = trend["items"].EnumerateArray().ToList();
            Assert.Equal(history.Members(key).Count, Number(items[^1], "size"));

            // What is no longer kept is not known; the interval in which it begins counts from there.
            long? size = history.Changes.Where(c => c.Segment == key && c.At < before).Sum(c => c.Kind == MembershipChange.Joined ? 1 : -1);
            Assert.All(items, x =>
            {
                var isKnown = x.GetProperty("end").GetDateTimeOffset() > before;
                size = isKnown ? size + Number(x, "joined") - Number(x, "left") : size;
                Assert.Equal(isKnown ? size : null, Number(x, "size"));
                Assert.Equal(isKnown, Number(x, "joined") is not null);
                Assert.Equal(isKnown, Number(x, "left") is not null);
            });
            Assert.Contains(items, x => Number(x, "size") is null);
        }
    }

    [Fact]
    public async Task LeftOut_IsTheLast30DaysByDay()
    {
        var history = await StoredHistory.BeginAsync(fixture, 3);
        var key = await history.SegmentAsync("Europe/Berlin");
        var empty = (await Api.GetAsync($"segments/{key}/trend")).Expect(200);
        Assert.All(empty["items"].EnumerateArray(), x => Assert.Equal(
            (null, null, null), (Number(x, "size"), Number(x, "joined"), Number(x, "left"))));
        Assert.Equal(JsonValueKind.Null, empty["historySince"].ValueKind);
        await history.ApplyAsync(key, DateTimeOffset.UtcNow.AddDays(-3), history.Customers, []);
        var trend = (await Api.GetAsync($"segments/{key}/trend")).Expect(200);
        Assert.Equal(("day", 31), (trend["interval"].GetString(), trend["items"].GetArrayLength()));
        Assert.Equal(
            [.. Enumerable.Repeat<long?>(null, 27), 3, 3, 3, 3], trend["items"].EnumerateArray().Select(x => Number(x, "size")));
        Assert.Equal("month", (await Api.GetAsync($"segments/{key}/trend?from=2001-01-01T00:00:00Z")).Expect(200)["interval"].GetString());
        Assert.Equal(31, (await Api.GetAsync($"segments/{key}/trend?to=2020-01-31T12:00:00Z")).Expect(200)["items"].GetArrayLength());
    }

    [Fact]
    public async Task ActiveWithoutMembers_IsEmptySinceItWas_AndMadeAnewBeginsAnew()
    {
        await StoredHistory.BeginAsync(fixture, 0);
        var body = RuleJson.Body(RuleJson.All(RuleJson.Is("customer.id", "=", "\"nobody\"")));
        for (var i = 0; i < 2; i++)
        {
            var made = (await Api.PutAsync("segments/nobody-yet", body)).Expect(201)["updatedAt"].GetDateTimeOffset();
            var from = $"from={Text(made.AddHours(-3))}";
            var trend = (await Api.GetAsync($"segments/nobody-yet/trend?{from}&to={Text(made.AddHours(2))}&interval=hour")).Expect(200);
            Assert.Equal(made, trend["historySince"].GetDateTimeOffset());
            Assert.All(trend["items"].EnumerateArray(), x => Assert.Equal(
                x.GetProperty("end").GetDateTimeOffset() > made ? 0 : null, Number(x, "size")));
            Assert.Equal(made, (await Api.GetAsync("segments/nobody-yet/flows")).Expect(200)["historySince"].GetDateTimeOffset());
            (await Api.DeleteAsync("segments/nobody-yet")).Expect(204);
        }
    }

    [Theory]
    [InlineData("interval=year", "interval")]
    [InlineData("interval=hour&from=2025-01-01T00:00:00Z&to=2025-03-01T00:00:00Z", "interval")]
    [InlineData("from=0002-01-01T00:00:00Z&to=9998-12-31T00:00:00Z", "interval")]
    [InlineData("from=2025-01-01T00:00:00Z&to=2025-01-01T00:00:00Z", "from")]
    [InlineData("from=2925-01-01T00:00:00Z", "from")]
    [InlineData("from=2025-01-01", "from")]
    [InlineData("to=now", "to")]
    public async Task Malformed_Are400(string query, string parameter)
    {
        var history = await StoredHistory.BeginAsync(fixture, 0);
        Assert.Equal([parameter], (await Api.GetAsync($"segments/{await history.SegmentAsync()}/trend?{query}")).Expect(400).Faults);
        (await Api.GetAsync("segments/no-such/trend")).Expect(404);
        (await Api.GetAsync($"segments/{await history.SegmentAsync("America/New_York")}/trend?to=0002-01-01T00:00:01Z")).Expect(200);
    }

    private static long? Number(JsonElement interval, string name) =>
        interval.GetProperty(name) is { ValueKind: JsonValueKind.Number } number ? number.GetInt64() : null;

    private static string Text(DateTimeOffset at) => Segmentation.Api.Http.Json.Format(at);
}
