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
        var lines = string.Join('\n', Enumerable.Range(0, 300).Select(i => JsonSerializer.Serialize(new
        {
            id = $"pf{i}",
            customerId = history.Customers[random.Next(30)],
            type = random.Next(5) == 0 ? "order_refunded" : "order_completed",
            occurredAt = start.AddMinutes(random.Next(60 * 24 * 60)),
            amount = random.Next(1, 9_000) / 100m,
        })));
        (await Api.SendAsync("POST", "events", lines, "application/x-ndjson")).Expect(200);

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
                Assert.All(new[] { "predicted", "position" }, name => Assert.Equal(JsonValueKind.Null, item.GetProperty(name).ValueKind));
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
