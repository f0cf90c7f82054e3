using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Segmentation.Api.Memberships;
using Segmentation.Api.Predictions;
using Segmentation.Api.Tests.Memberships;
using Segmentation.Models.Purchases;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Predictions;

/// <summary>The daily scores: what they are by their definitions, when they are written, and that membership follows.</summary>
public sealed class ScoringTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2026, 3, 28, 10, 0, 0, TimeSpan.Zero);
    private readonly TestDatabase databases = new();
    private readonly FakeTimeProvider clock = new(Start);
    private string connectionString = "";

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        connectionString = await databases.CreateDatabaseAsync();
    }

    public Task DisposeAsync() => databases.DisposeAsync();

    [Theory]
    [InlineData("UTC")]
    [InlineData("America/New_York")]
    public async Task Silence_IsWhatTheDefinitionSays(string zone)
    {
        await using var host = await MaintainerHost.CreateAsync(connectionString, clock);
        host.Services.GetRequiredService<PredictionOptions>().TimeZone = zone;
        var api = new Api(host.CreateClient());
        var random = new Random(5);
        var events = Enumerable.Range(0, 40).ToDictionary(
            i => $"s{i}", i => Enumerable.Range(0, random.Next(i % 4 == 0 ? 5 : 20)).Select(_ =>
                Start.AddMinutes(-random.Next(1, i % 3 == 0 ? 8_000 : 300_000))).ToList());
        await SendAsync(api, events.SelectMany(e => e.Value.Select((at, n) => (e.Key, $"e{n}", "page_viewed", at, (decimal?)null))));
        await host.Services.GetRequiredService<Scorer>().ScoreWaitingAsync(default);

        var expected = events.ToDictionary(e => e.Key, e => Silence(e.Value, Start, zone));
        Assert.InRange(expected.Values.Count(s => s is null), 5, 30);
        var stored = await ReadAsync(
            "SELECT c.id || ' ' || s.silence FROM customer_scores s JOIN customers c ON c.key = s.customer_key ORDER BY 1");
        Assert.Equal(expected.Where(e => e.Value is not null).Select(e => $"{e.Key} {Text(e.Value!.Value)}").Order(), stored.Order());

        // In SQL and in memory, and explain shows what was compared.
        foreach (var bound in expected.Values.OfType<decimal>().Distinct().Take(5))
        {
            var rule = All(Is("behavioral.silence", ">=", Text(bound)));
            Assert.Equal(expected.Values.Count(s => s >= bound), await CountAsync(api, rule));
            (await api.PutAsync("segments/at-least", Body(rule))).Expect(200, 201);
            foreach (var (id, silence) in expected.Where(e => events[e.Key].Count > 0).Take(8))
            {
                var single = (await api.GetAsync($"segments/at-least/members/{id}?live=true")).Expect(200);
                Assert.Equal(silence >= bound, single["member"].GetBoolean());
                var actual = (await api.GetAsync($"segments/at-least/explain/{id}")).Expect(200)["rule"]
                    .GetProperty("rules")[0].GetProperty("actual");
                Assert.Equal(silence?.ToString(CultureInfo.InvariantCulture), silence is null ? null : actual.GetRawText());
            }
        }

        Assert.Equal(
            expected.Count(e => e.Value is null && events[e.Key].Count > 0), await CountAsync(api, All(Is("behavioral.silence", "null"))));
        Assert.Equal(0, await CountAsync(api, All(Is("predicted.lifetimeValue", "notNull"))));

        // It stands as it is, whatever the instant.
        var asOf = Uri.EscapeDataString(Start.AddDays(-30).ToString("O", CultureInfo.InvariantCulture));
        var then = (await api.GetAsync($"segments/at-least/count?asOf={asOf}")).Expect(200)["count"].GetInt32();
        Assert.Equal((await api.GetAsync("segments/at-least/count?live=true")).Expect(200)["count"].GetInt32(), then);
    }

    [Fact]
    public async Task Scoring_TwiceADay_WritesNothing_AndTheNextDayWhatIsOther()
    {
        await using var host = await MaintainerHost.CreateAsync(connectionString, clock);
        var api = new Api(host.CreateClient());
        var scorer = host.Services.GetRequiredService<Scorer>();
        await SendAsync(api, Enumerable.Range(0, 30).SelectMany(i => Enumerable.Range(0, 6).Select(n =>
            ($"w{i}", $"e{n}", "page_viewed", Start.AddDays(-3 * n).AddHours(-i), (decimal?)null))));
        Assert.Equal(30, await scorer.ScoreEveryoneAsync(default));
        var first = await ReadAsync("SELECT xmin::text || customer_scores::text FROM customer_scores ORDER BY customer_key");
        await ReadAsync("DELETE FROM membership_work RETURNING id::text");
        Assert.Equal(0, await scorer.ScoreEveryoneAsync(default));
        await scorer.ScoreWaitingAsync(default);
        Assert.Equal(first, await ReadAsync("SELECT xmin::text || customer_scores::text FROM customer_scores ORDER BY customer_key"));
        Assert.Empty(await ReadAsync("SELECT cause::text FROM membership_work"));
        Assert.Empty(await ReadAsync("SELECT id::text FROM unscored_customers"));

        clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal(30, await scorer.ScoreEveryoneAsync(default));
        Assert.Equal(["9 Scores"], await ReadAsync("SELECT cause || ' ' || changed[1] FROM membership_work WHERE keys IS NULL"));
        Assert.Equal(["2026-03-29"], await ReadAsync("SELECT DISTINCT scored_on::text FROM customer_scores"));
    }

    [Fact]
    public async Task Everybody_IsScoredOnceADay_AtItsTime()
    {
        await using var host = await MaintainerHost.CreateAsync(connectionString, clock);
        var scorer = host.Services.GetRequiredService<Scorer>();
        Assert.True(await scorer.ScoreEveryoneWhereDueAsync(default));
        Assert.False(await scorer.ScoreEveryoneWhereDueAsync(default));
        clock.Advance(new DateTimeOffset(2026, 3, 29, 2, 59, 59, TimeSpan.Zero) - clock.GetUtcNow());
        Assert.False(await scorer.ScoreEveryoneWhereDueAsync(default));
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True(await scorer.ScoreEveryoneWhereDueAsync(default));
        Assert.False(await scorer.ScoreEveryoneWhereDueAsync(default));
    }

    [Fact]
    public async Task FormerLeader_WritesNothing()
    {
        await using var host = await MaintainerHost.CreateAsync(connectionString, clock);
        var api = new Api(host.CreateClient());
        await SendAsync(api, Enumerable.Range(0, 6).Select(n => ("f", $"e{n}", "page_viewed", Start.AddDays(-n), (decimal?)null)));
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var connection = await source.OpenConnectionAsync();
        await using var other = await connection.BeginTransactionAsync();
        await using (var write = new NpgsqlCommand("UPDATE scoring_state SET writes = writes + 1", connection))
        {
            await write.ExecuteNonQueryAsync();
        }

        var scoring = host.Services.GetRequiredService<Scorer>().ScoreEveryoneAsync(default);
        await Wait.UntilAsync(
            async () => (await ReadAsync("SELECT 'x' FROM pg_locks WHERE NOT granted")).Length > 0, "it waits for the other");
        await other.CommitAsync();
        Assert.Null(await scoring);
        Assert.Empty(await ReadAsync("SELECT customer_key::text FROM customer_scores"));
    }

    [Fact]
    public async Task Membership_FollowsScores_ByCauseScore_AndOtherSegmentsStay()
    {
        await using var host = await MaintainerHost.CreateAsync(connectionString, clock);
        var api = new Api(host.CreateClient());
        var scorer = host.Services.GetRequiredService<Scorer>();
        using var maintainer = ActivatorUtilities.CreateInstance<MembershipMaintainer>(
            host.Services, clock, NullLogger.Instance, 1L, DateTimeOffset.UnixEpoch);
        (await api.PutAsync("segments/quiet", Body(All(Is("behavioral.silence", ">", "2"))))).Expect(201);
        (await api.PutAsync("segments/within", Body(All(In("quiet"))))).Expect(201);
        (await api.PutAsync("segments/other", Body(All(Is("behavioral.eventCount", ">=", "1"))))).Expect(201);
        await SendAsync(api, Enumerable.Range(0, 10).SelectMany(i => Enumerable.Range(0, 5).Select(n =>
            ($"m{i}", $"e{n}", "page_viewed", Start.AddDays(-(i + 1) * n), (decimal?)null))));
        await scorer.ScoreWaitingAsync(default);
        await MaintainerHost.SettleAsync(maintainer);
        Assert.Equal(0, await SizeAsync("quiet"));
        var built = (await api.GetAsync("segments/other/refresh")).Expect(200)["startedAt"].GetString();

        // Of the one whose usual pause is i + 1 days, silence is days / (i + 1).
        clock.Advance(TimeSpan.FromDays(9));
        await MaintainerHost.SettleAsync(maintainer);
        Assert.Equal(0, await SizeAsync("quiet"));
        await scorer.ScoreEveryoneAsync(default);
        await MaintainerHost.SettleAsync(maintainer);
        Assert.Equal((4, 4), (await SizeAsync("quiet"), await SizeAsync("within")));
        Assert.Equal(["m0", "m1", "m2", "m3"], await ChangedAsync("quiet?cause=score&change=joined"));
        Assert.Equal(["m0", "m1", "m2", "m3"], await ChangedAsync("within?cause=score&change=joined"));
        Assert.Equal(built, (await api.GetAsync("segments/other/refresh")).Expect(200)["startedAt"].GetString());

        // Who comes back leaves as soon as it is scored.
        await SendAsync(api, [("m2", "back", "page_viewed", clock.GetUtcNow(), null)]);
        await MaintainerHost.SettleAsync(maintainer);
        Assert.Equal(4, await SizeAsync("quiet"));
        await scorer.ScoreWaitingAsync(default);
        await MaintainerHost.SettleAsync(maintainer);
        Assert.Equal(["m2"], await ChangedAsync("quiet?cause=score&change=left"));
        Assert.Equal(3, await SizeAsync("within"));

        // Whoever is erased takes its scores along, those that were waited for as well.
        await SendAsync(api, [("m1", "late", "page_viewed", clock.GetUtcNow(), null)]);
        (await api.DeleteAsync("customers/m1")).Expect(204);
        await scorer.ScoreWaitingAsync(default);
        await MaintainerHost.SettleAsync(maintainer);
        Assert.Equal(2, await SizeAsync("quiet"));
        Assert.Equal(["9"], await ReadAsync("SELECT count(*)::text FROM customer_scores"));
        await maintainer.StopAsync();

        async Task<int> SizeAsync(string key)
        {
            var live = (await api.GetAsync($"segments/{key}/count?live=true")).Expect(200)["count"].GetInt32();
            var kept = (await api.GetAsync($"segments/{key}/count")).Expect(200)["count"].GetInt32();
            Assert.Equal(live, kept);
            return kept;
        }

        async Task<string[]> ChangedAsync(string query)
        {
            var (key, parameters) = (query.Split('?')[0], query.Split('?')[1]);
            var items = await api.AllAsync($"segments/{key}/changes?{parameters}");
            return [.. items.Select(c => c.GetProperty("customerId").GetString()!).Order(StringComparer.Ordinal)];
        }
    }

    [Fact]
    public async Task Purchases_AreDaysWithOrders_AsByHand()
    {
        await using var host = await MaintainerHost.CreateAsync(connectionString, clock);
        var api = new Api(host.CreateClient());
        var random = new Random(9);
        decimal?[] amounts = [null, 0, -5, 12.5m, 40, 99.99m];
        var events = Enumerable.Range(0, 60).SelectMany(i => Enumerable.Range(0, random.Next(9)).Select(n => (
            Id: $"p{i}", Event: $"e{n}",
            Type: random.Next(3) > 0 ? "order_completed" : random.Next(2) > 0 ? "order_refunded" : "page_viewed",
            At: Start.AddHours(-random.Next(1, i % 2 == 0 ? 100 : 5_000)), Amount: amounts[random.Next(amounts.Length)]))).ToList();
        await SendAsync(api, events.Select(e => (e.Id, e.Event, e.Type, e.At, e.Amount)));
        foreach (var (zone, day) in new[] { ("UTC", new DateOnly(2026, 3, 28)), ("Asia/Kathmandu", new DateOnly(2026, 2, 20)) })
        {
            var info = TimeZoneInfo.FindSystemTimeZoneById(zone);
            var end = new DateTimeOffset(day.AddDays(1).ToDateTime(default), info.GetUtcOffset(day.AddDays(1).ToDateTime(default)))
                .ToUniversalTime();
            await using var source = NpgsqlDataSource.Create(connectionString);
            await using var connection = await source.OpenConnectionAsync();
            var found = new Dictionary<long, CustomerActivity>();
            await foreach (var activity in CustomerActivity.ReadAsync(connection, null, zone, ["order_completed"], end, default))
            {
                found.Add(activity.Customer, activity);
            }

            var keys = (await ReadAsync("SELECT id || ' ' || key FROM customers")).Select(r => r.Split(' '))
                .ToDictionary(r => r[0], r => long.Parse(r[1], CultureInfo.InvariantCulture));
            foreach (var customer in events.GroupBy(e => e.Id))
            {
                int Day(DateTimeOffset at) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(at, info).DateTime).DayNumber - 719162;
                var days = customer.Where(e => e.Type == "order_completed" && e.At < end).GroupBy(e => Day(e.At))
                    .Select(d => (Day: d.Key, Amount: d.Sum(e => e.Amount ?? 0))).OrderBy(d => d.Day).ToList();
                var paid = days.Skip(1).Where(d => d.Amount > 0).ToList();
                CustomerPurchases? expected = days.Count == 0
                    ? null
                    : new CustomerPurchases(
                        days.Count - 1, days[^1].Day - days[0].Day, day.DayNumber - 719162 - days[0].Day, paid.Count,
                        paid.Count == 0 ? 0 : Math.Round(paid.Average(d => d.Amount), 6, MidpointRounding.AwayFromZero));
                Assert.Equal(expected, found[keys[customer.Key]].FindPurchases(day.DayNumber - 719162));
            }
        }
    }

    [Fact]
    public async Task Predictions_AreTheFormulas_OnTheInputsThatAreStored()
    {
        await using var host = await MaintainerHost.CreateAsync(connectionString, clock);
        var api = new Api(host.CreateClient());
        var scorer = host.Services.GetRequiredService<Scorer>();
        var random = new Random(12);
        await SendAsync(api, Enumerable.Range(0, 60).SelectMany(i => Enumerable.Range(0, 1 + random.Next(7)).Select(n => (
            $"v{i}", $"e{n}", i % 6 == 0 ? "page_viewed" : "order_completed", Start.AddHours(-random.Next(1, 9_000)),
            i % 6 == 0 ? null : (decimal?)random.Next(0, 9_000) / 100))));
        var model = new LifetimeValueModel(
            new FrequencyModel(FrequencyKind.MbgNbd, 0.8, 9, 0.9, 2.5), new SpendModel(6, 4, 15), 90, 0.1, 0.5, 0.95);
        var models = new ScoringModels(new LifetimeValueScorer(3, null, model), []);
        await scorer.ScoreEveryoneAsync(models, default);
        var rows = await ReadAsync(
            """
            SELECT json_build_object('id', c.id, 's', s)::text FROM customer_scores s JOIN customers c ON c.key = s.customer_key
            WHERE s.version = 3 AND s.scored_on = '2026-03-28'
            """);
        var scores = rows.Select(r => JsonSerializer.Deserialize<JsonElement>(r)).ToDictionary(
            r => r.GetProperty("id").GetString()!, r => r.GetProperty("s"));
        Assert.Equal(50, scores.Count);
        foreach (var (id, row) in scores)
        {
            decimal Column(string name) => row.GetProperty(name).GetDecimal();
            var score = model.Score(
                new PurchaseHistory((double)Column("repeats"), (double)Column("recency_days") / 7, (double)Column("age_days") / 7),
                (double)Column("paid_repeats"), (double)Column("mean_amount"));
            Assert.Equal(Round(score.Alive, 6), Column("alive_probability"));
            Assert.Equal(Round(score.ChurnRisk, 6), Column("churn_risk"));
            Assert.Equal(Round(score.Orders30, 6), Column("orders30"));
            Assert.Equal(Round(score.Orders90, 6), Column("orders90"));
            Assert.Equal(Round(score.Orders365, 6), Column("orders365"));
            Assert.Equal(Round(score.AverageOrderValue!.Value, 4), Column("average_order_value"));
            Assert.Equal(Round(score.LifetimeValue!.Value, 4), Column("lifetime_value"));
            var smaller = scores.Values.Count(s => s.GetProperty("lifetime_value").GetDecimal() < Column("lifetime_value"));
            Assert.Equal(Math.Round(100m * smaller / 49, 4, MidpointRounding.AwayFromZero), Column("value_percentile"));

            var shown = (await api.GetAsync($"customers/{id}")).Expect(200)["predicted"];
            Assert.Equal(("2026-03-28", 3), (shown.GetProperty("scoredOn").GetString(), shown.GetProperty("version").GetInt32()));
            foreach (var (name, column) in new[] { ("churnRisk", "churn_risk"), ("lifetimeValue", "lifetime_value") })
            {
                Assert.Equal(Column(column), shown.GetProperty(name).GetDecimal());
                var rule = All(Is($"predicted.{name}", ">=", Text(Column(column))));
                var sign = scores.Values.Count(s => s.GetProperty(column).GetDecimal() >= Column(column));
                Assert.Equal(sign, await CountAsync(api, rule));
            }
        }

        Assert.False((await api.GetAsync("customers/v0")).Expect(200).Json.TryGetProperty("predicted", out _));
        Assert.Equal(0, await scorer.ScoreEveryoneAsync(models, default));

        // Pinned to a day, they are of that day, and stay.
        var pinned = new ScoringModels(new LifetimeValueScorer(4, new DateOnly(2026, 3, 1), model), []);
        await scorer.ScoreEveryoneAsync(pinned, default);
        const string stored = "SELECT (to_jsonb(s) - 'silence')::text FROM customer_scores s WHERE version = 4 ORDER BY customer_key";
        var before = await ReadAsync(stored);
        Assert.All(before, r => Assert.Contains("\"scored_on\": \"2026-03-01\"", r, StringComparison.Ordinal));
        clock.Advance(TimeSpan.FromDays(3));
        await scorer.ScoreEveryoneAsync(pinned, default);
        Assert.Equal(before, await ReadAsync(stored));

        static decimal Round(double value, int decimals) => Math.Round((decimal)value, decimals, MidpointRounding.AwayFromZero);
    }

    [Fact]
    public async Task Propensities_OfWhomNoModelTellsAnyMore_AreGone()
    {
        await using var host = await MaintainerHost.CreateAsync(connectionString, clock);
        (await new Api(host.CreateClient()).PutAsync("customers/left", "{}")).Expect(201);
        await ReadAsync(
            """
            WITH stored AS (
                INSERT INTO customer_scores (customer_key, scored_on, propensities)
                SELECT key, '2026-03-01', '{"gone":0.5}' FROM customers RETURNING propensities)
            SELECT propensities::text FROM stored
            """);
        Assert.Equal(1, await host.Services.GetRequiredService<Scorer>().ScoreEveryoneAsync(new ScoringModels(null, []), default));
        Assert.Equal(
            ["2026-03-28 none"], await ReadAsync("SELECT scored_on || ' ' || coalesce(propensities::text, 'none') FROM customer_scores"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Percentile_OfSomeInTheirNewPlaces_IsThatAmongAll(int seed)
    {
        var random = new Random(seed);
        var values = Enumerable.Range(0, 50).Select(_ => (decimal)random.Next(20)).ToList();
        var distribution = new ValueDistribution([.. values.Order()]);
        for (var round = 0; round < 30; round++)
        {
            var changed = Enumerable.Range(0, values.Count).Where(_ => random.Next(5) == 0).ToList();
            var before = changed.Select(i => values[i]).ToList();
            changed.ForEach(i => values[i] = random.Next(20));
            decimal[] more = [.. Enumerable.Range(0, random.Next(3)).Select(_ => (decimal)random.Next(20))];
            values.AddRange(more);
            distribution = distribution.Replace(before, [.. changed.Select(i => values[i]), .. more]);
            foreach (var value in values)
            {
                var expected = Math.Round(100m * values.Count(v => v < value) / (values.Count - 1), 4, MidpointRounding.AwayFromZero);
                Assert.Equal(expected, distribution.FindPercentile(value));
            }
        }

        Assert.Equal(0, new ValueDistribution([7]).FindPercentile(7));
    }

    private static decimal? Silence(List<DateTimeOffset> events, DateTimeOffset now, string zone)
    {
        var info = TimeZoneInfo.FindSystemTimeZoneById(zone);
        DateOnly Day(DateTimeOffset at) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(at, info).DateTime);
        var days = events.Select(Day).Distinct().Order().ToList();
        return days.Count < 4
            ? null
            : Math.Round(
                (Day(now).DayNumber - days[^1].DayNumber) / ((decimal)(days[^1].DayNumber - days[0].DayNumber) / (days.Count - 1)), 3,
                MidpointRounding.AwayFromZero);
    }

    private static string Text(decimal value) => value.ToString(CultureInfo.InvariantCulture);

    private static async Task<int> CountAsync(Api api, string rule) =>
        (await api.PostAsync("segments/preview", Body(rule))).Expect(200)["count"].GetInt32();

    internal static async Task SendAsync(
        Api api, IEnumerable<(string Customer, string Id, string Type, DateTimeOffset At, decimal? Amount)> events)
    {
        var lines = events.Select(e => JsonSerializer.Serialize(
            new { customerId = e.Customer, id = e.Id, type = e.Type, occurredAt = e.At, amount = e.Amount }));
        (await api.SendAsync("POST", "events", string.Join('\n', lines), "application/x-ndjson")).Expect(200);
    }

    private async Task<string[]> ReadAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync();
        List<string> rows = [];
        while (await reader.ReadAsync())
        {
            rows.Add(reader.GetString(0));
        }

        return [.. rows];
    }
}
