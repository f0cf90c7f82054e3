using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Segmentation.Api.Predictions;
using Segmentation.Api.Tests.Memberships;

namespace Segmentation.Api.Tests.Predictions;

/// <summary>What was scored, held against what came: counted here one by one.</summary>
public sealed class LiveTests : IAsyncLifetime
{
    private const int Horizon = 30;
    private static readonly DateTimeOffset Start = new(2026, 3, 2, 10, 0, 0, TimeSpan.Zero);
    private readonly TestDatabase databases = new();

    // They came after the scoring, though they had happened before.
    private readonly HashSet<string> late = ["b", "c"];
    private readonly FakeTimeProvider clock = new(Start);
    private readonly List<(string Customer, string Id, string Type, DateTimeOffset At, decimal? Amount)> events = [];
    private string connectionString = "";

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        connectionString = await databases.CreateDatabaseAsync();
    }

    public Task DisposeAsync() => databases.DisposeAsync();

    [Fact]
    public async Task Live_IsWhatWasToldAgainstWhatCame_OneByOne()
    {
        await using var host = await MaintainerHost.CreateAsync(connectionString, clock);
        var (api, scorer) = (new Api(host.CreateClient()), host.Services.GetRequiredService<Scorer>());
        await SendAsync(api, 80, Start.AddDays(-300), Start);
        await PutInForceAsync(1, pinnedTo: null);
        Assert.True(await scorer.ScoreEveryoneWhereDueAsync(default));
        var told = await ReadToldAsync();
        Assert.True(told.Count > 60);

        // Once a week.
        for (var day = 0; day < 8; day++)
        {
            Assert.Equal(day < 7 ? 1 : 2, await CountAsync("score_copies"));
            clock.Advance(TimeSpan.FromDays(1));
            Assert.True(await scorer.ScoreEveryoneWhereDueAsync(default));
        }

        // Whoever is erased is in no copy.
        var erased = told.Keys.First();
        (await api.DeleteAsync($"customers/{erased}")).Expect(204);
        told.Remove(erased);
        Assert.Equal(
            [$"{told.Count} 0"],
            await ReadAsync(
                """
                SELECT count(*) FILTER (WHERE copy_id = 1) || ' ' || count(*) FILTER (WHERE c.key IS NULL)
                FROM (SELECT copy_id, unnest(customers) AS key FROM score_copy_parts) AS p LEFT JOIN customers c USING (key)
                """));

        Assert.Null(await CheckAsync(host));
        clock.Advance(Start.AddDays(Horizon + 1) - clock.GetUtcNow());

        // Orders on the day of scoring, before and after, and at both ends of the horizon.
        var until = Start.AddDays(Horizon);
        string[] some = [.. told.Keys.Take(6)];
        await SendAsync(api, [
            (some[0], "a", Start.AddHours(2)), (some[1], "b", Start.AddHours(-1)), (some[2], "c", Start), (some[3], "d", until),
            (some[4], "e", until.AddSeconds(1)), (some[5], "f", Start.AddHours(3)), (some[5], "g", Start.AddDays(1)),
        ]);
        await SendAsync(api, 70, Start.AddDays(1), until.AddDays(1), "n");

        // Cut short, nothing has changed.
        await using (var source = NpgsqlDataSource.Create(connectionString))
        await using (var connection = await source.OpenConnectionAsync())
        await using (var other = await connection.BeginTransactionAsync())
        {
            await using var hold = new NpgsqlCommand("LOCK TABLE score_copy_parts IN SHARE MODE", connection);
            await hold.ExecuteNonQueryAsync();
            using var stop = new CancellationTokenSource();
            var checking = CheckAsync(host, stop.Token);
            await Wait.UntilAsync(
                async () => (await ReadAsync("SELECT 'x' FROM pg_locks WHERE NOT granted")).Length > 0, "it waits for the other");
            await stop.CancelAsync();
            await Assert.ThrowsAnyAsync<Exception>(() => checking);
        }

        Assert.Equal(JsonValueKind.Null, (await api.GetAsync("models/lifetimeValue")).Expect(200)["live"].ValueKind);
        Assert.Equal(1, await CheckAsync(host));
        Assert.Null(await CheckAsync(host));
        Assert.Equal(["2"], await ReadAsync("SELECT DISTINCT copy_id::text FROM score_copy_parts"));

        var live = (await api.GetAsync("models/lifetimeValue")).Expect(200)["live"];
        Assert.Equal(("2026-03-02", 1), (live.GetProperty("scoredOn").GetString(), live.GetProperty("version").GetInt32()));
        Assert.Equal(0, live.GetProperty("history").GetArrayLength());
        var came = told.ToDictionary(t => t.Key, t => CountDays(t.Key, Start, until));
        CheckFigures(live, [.. told.Select(t => (t.Value.Order, came[t.Key] > 0))]);
        Assert.Equal(told.Count, live.GetProperty("customers").GetInt32());
        Assert.Equal(came.Values.Sum(), live.GetProperty("orders").GetProperty("actual").GetInt32());
        Assert.Equal(told.Values.Sum(t => t.Orders), live.GetProperty("orders").GetProperty("expected").GetDouble(), 1e-4);
        Assert.Equal(
            told.Average(t => Math.Abs(t.Value.Orders - came[t.Key])), live.GetProperty("meanAbsoluteError").GetDouble(), 1e-5);

        // The second comes due, and stands before the first. It is wrong in life: nobody came.
        await ReadAsync("DELETE FROM events WHERE occurred_at > '2026-03-09T12:00:00Z' RETURNING id");
        clock.Advance(TimeSpan.FromDays(8));
        Assert.Equal(2, await CheckAsync(host));
        var model = (await api.GetAsync("models/lifetimeValue")).Expect(200);
        var first = Assert.Single(model["live"].GetProperty("history").EnumerateArray());
        Assert.Equal("2026-03-02", first.GetProperty("scoredOn").GetString());
        Assert.Equal(
            ["live-biased", "live-no-skill"],
            model["warnings"].EnumerateArray().Select(w => w.GetProperty("code").GetString()!).Order(StringComparer.Ordinal));
    }

    // By which versions scores are says whether they tell of what is sensitive.
    [Fact]
    public async Task OtherVersionInForce_ScoresEverybody_BeforeWhoWaits()
    {
        await using var host = await MaintainerHost.CreateAsync(connectionString, clock);
        var (api, scorer) = (new Api(host.CreateClient()), host.Services.GetRequiredService<Scorer>());
        await SendAsync(api, 20, Start.AddDays(-300), Start);
        await PutInForceAsync(1, pinnedTo: null);
        Assert.True(await scorer.ScoreEveryoneWhereDueAsync(default));
        await scorer.ScoreWaitingAsync(default);
        Assert.Equal(("1", 0), (await ReadVersionsAsync(), await CountAsync("unscored_customers")));

        await PutInForceAsync(2, pinnedTo: null);
        await SendAsync(api, [((await ReadToldAsync()).Keys.First(), "late", Start)]);
        await scorer.ScoreWaitingAsync(default);
        Assert.Equal(("1", 1), (await ReadVersionsAsync(), await CountAsync("unscored_customers")));

        Assert.True(await scorer.ScoreEveryoneWhereDueAsync(default));
        await scorer.ScoreWaitingAsync(default);
        Assert.Equal(("2", 0), (await ReadVersionsAsync(), await CountAsync("unscored_customers")));

        async Task<string> ReadVersionsAsync() => string.Join(' ', await ReadAsync(
            "SELECT DISTINCT version::text FROM customer_scores WHERE version IS NOT NULL ORDER BY 1"));
    }

    [Fact]
    public async Task PinnedVersion_IsCopiedOnce_AndItsTimeMayHaveCome()
    {
        await using var host = await MaintainerHost.CreateAsync(connectionString, clock);
        var (api, scorer) = (new Api(host.CreateClient()), host.Services.GetRequiredService<Scorer>());
        await SendAsync(api, 60, Start.AddDays(-300), Start);
        var day = DateOnly.FromDateTime(Start.UtcDateTime).AddDays(-50);
        await PutInForceAsync(1, day);
        await scorer.ScoreEveryoneAsync(default);
        var told = await ReadToldAsync();
        Assert.Equal(1, await CheckAsync(host));
        var live = (await api.GetAsync("models/lifetimeValue")).Expect(200)["live"];
        Assert.Equal($"{day:O}", live.GetProperty("scoredOn").GetString());
        var end = new DateTimeOffset(day.AddDays(1).ToDateTime(default), TimeSpan.Zero);
        var came = told.ToDictionary(t => t.Key, t => events.Where(
            e => e.Customer == t.Key && e.At >= end && e.At < end.AddDays(Horizon)).Select(e => e.At.Date).Distinct().Count());
        Assert.Equal(came.Values.Sum(), live.GetProperty("orders").GetProperty("actual").GetInt32());
        CheckFigures(live, [.. told.Select(t => (t.Value.Order, came[t.Key] > 0))]);

        clock.Advance(TimeSpan.FromDays(9));
        await scorer.ScoreEveryoneAsync(default);
        Assert.Equal(1, await CountAsync("score_copies"));

        // Another version is another copy; with the model's versions all copies go.
        await PutInForceAsync(2, day);
        await scorer.ScoreEveryoneAsync(default);
        Assert.Equal((2, 1), (await CountAsync("score_copies"), await CountAsync("score_copy_parts")));
        await ReadAsync("DELETE FROM score_copies RETURNING model_key");
        Assert.Equal(0, await CountAsync("score_copy_parts"));
        Assert.Null(await CheckAsync(host));

        // Of a version that is gone while everybody is scored by it, there is no copy.
        var gone = await ReadModelsAsync(host);
        await ReadAsync("DELETE FROM model_versions RETURNING model_key");
        await scorer.ScoreEveryoneAsync(gone, default);
        Assert.Equal(0, await CountAsync("score_copies"));
    }

    private static void CheckFigures(JsonElement live, List<(double Told, bool Came)> all)
    {
        var calibration = live.GetProperty("calibration");
        var rate = all.Count(a => a.Came) / (double)all.Count;
        Assert.InRange(rate, 0.05, 0.95);
        Assert.Equal(rate, calibration.GetProperty("baseRate").GetDouble(), 1e-12);
        Assert.Equal(all.Average(a => Math.Pow(a.Told - (a.Came ? 1 : 0), 2)), calibration.GetProperty("brier").GetDouble(), 2e-6);
        Assert.Equal(rate * (1 - rate), calibration.GetProperty("baseBrier").GetDouble(), 1e-12);
        Assert.Equal(all.Average(a => -Math.Log(a.Came ? a.Told : 1 - a.Told)), calibration.GetProperty("logLoss").GetDouble(), 1e-4);
        var pairs = all.Where(a => a.Came).SelectMany(a => all.Where(b => !b.Came).Select(b => Math.Sign(Math.Round(a.Told - b.Told, 6))));
        Assert.Equal((pairs.Average() + 1) / 2, calibration.GetProperty("auc").GetDouble(), 1e-9);
        Assert.Equal(2, calibration.GetProperty("aucInterval").GetArrayLength());
        Assert.Equal(all.Count, calibration.GetProperty("bins").EnumerateArray().Sum(b => b.GetProperty("customers").GetInt32()));
    }

    // Days with an order that were to come: the day of the scoring only where it had none before it.
    private int CountDays(string customer, DateTimeOffset from, DateTimeOffset until)
    {
        var own = events.Where(e => e.Customer == customer).ToList();
        var known = own.Where(e => e.At < from && !late.Contains(e.Id)).Select(e => e.At.Date).ToHashSet();
        return own.Where(e => e.At > from && e.At <= until).Select(e => e.At.Date).Distinct().Count(d => !known.Contains(d));
    }

    private async Task<Dictionary<string, (double Order, double Orders)>> ReadToldAsync() =>
        (await ReadAsync(
            """
            SELECT c.id || ' ' || (1 - s.churn_risk) || ' ' || s.orders30
            FROM customer_scores s JOIN customers c ON c.key = s.customer_key WHERE s.version IS NOT NULL ORDER BY c.key
            """)).Select(r => r.Split(' ')).ToDictionary(r => r[0], r => (Number(r[1]), Number(r[2])));

    private static double Number(string text) => double.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    private static async Task<long?> CheckAsync(MaintainerHost host, CancellationToken cancellation = default)
    {
        await using var scope = host.Services.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<LiveChecker>().CheckNextAsync([], cancellation);
    }

    private static async Task<ScoringModels> ReadModelsAsync(MaintainerHost host)
    {
        await using var scope = host.Services.CreateAsyncScope();
        return await ScoringModels.ReadAsync(scope.ServiceProvider.GetRequiredService<Data.SegmentationDb>(), default);
    }

    private async Task PutInForceAsync(int version, DateOnly? pinnedTo) => await ReadAsync(
        $$"""
        WITH before AS (UPDATE model_versions SET in_force = false RETURNING 1)
        INSERT INTO model_versions (model_key, version, in_force, fitted_at, as_of, pinned, settings, data, parameters, report, warnings)
        SELECT 'lifetimeValue', {{version}}, true, '2026-03-02T09:00:00Z', '{{pinnedTo ?? new DateOnly(2026, 3, 2):O}}',
            {{(pinnedTo is null ? "false" : "true")}},
            '{"type":"lifetimeValue","frequency":"mbgNbd","churnDays":{{Horizon}},"discountRate":0.1,"margin":1,"refitDays":7}',
            '{"from":"2025-01-01","to":"2026-03-02","customers":80,"repeating":60,"orders":500,"gross":1,"refunded":0,"netFactor":1}',
            '{"r":0.9,"alpha":8,"a":0.6,"b":2.2,"p":6.2,"q":3.7,"gamma":15.4}', '{}', '[]'
        FROM (SELECT count(*) FROM before) AS b RETURNING model_key
        """);

    private async Task SendAsync(Api api, int customers, DateTimeOffset from, DateTimeOffset to, string prefix = "o")
    {
        var random = new Random(customers);
        var all = new List<(string, string, DateTimeOffset)>();
        for (var i = 0; i < customers; i++)
        {
            var pause = 20 * (1 + (i % 5));
            for (var at = from.AddDays(2 * pause * random.NextDouble()); at < to; at = at.AddDays(pause * random.NextDouble()))
            {
                all.Add(($"c{i}", $"{prefix}{all.Count}", new DateTimeOffset(at.Ticks - (at.Ticks % 10), TimeSpan.Zero)));
            }
        }

        await SendAsync(api, [.. all]);
    }

    private async Task SendAsync(Api api, (string Customer, string Id, DateTimeOffset At)[] all)
    {
        var sent = all.Select(a => (a.Customer, a.Id, "order_completed", a.At, (decimal?)25)).ToList();
        events.AddRange(sent);
        await ScoringTests.SendAsync(api, sent);
    }

    private async Task<int> CountAsync(string table) => (int)Number((await ReadAsync($"SELECT count(*)::text FROM {table}")).Single());

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
