using System.Globalization;
using System.Text.Json;
using Npgsql;
using Segmentation.Api.History;
using Segmentation.Api.Tests.History;
using Segmentation.Api.Tests.Segments;
using Segmentation.Models.Statistics;

namespace Segmentation.Api.Tests.Insight;

/// <summary>What segments' members do by a metric, over HTTP, against the same counted one by one.</summary>
public sealed class PerformanceTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    [Theory]
    [InlineData("UTC", "2026-01-20T00:00:00Z", 1)]
    [InlineData("Europe/Berlin", "2026-03-20T10:00:00Z", 2)]
    public async Task Kept_EveryNumber_IsThatOfStaysAndEvents(string zone, string from, int seed)
    {
        var (random, start) = (new Random(seed), DateTimeOffset.Parse(from, CultureInfo.InvariantCulture));
        var history = await StoredHistory.BeginAsync(fixture, 40);
        string[] keys = [await history.SegmentAsync(zone), await history.SegmentAsync(zone)];
        var end = await history.RunAsync(random, keys, start, 100, TimeSpan.FromHours(8));
        var events = await AddEventsAsync(history.Customers, random, start.AddDays(-10), end);
        var total = (await Api.GetAsync($"segments/{keys[0]}/count")).Expect(200)["total"].GetInt64();
        var since = history.Changes.Where(c => c.Segment == keys[0]).Min(c => c.At);

        foreach (var (population, compare, metric) in
            from p in new[] { "start", "during", "now" }
            from c in new[] { "others", "everyone", keys[1] }
            from m in new[] { "revenue", "buyers", "orders", "averageOrderValue" }
            select (p, c, m))
        {
            var answer = (await Api.GetAsync(
                $"segments/{keys[0]}/performance?metric={metric}&from={Text(start.AddDays(-3))}&to={Text(end)}&interval=day"
                + $"&population={population}&compare={compare}&asOf={Text(end)}")).Expect(200);
            Assert.Equal((population == "now", since), (answer["survivors"].GetBoolean(), answer["keptSince"].GetDateTimeOffset()));
            foreach (var bucket in answer["items"].EnumerateArray())
            {
                var (a, b) = (bucket.GetProperty("start").GetDateTimeOffset(), bucket.GetProperty("end").GetDateTimeOffset());
                if (population != "now" && a < since)
                {
                    Assert.Equal(JsonValueKind.Null, bucket.GetProperty("segment").GetProperty("value").ValueKind);
                    Assert.Equal(JsonValueKind.Null, bucket.GetProperty("difference").ValueKind);
                    continue;
                }

                var own = Group(keys[0], population, a, b);
                AssertFigures(metric, own, bucket.GetProperty("segment"), $"{population} {metric} {a:O}");
                if (compare != keys[1] || population == "now" || a >= history.Changes.Where(c => c.Segment == keys[1]).Min(c => c.At))
                {
                    var compared = compare switch
                    {
                        "everyone" => new Sums(total, events.Where(e => In(e, a, b)).ToList()),
                        "others" => new Sums(total - own.Members, events.Where(e => In(e, a, b)).Except(own.Events).ToList()),
                        _ => Group(keys[1], population, a, b),
                    };
                    AssertFigures(metric, compared, bucket.GetProperty("compared"), $"{population} {compare} {metric} {a:O}");
                }
            }

            Sums Group(string segment, string which, DateTimeOffset a, DateTimeOffset b)
            {
                if (which == "during")
                {
                    var time = history.Customers.Sum(c => Stays(segment, c).Sum(s =>
                        Math.Max(0, (Min(s.Left, b) - Max(s.Joined, a)).TotalSeconds)));
                    return new Sums(time / (b - a).TotalSeconds, events.Where(e => In(e, a, b)
                        && Stays(segment, e.Customer).Any(s => s.Joined < e.At && e.At <= s.Left)).ToList());
                }

                var members = history.Customers.Where(c => Stays(segment, c).Any(s =>
                    which == "now" ? s.Joined <= end && s.Left > end : s.Joined <= a && s.Left > a)).ToHashSet();
                return new Sums(members.Count, events.Where(e => In(e, a, b) && members.Contains(e.Customer)).ToList());
            }
        }

        List<(DateTimeOffset Joined, DateTimeOffset Left)> Stays(string segment, string customer)
        {
            var changes = history.Changes.Where(c => c.Segment == segment && c.Customer == customer).OrderBy(c => c.Revision).ToList();
            return [.. changes.Index().Where(c => c.Item.Kind == MembershipChange.Joined).Select(c => (
                c.Item.At, c.Index + 1 < changes.Count ? changes[c.Index + 1].At : DateTimeOffset.MaxValue))];
        }

        bool In(Happened e, DateTimeOffset a, DateTimeOffset b) => e.At >= a && e.At < b && e.At <= end;
    }

    [Fact]
    public async Task Rule_MembersAreThoseOfCountAsOf_AndSumsThoseOfTheTable()
    {
        var (random, start) = (new Random(5), new DateTimeOffset(2026, 5, 1, 0, 0, 0, TimeSpan.Zero));
        var customers = Enumerable.Range(0, 25).Select(_ => $"r{SegmentApi.NextNumber()}").ToList();
        foreach (var customer in customers)
        {
            (await Api.PutAsync($"customers/{customer}", "{}")).Expect(201);
        }

        await AddEventsAsync(customers, random, start, start.AddDays(40));
        var key = await Api.MakeSegmentAsync(
            RuleJson.All(RuleJson.Is("value.orderCount", ">=", "3"), RuleJson.Is("customer.id", "beginsWith", "\"r\"")),
            "\"timeZone\":\"America/New_York\",\"goalMetric\":\"orders\",\"status\":\"draft\"");
        var answer = (await Api.GetAsync(
            $"segments/{key}/performance?from={Text(start)}&to={Text(start.AddDays(40))}&interval=week&membership=rule")).Expect(200);
        Assert.Equal("orders", answer["metric"].GetString());
        var (sum, last) = (0d, 0L);
        foreach (var bucket in answer["items"].EnumerateArray())
        {
            var (a, b) = (bucket.GetProperty("start").GetDateTimeOffset(), bucket.GetProperty("end").GetDateTimeOffset());
            last = (await Api.GetAsync($"segments/{key}/count?asOf={Text(a)}")).Expect(200)["count"].GetInt64();
            Assert.Equal(last, bucket.GetProperty("segment").GetProperty("members").GetInt64());
            var both = bucket.GetProperty("segment").GetProperty("value").GetDouble()
                + bucket.GetProperty("compared").GetProperty("value").GetDouble();
            Assert.Equal(
                await ScalarAsync(
                    $"""
                    SELECT count(*)::float8 FROM events
                    WHERE type = 'order_completed' AND occurred_at >= '{Text(a)}' AND occurred_at < '{Text(b)}'
                    """),
                both);
            sum += bucket.GetProperty("segment").GetProperty("value").GetDouble();
        }

        Assert.NotEqual(0, last);
        Assert.NotEqual(0, sum);
    }

    [Fact]
    public async Task Kinds_AreWhatTheyAreByHand()
    {
        var day = new DateTimeOffset(2026, 2, 1, 0, 0, 0, TimeSpan.Zero);
        string[] ids = [.. Enumerable.Range(0, 3).Select(_ => $"k{SegmentApi.NextNumber()}")];
        var panel = SegmentApi.NewKey();
        (await Api.PutAsync($"segments/{panel}", """{"kind":"manual","status":"draft"}""")).Expect(201);
        foreach (var id in ids)
        {
            (await Api.PutAsync($"customers/{id}", "{}")).Expect(201);
            (await Api.SendAsync("PUT", $"segments/{panel}/members/{id}", null)).Expect(200);
        }

        // 10 and 30 minutes apart, then 31, and an hour before the end of the day; the last is of the next one.
        var minutes = new[] { 600d, 610, 640, 671, 1430, 1450 };
        foreach (var (i, minute) in minutes.Index())
        {
            await AddEventAsync(ids[0], $"k-{i}", "k_viewed", day.AddMinutes(minute), null, null);
        }

        await AddEventAsync(ids[0], "p1", "k_paid", day.AddHours(1), 12.5m, 2);
        await AddEventAsync(ids[0], "p2", "k_paid", day.AddHours(2), null, 4);
        await AddEventAsync(ids[1], "p3", "k_paid", day.AddHours(3), -2.25m, null);
        var views = Group("k_viewed");
        var paid = Group("k_paid");
        var time = await MetricAsync($$"""{"kind":"time","goal":"increase","event":{{views}}}""");
        var sum = await MetricAsync($$"""{"kind":"sum","of":"properties.items","goal":"increase","event":{{paid}}}""");
        var ratio = await MetricAsync(
            $$"""{"kind":"ratio","of":"amount","goal":"increase","event":{{paid}},"denominator":{"event":{{views}} } }""");
        var mean = await MetricAsync(
            $$"""{"kind":"ratio","of":"amount","goal":"increase","event":{{paid}},"denominator":{"event":{{paid}} } }""");

        var spent = await FiguresAsync(time);
        Assert.Equal((2400d, 5d, 1d, 800d), (Number(spent, "value"), Number(spent, "events"), Number(spent, "customers"),
            Number(spent, "perMember")));
        AssertInterval(MeanEstimate.FromSums(3, 2400, 2400d * 2400).Interval()!.Value, spent.GetProperty("perMemberInterval"));
        var items = await FiguresAsync(sum);
        Assert.Equal((6d, 3d, 2d), (Number(items, "value"), Number(items, "events"), Number(items, "customers")));
        Assert.Equal(2d / 3, Number(items, "conversion"), 12);
        AssertInterval(new Proportion(2, 3).Interval(), items.GetProperty("conversionInterval"));

        // 10.25 by 5 views of that day; by 3 payments.
        var byView = await FiguresAsync(ratio);
        Assert.Equal((10.25 / 5, 3d), (Number(byView, "value"), Number(byView, "events")));
        Assert.False(byView.TryGetProperty("perMember", out _));
        AssertInterval(
            RatioEstimate.FromSums(3, 5, 10.25, 25, (12.5 * 12.5) + (2.25 * 2.25), 5 * 12.5)!.Value.Interval!.Value,
            byView.GetProperty("valueInterval"));
        Assert.Equal(10.25 / 3, Number(await FiguresAsync(mean), "value"), 12);
        var felt = await FiguresAsync("sentiment");
        Assert.Equal((JsonValueKind.Null, 0d), (felt.GetProperty("value").ValueKind, Number(felt, "events")));

        async Task<JsonElement> FiguresAsync(string metric)
        {
            var answer = (await Api.GetAsync(
                $"segments/{panel}/performance?metric={metric}&from={Text(day)}&to={Text(day.AddDays(1))}&population=now&membership=rule"))
                .Expect(200);
            Assert.Equal("manual", answer["warnings"][0].GetProperty("code").GetString());
            Assert.Equal(1, answer["items"].GetArrayLength());
            return answer["items"][0].GetProperty("segment");
        }

        async Task<string> MetricAsync(string body)
        {
            var key = SegmentApi.NewKey();
            (await Api.PutAsync($"metrics/{key}", body)).Expect(201);
            return key;
        }

        static string Group(string type) => RuleJson.All(RuleJson.Is("type", "=", $"\"{type}\""));
    }

    [Fact]
    public async Task AsOf_CutsTheBucketItLiesIn_AndNothingAfterItCounts()
    {
        var key = await Api.MakeSegmentAsync(RuleJson.All(RuleJson.Is("customer.id", "beginsWith", "\"as-of\"")), "\"status\":\"draft\"");
        (await Api.PutAsync("customers/as-of", "{}")).Expect(201);
        var at = new DateTimeOffset(2026, 4, 10, 12, 0, 0, TimeSpan.Zero);
        await AddEventAsync("as-of", "1", "order_completed", at, 10, null);
        await AddEventAsync("as-of", "2", "order_completed", at.AddMicroseconds(1), 100, null);
        foreach (var to in new[] { "", $"&to={Text(at.AddMonths(2))}" })
        {
            var items = (await Api.GetAsync(
                $"segments/{key}/performance?from=2026-03-01T00:00:00Z{to}&interval=month&membership=rule&asOf={Text(at)}")).Expect(200)
                ["items"].EnumerateArray().ToList();
            Assert.Equal(to.Length == 0 ? [true, false] : [true, false, false, false],
                items.Select(i => i.GetProperty("complete").GetBoolean()));
            Assert.Equal(10, Number(items[1].GetProperty("segment"), "value"));
            Assert.All(items.Skip(2), i => Assert.Equal(JsonValueKind.Null, i.GetProperty("segment").GetProperty("members").ValueKind));
        }
    }

    [Theory]
    [InlineData("metric=revenu", "metric", "Did you mean \"revenue\"?")]
    [InlineData("compare=insigth", "compare", "Did you mean \"insight\"?")]
    [InlineData("from=2026-02-01T00:00:00Z&to=2026-02-01T00:00:00Z", "from", "before to")]
    [InlineData("from=2026-02-01T00:00:00Z&to=2026-02-20T00:00:00Z&interval=hour", "interval", "400")]
    [InlineData("from=2025-02-01T00:00:00Z&to=2026-02-20T00:00:00Z&interval=day&membership=rule&compare=insight", "membership", "400")]
    [InlineData("population=during&membership=rule", "membership", "kept")]
    [InlineData("population=then", "population", "")]
    [InlineData("interval=year", "interval", "")]
    [InlineData("asOf=yesterday", "asOf", "")]
    [InlineData("membership=both", "membership", "")]
    [InlineData("metrik=revenue", "metrik", "")]
    public async Task Invalid_Is400AtItsParameter(string parameters, string at, string hint)
    {
        (await Api.PutAsync("segments/insight", RuleJson.Body(RuleJson.Everyone, "\"status\":\"draft\""))).Expect(200, 201);
        var refused = (await Api.GetAsync($"segments/insight/performance?{parameters}")).Expect(400);
        Assert.Equal([at], refused.Faults);
        Assert.Contains(hint, refused["errors"].GetProperty(at)[0].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task UnknownSegment_Is404() => (await Api.GetAsync("segments/no-such-segment/performance")).Expect(404);

    private static void AssertFigures(string metric, Sums expected, JsonElement actual, string what)
    {
        var orders = expected.Events.Where(e => e.Type == "order_completed").ToList();
        var customers = orders.Select(e => e.Customer).Distinct().Count();
        var revenue = orders.Sum(e => e.Amount) - expected.Events.Where(e => e.Type == "order_refunded").Sum(e => Math.Abs(e.Amount));
        var value = metric switch
        {
            "revenue" => (double)revenue,
            "buyers" => customers,
            "orders" => orders.Count,
            _ => orders.Count == 0 ? (double?)null : (double)orders.Sum(e => e.Amount) / orders.Count,
        };
        AssertNumber(expected.Members, actual.GetProperty("members"), $"members {what}");
        AssertNumber(value, actual.GetProperty("value"), $"value {what}");
        AssertNumber(customers, actual.GetProperty("customers"), $"customers {what}");
        AssertNumber(orders.Count, actual.GetProperty("events"), $"events {what}");
        if (expected.Members > 0)
        {
            AssertNumber(customers / expected.Members, actual.GetProperty("conversion"), $"conversion {what}");
        }

        if (metric == "revenue" && expected.Members >= 2)
        {
            var each = expected.Events.GroupBy(e => e.Customer)
                .Select(g => (double)g.Sum(e => e.Type == "order_completed" ? e.Amount : -Math.Abs(e.Amount))).ToList();
            AssertNumber((double)revenue / expected.Members, actual.GetProperty("perMember"), $"perMember {what}");
            var interval = MeanEstimate.FromSums(expected.Members, each.Sum(), each.Sum(x => x * x)).Interval()!.Value;
            AssertNumber(interval.Low, actual.GetProperty("perMemberInterval")[0], $"interval {what}");
        }
    }

    private static void AssertNumber(double? expected, JsonElement actual, string what) => Assert.True(
        expected is null
            ? actual.ValueKind == JsonValueKind.Null
            : actual.ValueKind == JsonValueKind.Number
                && Math.Abs(actual.GetDouble() - expected.Value) <= 1e-9 * Math.Max(1, Math.Abs(expected.Value)),
        $"{what}: {expected} is {actual}");

    private static void AssertInterval(Interval expected, JsonElement actual)
    {
        Assert.Equal(expected.Low, actual[0].GetDouble(), 10);
        Assert.Equal(expected.High, actual[1].GetDouble(), 10);
    }

    private static double Number(JsonElement figures, string name) => figures.GetProperty(name).GetDouble();

    private async Task<List<Happened>> AddEventsAsync(
        IReadOnlyList<string> customers, Random random, DateTimeOffset from, DateTimeOffset to)
    {
        List<Happened> events = [];
        var mark = SegmentApi.NextNumber();
        for (var i = 0; i < 400; i++)
        {
            var refunded = random.Next(5) == 0;
            events.Add(new Happened(
                customers[random.Next(customers.Count)],
                refunded ? "order_refunded" : "order_completed",
                from.AddSeconds(Math.Floor((to - from).TotalSeconds * 1.05 * random.NextDouble())),
                (refunded && random.Next(2) == 0 ? -1 : 1) * random.Next(1, 20_000) / 100m));
        }

        var lines = string.Join('\n', events.Select((e, i) => JsonSerializer.Serialize(new
        {
            id = $"i{mark}-{i}",
            customerId = e.Customer,
            type = e.Type,
            occurredAt = e.At,
            amount = e.Amount,
        })));
        (await Api.SendAsync("POST", "events", lines, "application/x-ndjson")).Expect(200);
        return events;
    }

    private async Task AddEventAsync(string customer, string id, string type, DateTimeOffset at, decimal? amount, int? items) =>
        (await Api.PostAsync($"customers/{customer}/events", JsonSerializer.Serialize(new
        {
            id,
            type,
            occurredAt = at,
            amount,
            properties = items is null ? null : new { items },
        }))).Expect(200, 201);

    private async Task<double> ScalarAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(fixture.ConnectionString);
        await using var command = source.CreateCommand(sql);
        return (double)(await command.ExecuteScalarAsync())!;
    }

    private static DateTimeOffset Min(DateTimeOffset a, DateTimeOffset b) => a < b ? a : b;

    private static DateTimeOffset Max(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;

    private static string Text(DateTimeOffset at) =>
        at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    private sealed record Happened(string Customer, string Type, DateTimeOffset At, decimal Amount);

    private sealed record Sums(double Members, List<Happened> Events);
}
