using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Segmentation.Api.Predictions;
using Segmentation.Api.Tests.Segments;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Insight;

/// <summary>RFM over HTTP: held against scores that the test reckons by the definition.</summary>
public sealed class RfmTests : IAsyncLifetime
{
    private static readonly string[][] Names =
    [
        ["lost", "hibernating", "hibernating", "cantLose", "cantLose"],
        ["aboutToSleep", "aboutToSleep", "atRisk", "atRisk", "atRisk"],
        ["promising", "needsAttention", "needsAttention", "loyal", "loyal"],
        ["promising", "potentialLoyalists", "loyal", "loyal", "champions"],
        ["newCustomers", "potentialLoyalists", "potentialLoyalists", "champions", "champions"],
    ];

    private readonly ApiFixture fixture = new();
    private readonly DateTimeOffset now = DateTimeOffset.UtcNow;
    private readonly Dictionary<string, List<(DateTimeOffset At, decimal Amount)>> orders = [];

    private Api Api => fixture.Api;

    public async Task InitializeAsync()
    {
        await fixture.InitializeAsync();
        var random = new Random(3);
        for (var i = 0; i < 150; i++)
        {
            var id = $"rfm-{i:000}";
            orders[id] = [.. Enumerable.Range(0, Math.Max(0, random.Next(-1, 6))).Select(_ =>
                (now.AddHours(-random.Next(1, 4_000)).Date.AddHours(random.Next(2) * 6), (decimal)random.Next(1, 9) * 10)).Select(o =>
                (new DateTimeOffset(o.Item1, TimeSpan.Zero), o.Item2))];
        }

        (await Api.SendAsync(
            "POST", "customers/import", string.Join('\n', orders.Keys.Select(id => $$"""{"id":"{{id}}"}""")), "application/x-ndjson"))
            .Expect(200);
        var events = orders.SelectMany(o => o.Value.Select((e, n) => Event($"{o.Key}-{n}", o.Key, e)));
        (await Api.PostAsync("events", $"[{string.Join(',', events)}]")).Expect(200);
    }

    public Task DisposeAsync() => fixture.DisposeAsync();

    [Fact]
    public async Task Rfm_BeforeTheFirstAnalysis_NobodyHasAScore()
    {
        var rfm = (await Api.GetAsync("rfm")).Expect(200);
        Assert.Equal(JsonValueKind.Null, rfm["computedAt"].ValueKind);
        Assert.Equal("[null,null,null,null]", rfm["thresholds"].GetProperty("orderCount").GetRawText());
        Assert.Equal(orders.Count(o => o.Value.Count > 0), rfm["customers"].GetInt32());
        Assert.Equal(25, rfm["cells"].GetArrayLength());
        Assert.All(rfm["groups"].EnumerateArray(), g => Assert.Equal(0, g.GetProperty("customers").GetInt32()));
        Assert.Equal(0, await CountAsync(Is("value.rfmRecency", "notNull")));
    }

    [Fact]
    public async Task Rfm_IsWhatTheDefinitionSays_AsATableAsFieldsAndAsSegments()
    {
        var made = (await Api.PostAsync("analyses?wait=60", """{"type":"rfm"}""")).Expect(201);
        Assert.Equal("succeeded", made["status"].GetString());
        var rfm = (await Api.GetAsync("rfm")).Expect(200);
        Assert.True(JsonElement.DeepEquals(made["result"], rfm.Json), $"{made.Body}\n{rfm.Body}");

        var scores = Score(orders);
        Assert.Equal(scores.Count, rfm["customers"].GetInt32());
        foreach (var cell in rfm["cells"].EnumerateArray())
        {
            var (r, fm) = (cell.GetProperty("recency").GetInt32(), cell.GetProperty("frequencyMonetary").GetInt32());
            var some = scores.Where(s => s.Value.R == r && (s.Value.F + s.Value.M + 1) / 2 == fm).ToList();
            Assert.Equal(Names[r - 1][fm - 1], cell.GetProperty("group").GetString());
            Assert.Equal(some.Count, cell.GetProperty("customers").GetInt32());
            Assert.Equal(some.Sum(s => orders[s.Key].Sum(o => o.Amount)), cell.GetProperty("lifetimeValue").GetDecimal());
        }

        Assert.Equal(11, rfm["groups"].GetArrayLength());
        foreach (var group in rfm["groups"].EnumerateArray())
        {
            var name = group.GetProperty("group").GetString();
            var ids = scores.Where(s => Name(s.Value) == name).Select(s => s.Key).Order(StringComparer.Ordinal).ToList();
            Assert.Equal(ids.Count, group.GetProperty("customers").GetInt32());
            Assert.Equal((decimal)ids.Count / scores.Count, group.GetProperty("share").GetDecimal(), 6);
            var key = await Api.MakeSegmentAsync(group.GetProperty("rule").GetRawText(), "\"status\":\"active\"");
            foreach (var how in new[] { "live=true", "live=false" })
            {
                var members = await Api.AllAsync($"segments/{key}/members?fields=id&{how}");
                Assert.Equal(ids, members.Select(m => m.GetProperty("id").GetString()!).Order(StringComparer.Ordinal));
            }
        }

        foreach (var (field, of) in new (string, Func<(int R, int F, int M), int>)[]
            { ("Recency", s => s.R), ("Frequency", s => s.F), ("Monetary", s => s.M) })
        {
            for (var score = 1; score <= 5; score++)
            {
                Assert.Equal(scores.Values.Count(s => of(s) == score), await CountAsync(Is($"value.rfm{field}", "=", $"{score}")));
                Assert.Equal(scores.Values.Count(s => of(s) >= score), await CountAsync(Is($"value.rfm{field}", ">=", $"{score}")));
            }

            Assert.Equal(scores.Count, await CountAsync(Is($"value.rfm{field}", "between", "[1,5]")));
        }
    }

    [Fact]
    public async Task Scores_FollowOwnOrdersAtOnce_AndOthersByTheNextAnalysis()
    {
        await RunAsync();
        var scores = Score(orders);
        var recent = await Api.MakeSegmentAsync(All(Is("value.rfmRecency", "=", "5")), "\"status\":\"active\"");
        var within = await Api.MakeSegmentAsync(All(In(recent)), "\"status\":\"active\"");
        var other = await Api.MakeSegmentAsync(All(Is("value.orderCount", ">=", "2")), "\"status\":\"active\"");
        await WaitForSizeAsync(within, scores.Values.Count(s => s.R == 5));
        await WaitForSizeAsync(other, orders.Count(o => o.Value.Count >= 2));
        await Wait.UntilAsync(
            async () => (await Api.GetAsync($"segments/{recent}")).Expect(200)["state"].GetProperty("status").ValueEquals("ready"),
            $"{recent} is built");
        var built = await StartedAtAsync(other);

        var slow = scores.First(s => s.Value.R == 1).Key;
        await AddAsync(slow, now.AddMinutes(-1), 10);
        await WaitForSizeAsync(within, scores.Values.Count(s => s.R == 5) + 1);
        var last = default(JsonElement);
        await Wait.UntilAsync(
            async () =>
            {
                last = (await Api.GetAsync($"segments/{recent}/changes?limit=1")).Expect(200)["items"][0];
                return last.GetProperty("customerId").ValueEquals(slow);
            },
            "its order is told");
        Assert.Equal("event", last.GetProperty("cause").GetString());

        // Everybody else orders: who was recent is so no more, by new thresholds alone.
        foreach (var (i, id) in scores.Keys.Where(id => id != slow && scores[id].R < 4).Index())
        {
            await AddAsync(id, now.AddMilliseconds(-30_000 - i), 10);
        }

        await RunAsync();
        var after = Score(orders);
        await WaitForSizeAsync(within, after.Values.Count(s => s.R == 5));
        await WaitForSizeAsync(recent, after.Values.Count(s => s.R == 5));
        var left = await Api.AllAsync($"segments/{recent}/changes?cause=score");
        Assert.NotEmpty(left);
        Assert.All(left, c => Assert.Equal("left", c.GetProperty("change").GetString()));
        Assert.Equal(built, await StartedAtAsync(other));
        var member = after.First(s => s.Value.R == 5).Key;
        Assert.True((await Api.GetAsync($"segments/{recent}/members/{member}")).Expect(200)["member"].GetBoolean());
    }

    [Fact]
    public async Task AsOf_IsByTheThresholdsInForceThen_AndTheOrdersUpToThen()
    {
        await RunAsync();
        var first = (await Api.GetAsync("rfm")).Expect(200);
        var then = DateTimeOffset.UtcNow;
        foreach (var id in orders.Keys.Take(40))
        {
            await AddAsync(id, DateTimeOffset.UtcNow, 500);
        }

        await RunAsync();
        Assert.False(JsonElement.DeepEquals(first.Json, (await Api.GetAsync("rfm")).Expect(200).Json));
        var past = (await Api.GetAsync($"rfm?asOf={Text(then)}")).Expect(200);
        Assert.True(JsonElement.DeepEquals(first.Json, past.Json), $"{first.Body}\n{past.Body}");
        foreach (var group in first["groups"].EnumerateArray())
        {
            var key = await Api.MakeSegmentAsync(group.GetProperty("rule").GetRawText(), "\"status\":\"draft\"");
            var count = (await Api.GetAsync($"segments/{key}/count?asOf={Text(then)}")).Expect(200);
            Assert.Equal(group.GetProperty("customers").GetInt64(), count["count"].GetInt64());
        }

        // An analysis of the past shows its own thresholds, and puts none in force.
        var latest = (await Api.GetAsync("rfm")).Expect(200);
        var asked = (await Api.PostAsync("analyses?wait=60", $$"""{"type":"rfm","asOf":"{{then:O}}"}""")).Expect(201);
        Assert.True(JsonElement.DeepEquals(first["cells"], asked["result"].GetProperty("cells")));
        Assert.True(JsonElement.DeepEquals(latest.Json, (await Api.GetAsync("rfm")).Expect(200).Json));
        var early = (await Api.GetAsync("rfm?asOf=1990-01-01T00:00:00Z")).Expect(200);
        Assert.Equal(0, early["customers"].GetInt32());
        var none = (await Api.PostAsync("analyses?wait=60", """{"type":"rfm","asOf":"1990-01-01T00:00:00Z"}""")).Expect(201);
        Assert.EndsWith("/too-few-data", none["problem"].GetProperty("type").GetString());
    }

    [Theory]
    [InlineData("""{"field":"value.rfmGroup","operator":"=","value":"champion"}""", "/rule/rules/0/value")]
    [InlineData("""{"field":"value.rfmGroup","operator":"beginsWith","value":"champ"}""", "/rule/rules/0/operator")]
    [InlineData("""{"field":"value.rfmScore","operator":"=","value":1}""", "/rule/rules/0/field")]
    public async Task Rule_WrongNameOrOperator_IsRefusedThere(string rule, string place) =>
        Assert.Equal([place], (await Api.PutAsync($"segments/{SegmentApi.NewKey()}", Body(All(rule)))).Expect(400).Faults);

    [Theory]
    [InlineData("03:00", "UTC", "2026-03-01T03:00:00Z", "2026-03-01T03:00:00Z")]
    [InlineData("03:00", "UTC", "2026-03-01T02:59:59Z", "2026-02-28T03:00:00Z")]
    [InlineData("00:30", "Europe/Berlin", "2026-07-01T00:00:00Z", "2026-06-30T22:30:00Z")]
    [InlineData("02:30", "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-29T01:30:00Z")]
    public void ScoreAt_TheLastOne_IsOnItsZonesClock(string at, string zone, string now, string last) => Assert.Equal(
        Parse(last), new PredictionOptions { ScoreAt = at, TimeZone = zone }.FindLast(Parse(now)));

    [Fact]
    public async Task Schedule_AsksOnceADay_WhereSomebodyHasAnOrder()
    {
        await using var server = new ApiFixture.Server(fixture.ConnectionString);
        var schedule = server.Services.GetRequiredService<RfmSchedule>();
        await using var scope = server.Services.CreateAsyncScope();
        Assert.False(await schedule.AskAsync(scope.ServiceProvider, DateTimeOffset.UtcNow, CancellationToken.None));
        Assert.True(await schedule.AskAsync(scope.ServiceProvider, DateTimeOffset.UtcNow.AddDays(-2), CancellationToken.None));
        Assert.False(await schedule.AskAsync(scope.ServiceProvider, DateTimeOffset.UtcNow.AddDays(-2), CancellationToken.None));
        await Wait.UntilAsync(
            async () => (await Api.GetAsync("rfm")).Expect(200)["computedAt"].ValueKind == JsonValueKind.String, "thresholds");
    }

    private static Dictionary<string, (int R, int F, int M)> Score(Dictionary<string, List<(DateTimeOffset At, decimal Amount)>> orders)
    {
        var all = orders.Where(o => o.Value.Count > 0).ToDictionary(
            o => o.Key, o => (Last: o.Value.Max(e => e.At), Orders: o.Value.Count, Value: o.Value.Sum(e => e.Amount)));
        return all.ToDictionary(c => c.Key, c => (
            1 + (5 * all.Values.Count(o => o.Last < c.Value.Last) / all.Count),
            1 + (5 * all.Values.Count(o => o.Orders < c.Value.Orders) / all.Count),
            1 + (5 * all.Values.Count(o => o.Value < c.Value.Value) / all.Count)));
    }

    private static string Name((int R, int F, int M) scores) => Names[scores.R - 1][((scores.F + scores.M + 1) / 2) - 1];

    private static DateTimeOffset Parse(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);

    private static string Text(DateTimeOffset at) => Uri.EscapeDataString(at.ToString("O", CultureInfo.InvariantCulture));

    private static string Event(string id, string customer, (DateTimeOffset At, decimal Amount) order) => $$"""
        {"id":"{{id}}","customerId":"{{customer}}","type":"order_completed","amount":{{order.Amount}},"occurredAt":"{{order.At:O}}"}
        """;

    private async Task AddAsync(string id, DateTimeOffset at, decimal amount)
    {
        var order = (new DateTimeOffset(at.Ticks - (at.Ticks % 10), TimeSpan.Zero), amount);
        orders[id].Add(order);
        (await Api.PostAsync("events", Event($"more-{SegmentApi.NextNumber()}", id, order))).Expect(200, 201);
    }

    private async Task RunAsync() => Assert.Equal(
        "succeeded", (await Api.PostAsync("analyses?wait=60", """{"type":"rfm"}""")).Expect(201)["status"].GetString());

    private async Task<long> CountAsync(string rule) =>
        (await Api.PostAsync("segments/preview", Body(All(rule)))).Expect(200)["count"].GetInt64();

    private async Task WaitForSizeAsync(string key, long size) => await Wait.UntilAsync(
        async () => (await Api.GetAsync($"segments/{key}/count")).Expect(200)["count"].GetInt64() == size, $"{key} has {size}");

    private async Task<string?> StartedAtAsync(string key) =>
        (await Api.GetAsync($"segments/{key}/refresh")).Expect(200)["startedAt"].GetString();
}
