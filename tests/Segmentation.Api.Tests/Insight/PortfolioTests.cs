using System.Globalization;
using System.Text.Json;
using Npgsql;
using Segmentation.Api.History;
using Segmentation.Api.Tests.History;
using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.Insight;

/// <summary>All active segments in one table, over HTTP, against what other answers say of each.</summary>
public sealed class PortfolioTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private static readonly DateTimeOffset End = new(2026, 6, 30, 12, 0, 0, TimeSpan.Zero);

    private Api Api => fixture.Api;

    [Fact]
    public async Task EveryNumber_IsWhatPerformanceAndTheStaysSay()
    {
        var history = await StoredHistory.BeginAsync(fixture, 30);
        string[] keys = [await history.SegmentAsync(), await history.SegmentAsync(), await history.SegmentAsync()];
        var start = End.AddDays(-60);
        await history.RunAsync(new Random(4), keys[..2], start, 60, TimeSpan.FromHours(20));
        await history.ApplyAsync(keys[2], history.Changes[^1].At, [.. history.Customers.Take(4)], []);
        var random = new Random(5);
        var events = Enumerable.Range(0, 300).Select(i => new
        {
            id = $"pf{i}",
            customerId = history.Customers[random.Next(30)],
            type = random.Next(5) == 0 ? "order_refunded" : "order_completed",
            occurredAt = start.AddMinutes(random.Next(60 * 24 * 60)),
            amount = random.Next(1, 9_000) / 100m,
        }).ToList();
        var lines = string.Join('\n', events.Select(e => JsonSerializer.Serialize(e)));
        (await Api.SendAsync("POST", "events", lines, "application/x-ndjson")).Expect(200);
        var expected = new Dictionary<string, double>();

        // Only active segments are listed; the maintainer, who would build them anew, waits.
        await using var connection = await history.OpenAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await using (var hold = new NpgsqlCommand("SELECT 1 FROM membership_leader FOR UPDATE", connection))
        {
            await hold.ExecuteNonQueryAsync();
        }

        await history.ExecuteAsync(
            $"UPDATE segments SET status = 'Active', tags = '{{portfolio}}' WHERE key = ANY ('{{{string.Join(',', keys)}}}')");
        await AssertPortfolioAsync("revenue", 20);
        await AssertPortfolioAsync("buyers", 20);
        await AssertPortfolioAsync("averageOrderValue", 45);

        // As if a model were there: nobody is scored again before the next day, or an event.
        await Wait.UntilAsync(
            async () => await history.ScalarAsync<long>("SELECT count(*) FROM unscored_customers") == 0, "all are scored");
        foreach (var (i, id) in history.Customers.Index())
        {
            expected[id] = 10.25 * (i + 1);
            await history.ExecuteAsync(
                $"""
                INSERT INTO customer_scores (customer_key, scored_on, version, lifetime_value, alive_probability)
                SELECT key, '2026-06-30', 1, {10.25m * (i + 1)}, {(i % 2 == 0 ? 0.4m : 0.6m)} FROM customers WHERE id = '{id}'
                ON CONFLICT (customer_key) DO UPDATE SET lifetime_value = excluded.lifetime_value,
                    alive_probability = excluded.alive_probability
                """);
        }

        await AssertPortfolioAsync("revenue", 20);
        await AssertPredictedAsync();

        async Task AssertPredictedAsync()
        {
            var answer = (await Api.GetAsync($"portfolio?days=20&tag=portfolio&sort=predicted&asOf={Text(End)}")).Expect(200);
            var everyone = answer["everyone"];
            var all = expected.Values.Sum() / everyone.GetProperty("members").GetInt32();
            Assert.Equal(expected.Values.Sum(), everyone.GetProperty("predicted").GetProperty("lifetimeValue").GetDouble(), 6);
            Assert.Equal(1, everyone.GetProperty("predicted").GetProperty("index").GetDouble(), 9);
            var buyers = events.Where(e => e.type == "order_completed").Select(e => e.customerId).ToHashSet();
            var sums = new List<double>();
            foreach (var item in answer["items"].EnumerateArray())
            {
                var members = MembersAt(item.GetProperty("key").GetString()!, End);
                var (predicted, risk) = (item.GetProperty("predicted"), item.GetProperty("atRisk"));
                sums.Add(members.Sum(m => expected[m]));
                Assert.Equal(sums[^1], predicted.GetProperty("lifetimeValue").GetDouble(), 6);
                var index = sums[^1] / members.Count / all;
                Assert.Equal(index, predicted.GetProperty("index").GetDouble(), 9);
                var lost = members.Where(m => buyers.Contains(m) && history.Customers.ToList().IndexOf(m) % 2 == 0).ToList();
                Assert.Equal(lost.Count, risk.GetProperty("customers").GetInt32());
                Assert.Equal(lost.Sum(m => expected[m]), risk.GetProperty("lifetimeValue").GetDouble(), 6);
                var value = item.GetProperty("value");
                Assert.Equal(
                    value.ValueKind == JsonValueKind.Null ? null
                    : (value.GetProperty("index").GetDouble() >= 1, index >= 1) switch
                    {
                        (true, true) => "invest",
                        (false, true) => "grow",
                        (true, false) => "protect",
                        _ => "maintain",
                    },
                    item.GetProperty("position").GetString());
            }

            Assert.Equal(3, sums.Count);
            Assert.Equal(sums.OrderDescending(), sums);
        }

        async Task AssertPortfolioAsync(string metric, int days)
        {
            var at = Text(End);
            var answer = (await Api.GetAsync(
                $"portfolio?metric={metric}&days={days}&tag=portfolio&atRisk={keys[1]}&asOf={at}")).Expect(200);
            Assert.Contains("more than 1", answer["note"].GetString(), StringComparison.Ordinal);
            Assert.Equal(keys.Order(), answer["items"].EnumerateArray().Select(i => i.GetProperty("key").GetString()!).Order());
            var values = answer["items"].EnumerateArray().Select(i => i.GetProperty("value"))
                .Select(v => v.ValueKind == JsonValueKind.Null ? (double?)null : v.GetProperty("value").GetDouble()).ToList();
            Assert.Equal(values.OrderBy(v => v is null).ThenByDescending(v => v), values);
            var from = End.AddDays(-days);
            foreach (var item in answer["items"].EnumerateArray())
            {
                var key = item.GetProperty("key").GetString()!;
                var members = MembersAt(key, End);
                Assert.Equal(members.Count, item.GetProperty("members").GetInt32());
                Assert.Equal(
                    members.Count(MembersAt(keys[1], End).Contains), item.GetProperty("atRisk").GetProperty("customers").GetInt32());
                if (expected.Count == 0)
                {
                    Assert.All(new[] { "predicted", "position" }, n => Assert.Equal(JsonValueKind.Null, item.GetProperty(n).ValueKind));
                }

                if (history.Changes.Where(c => c.Segment == key).Min(c => c.At) > from)
                {
                    Assert.All(new[] { "growth", "value" }, name => Assert.Equal(JsonValueKind.Null, item.GetProperty(name).ValueKind));
                    continue;
                }

                var changes = history.Changes.Where(c => c.Segment == key && c.At > from && c.At <= End).ToList();
                var (joined, left) = (
                    changes.Count(c => c.Kind == MembershipChange.Joined), changes.Count(c => c.Kind == MembershipChange.Left));
                var growth = item.GetProperty("growth");
                Assert.Equal(
                    (joined, left, joined - left, MembersAt(key, End).Count - MembersAt(key, from).Count),
                    (growth.GetProperty("joined").GetInt32(), growth.GetProperty("left").GetInt32(), growth.GetProperty("net").GetInt32(),
                        growth.GetProperty("net").GetInt32()));
                var bucket = (await Api.GetAsync(
                    $"segments/{key}/performance?metric={metric}&from={Text(from)}&to={Text(End.AddMicroseconds(1))}&interval=month"
                    + $"&asOf={at}&compare=everyone")).Expect(200);
                if (bucket["items"].GetArrayLength() == 1)
                {
                    var (value, one) = (item.GetProperty("value"), bucket["items"][0]);
                    Assert.Equal(one.GetProperty("segment").GetProperty("value").GetDouble(), value.GetProperty("value").GetDouble());
                    Assert.Equal(one.GetProperty("index").GetDouble(), value.GetProperty("index").GetDouble(), 12);
                    Assert.Equal(
                        one.GetProperty("compared").GetProperty("value").GetDouble(),
                        answer["everyone"].GetProperty("value").GetProperty("value").GetDouble());
                }
            }
        }

        HashSet<string> MembersAt(string segment, DateTimeOffset at)
        {
            HashSet<string> members = [];
            foreach (var change in history.Changes.Where(c => c.Segment == segment && c.At <= at))
            {
                _ = change.Kind == MembershipChange.Joined ? members.Add(change.Customer) : members.Remove(change.Customer);
            }

            return members;
        }
    }

    private static string Text(DateTimeOffset at) =>
        at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}

/// <summary>Pages of the portfolio, and what it refuses.</summary>
public sealed class PortfolioPagesTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private Api Api => fixture.Api;

    [Theory]
    [InlineData("value")]
    [InlineData("perMember")]
    [InlineData("growth")]
    [InlineData("predicted")]
    [InlineData("atRisk")]
    public async Task Pages_HoldEachSegmentOnce_InOneOrder(string sort)
    {
        var tag = $"pages-{sort}";
        foreach (var i in Enumerable.Range(0, 7))
        {
            await Api.MakeSegmentAsync(
                RuleJson.All(RuleJson.Is("demographic.children", ">=", $"{i % 3}")), $"\"tags\":[\"{tag}\"]");
        }

        var path = $"portfolio?tag={tag}&sort={sort}&membership=rule";
        var whole = (await Api.GetAsync(path)).Expect(200);
        Assert.Equal(JsonValueKind.Null, whole["nextCursor"].ValueKind);
        var all = whole["items"].EnumerateArray().Select(i => i.GetProperty("key").GetString()).ToList();
        Assert.Equal(7, all.Count);
        Assert.Equal(all, (await Api.AllAsync(path, 3)).Select(i => i.GetProperty("key").GetString()));
    }

    [Theory]
    [InlineData("days=0", "days")]
    [InlineData("days=3661", "days")]
    [InlineData("metric=nothing-like-it", "metric")]
    [InlineData("atRisk=nobody-like-it", "atRisk")]
    [InlineData("sort=name", "sort")]
    [InlineData("limit=0", "limit")]
    [InlineData("cursor=abc", "cursor")]
    [InlineData("cursor=WyJ4IiwiYSIsIjIwMjYtMDEtMDFUMDA6MDA6MDBaIl0", "cursor")]
    public async Task Invalid_Is400AtItsParameter(string parameters, string at) =>
        Assert.Equal([at], (await Api.GetAsync($"portfolio?{parameters}")).Expect(400).Faults);
}
