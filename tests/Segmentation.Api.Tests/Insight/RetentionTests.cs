using System.Globalization;
using System.Text.Json;
using Segmentation.Api.History;
using Segmentation.Api.Tests.History;
using Segmentation.Api.Tests.Segments;
using Segmentation.Models.Statistics;

namespace Segmentation.Api.Tests.Insight;

/// <summary>Who comes back, over HTTP, against the same counted one by one.</summary>
public sealed class RetentionTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private Api Api => fixture.Api;

    [Theory]
    [InlineData("UTC", "month", 1)]
    [InlineData("Asia/Tokyo", "month", 2)]
    [InlineData("Europe/Berlin", "week", 3)]
    public async Task EveryCohort_IsThatOfTheEvents(string zone, string cohort, int seed)
    {
        var (random, place) = (new Random(seed), TimeZoneInfo.FindSystemTimeZoneById(zone));
        var mark = $"ret{SegmentApi.NextNumber()}-";
        var key = await Api.MakeSegmentAsync(
            RuleJson.All(RuleJson.Is("customer.id", "beginsWith", $"\"{mark}\"")), $"\"timeZone\":\"{zone}\",\"status\":\"draft\"");
        List<(string Customer, string Type, DateTimeOffset At)> events = [];
        for (var i = 0; i < 30; i++)
        {
            (await Api.PutAsync($"customers/{mark}{i}", $$"""{"signedUpAt":"{{Text(Start.AddDays(random.Next(100)))}}"}""")).Expect(201);
            for (var n = random.Next(8); n > 0; n--)
            {
                events.Add(($"{mark}{i}", random.Next(3) == 0 ? "page_viewed" : "order_completed",
                    Start.AddMinutes(random.Next(150 * 24 * 60))));
            }
        }

        var lines = string.Join('\n', events.Select((e, i) =>
            JsonSerializer.Serialize(new { id = $"{mark}{i}", customerId = e.Customer, type = e.Type, occurredAt = e.At, amount = 10 })));
        (await Api.SendAsync("POST", "events", lines, "application/x-ndjson")).Expect(200);
        var asOf = Start.AddDays(120).AddHours(5);
        foreach (var (by, metric) in new[]
        {
            ("firstOrder", "orders"), ("firstOrder", "active"), ("firstSeen", "buyers"), ("signedUp", "orders"),
        })
        {
            var answer = (await Api.GetAsync(
                $"segments/{key}/retention?by={by}&metric={metric}&cohort={cohort}&from={Text(Start.AddHours(-12))}&asOf={Text(asOf)}"
                + "&membership=rule")).Expect(200);
            var seen = events.Where(e => e.At <= asOf && (metric == "active" || e.Type == "order_completed")).ToList();
            var anchors = (by == "signedUp"
                    ? (await Api.AllAsync($"segments/{key}/members")).ToDictionary(
                        c => c.GetProperty("id").GetString()!, c => c.GetProperty("signedUpAt").GetDateTimeOffset())
                    : events.Where(e => by == "firstSeen" || e.Type == "order_completed").GroupBy(e => e.Customer)
                        .ToDictionary(g => g.Key, g => g.Min(e => e.At)))
                .Where(a => a.Value <= asOf).GroupBy(a => Period(a.Value), a => a.Key).ToDictionary(g => g.Key, g => g.ToHashSet());
            Assert.Equal(
                anchors.Values.Sum(a => a.Count), answer["items"].EnumerateArray().Sum(i => i.GetProperty("customers").GetInt32()));
            var last = Period(asOf);
            foreach (var item in answer["items"].EnumerateArray())
            {
                var first = DateOnly.ParseExact(item.GetProperty("cohort").GetString()!, "yyyy-MM-dd", CultureInfo.InvariantCulture);
                var members = anchors.GetValueOrDefault(first, []);
                List<long> active = [];
                for (var period = first; period <= last; period = Next(period))
                {
                    active.Add(seen.Where(e => Period(e.At) == period).Select(e => e.Customer).Distinct().Count(members.Contains));
                }

                Assert.Equal(members.Count, item.GetProperty("customers").GetInt32());
                Assert.Equal(active, item.GetProperty("active").EnumerateArray().Select(a => a.GetInt64()));
                Assert.Equal(
                    active.Select((_, k) => k < active.Count - 1),
                    item.GetProperty("complete").EnumerateArray().Select(c => c.GetBoolean()));
                Assert.Equal(
                    members.Count == 0 ? [] : active.Select(a => (double)a / members.Count),
                    item.GetProperty("rate").EnumerateArray().Select(r => r.GetDouble()));
                Assert.Equal(
                    members.Count == 0 ? [] : active.Select(a => new Proportion(a, members.Count).Interval()),
                    item.GetProperty("rateInterval").EnumerateArray().Select(r => new Interval(r[0].GetDouble(), r[1].GetDouble())));
                if (by == "firstOrder" && members.Count > 0)
                {
                    Assert.Equal(members.Count, active[0]);
                }
            }
        }

        DateOnly Period(DateTimeOffset at)
        {
            var day = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(at, place).DateTime);
            return cohort == "month" ? new DateOnly(day.Year, day.Month, 1) : day.AddDays(-(((int)day.DayOfWeek + 6) % 7));
        }

        DateOnly Next(DateOnly period) => cohort == "month" ? period.AddMonths(1) : period.AddDays(7);
    }

    [Fact]
    public async Task Joined_CountsWhoWasEverIn_ByTheFirstStay()
    {
        var history = await StoredHistory.BeginAsync(fixture, 6);
        var key = await history.SegmentAsync();
        var c = history.Customers;
        await history.ApplyAsync(key, Start.AddDays(5), [c[0], c[1]], []);
        await history.ApplyAsync(key, Start.AddDays(40), [c[2]], [c[0]]);
        await history.ApplyAsync(key, Start.AddDays(70), [c[0]], []);
        foreach (var (customer, day) in new[] { (c[0], 10), (c[0], 45), (c[1], 75), (c[3], 45) })
        {
            (await Api.PostAsync($"customers/{customer}/events", JsonSerializer.Serialize(new
            {
                id = $"j{day}",
                type = "order_completed",
                occurredAt = Start.AddDays(day),
                amount = 1,
            }))).Expect(200);
        }

        var answer = (await Api.GetAsync(
            $"segments/{key}/retention?by=joined&from=2025-12-01T00:00:00Z&asOf={Text(Start.AddDays(80))}")).Expect(200);
        Assert.Equal(
            [("2025-12-01", null, ""), ("2026-01-01", 2L, "1,1,1"), ("2026-02-01", 1L, "0,0"), ("2026-03-01", 0L, "0")],
            answer["items"].EnumerateArray().Select(i => (
                i.GetProperty("cohort").GetString(),
                i.GetProperty("customers").ValueKind == JsonValueKind.Null ? (long?)null : i.GetProperty("customers").GetInt64(),
                string.Join(',', i.GetProperty("active").EnumerateArray()))));
        Assert.Equal(MembershipChange.Joined, history.Changes[0].Kind);
    }

    [Theory]
    [InlineData("by=joined&membership=rule", "membership")]
    [InlineData("by=lastOrder", "by")]
    [InlineData("cohort=day", "cohort")]
    [InlineData("metric=nothing-like-it", "metric")]
    [InlineData("from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", "from")]
    [InlineData("from=2010-02-01T00:00:00Z", "from")]
    public async Task Invalid_Is400AtItsParameter(string parameters, string at)
    {
        (await Api.PutAsync("segments/retained", RuleJson.Body(RuleJson.Everyone, "\"status\":\"draft\""))).Expect(200, 201);
        Assert.Equal([at], (await Api.GetAsync($"segments/retained/retention?{parameters}")).Expect(400).Faults);
        (await Api.GetAsync($"segments/no-such/retention?{parameters}")).Expect(404, 400);
    }

    private static string Text(DateTimeOffset at) =>
        at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}
