using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Segmentation.Api.Memberships;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Memberships;

/// <summary>Builds that take long: each has an end, and holds up nothing but what takes long itself.</summary>
public sealed class BuildTests : IAsyncLifetime
{
    // As long as the test holds this lock, a segment by distance is being built.
    private const long Gate = 4711;

    private static readonly string Near =
        Is("geographic.location", "within", """{"latitude":52.5,"longitude":13.4,"radiusKm":50}""");

    private const string Carted =
        """
        {"field":"behavioral.events","operator":"=","match":{"mode":"some"},
         "value":{"combinator":"and","rules":[{"field":"type","operator":"=","value":"cart_added"}]} }
        """;

    private readonly TestDatabase databases = new();
    private readonly FakeTimeProvider clock = new(MembershipWorld.Start);
    private NpgsqlDataSource source = null!;
    private NpgsqlConnection gate = null!;
    private MaintainerHost host = null!;
    private Api api = null!;

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        var connectionString = await databases.CreateDatabaseAsync();
        source = NpgsqlDataSource.Create(connectionString);
        host = await MaintainerHost.CreateAsync(connectionString, clock);
        api = new Api(host.CreateClient());
        (await api.PutAsync(
            "customers/a",
            """{"demographic":{"gender":"Female"},"geographic":{"country":"DE","location":{"latitude":52.5,"longitude":13.4}} }"""))
            .Expect(201);
        await ExecuteAsync(
            $"""
            ALTER FUNCTION seg_distance_km(float8, float8, float8, float8) RENAME TO distance_behind_gate;
            CREATE FUNCTION seg_distance_km(lat1 float8, lon1 float8, lat2 float8, lon2 float8) RETURNS float8 LANGUAGE plpgsql AS $$
            BEGIN
                PERFORM pg_advisory_lock_shared({Gate}), pg_advisory_unlock_shared({Gate});
                RETURN distance_behind_gate(lat1, lon1, lat2, lon2);
            END $$
            """);
        gate = await source.OpenConnectionAsync();
        await using var close = new NpgsqlCommand($"SELECT pg_advisory_lock({Gate})", gate);
        await close.ExecuteNonQueryAsync();
    }

    public async Task DisposeAsync()
    {
        await gate.DisposeAsync();
        await host.DisposeAsync();
        await source.DisposeAsync();
        await databases.DisposeAsync();
    }

    [Fact]
    public async Task TakesLongerThanItMay_FailsAndIsTriedAgainLaterAndLater()
    {
        await DefineAsync("near", Near);
        await DefineAsync("german", Is("geographic.country", "=", "\"DE\""));
        using var maintainer = Create(new MembershipOptions { BuildLimit = TimeSpan.FromMilliseconds(500) });
        foreach (var minutes in new[] { 10, 20, 40 })
        {
            await TickUntilAsync(maintainer, $"EXISTS (SELECT FROM membership_states WHERE retry_at > '{clock.GetUtcNow():O}')");
            var state = (await api.GetAsync("segments/near")).Expect(200)["state"];
            Assert.Equal("failed", state.GetProperty("status").GetString());
            Assert.Equal(
                "It took longer than Limits:BuildMinutes (0.01) and was stopped. Narrow the rule: a shorter time, fewer events.",
                state.GetProperty("error").GetString());
            Assert.Equal(clock.GetUtcNow().AddMinutes(minutes), state.GetProperty("retryAt").GetDateTimeOffset());
            await TickUntilAsync(maintainer, "EXISTS (SELECT FROM membership_states WHERE status = 'Ready')");
            clock.Advance(TimeSpan.FromMinutes(minutes));
        }

        await OpenAsync();
        await TickUntilAsync(maintainer, "(SELECT count(*) = 2 FROM membership_states WHERE status = 'Ready' AND size = 1)");
        await maintainer.StopAsync();
    }

    [Fact]
    public async Task NextLeader_LeavesAFailedOneItsTime()
    {
        await DefineAsync("near", Near);
        using (var first = Create(new MembershipOptions { BuildLimit = TimeSpan.FromMilliseconds(200) }))
        {
            await TickUntilAsync(first, "EXISTS (SELECT FROM membership_states WHERE status = 'Failed')");
            await first.StopAsync();
        }

        await OpenAsync();
        using var next = Create(new MembershipOptions());
        await DefineAsync("german", Is("geographic.country", "=", "\"DE\""));
        await TickUntilAsync(next, "(SELECT count(*) = 1 FROM membership_states WHERE status = 'Ready')");
        Assert.Equal("failed", (await api.GetAsync("segments/near")).Expect(200)["state"].GetProperty("status").GetString());

        // Saved again, it is tried at once.
        (await api.PutAsync("segments/near", Body(All(Near, Near)))).Expect(200);
        await TickUntilAsync(next, "(SELECT count(*) = 2 FROM membership_states WHERE status = 'Ready')");
        await next.StopAsync();
    }

    [Fact]
    public async Task SomeTakeLong_OthersAreBuiltAndGoOn()
    {
        await DefineAsync("near", Near);
        await DefineAsync("nearer", Near.Replace("50", "20", StringComparison.Ordinal));
        await DefineAsync("nearest", Near.Replace("50", "2", StringComparison.Ordinal));
        await DefineAsync("women", Is("demographic.gender", "=", "\"Female\""));
        using var maintainer = Create(new MembershipOptions { LongBuild = TimeSpan.FromMilliseconds(300) });
        await TickUntilAsync(maintainer, "(SELECT count(*) = 1 FROM membership_states WHERE status = 'Ready')");
        await DefineAsync("german", Is("geographic.country", "=", "\"DE\""));
        await TickUntilAsync(maintainer, "(SELECT count(*) = 2 FROM membership_states WHERE status = 'Ready')");

        // A change of one ends no other's build: what is being built goes on in the same statement.
        await TickUntilAsync(maintainer, $"{Building} = 1");
        var statement = await ReadAsync(Statement);
        (await api.PutAsync("segments/german", Body(All(Is("geographic.country", "=", "\"FR\""))))).Expect(200);
        await DefineAsync("french", Is("geographic.country", "=", "\"FR\""));
        await TickUntilAsync(maintainer, "(SELECT count(*) = 3 FROM membership_states WHERE status = 'Ready')");
        Assert.Equal(statement, await ReadAsync(Statement));

        // What was written meanwhile is in the others, and they say so.
        clock.Advance(TimeSpan.FromMinutes(5));
        (await api.PutAsync("customers/b", """{"demographic":{"gender":"Female"},"geographic":{"country":"FR"}}""")).Expect(201);
        await TickUntilAsync(maintainer, "(SELECT count(*) = 3 FROM membership_states WHERE status = 'Ready' AND size > 0)");
        await TickUntilAsync(maintainer, $"(SELECT ahead_until = '{clock.GetUtcNow():O}' FROM membership_leader)");
        var women = (await api.GetAsync("segments/women/count")).Expect(200);
        Assert.Equal((2, clock.GetUtcNow()), (women["count"].GetInt32(), women["evaluatedAt"].GetDateTimeOffset()));

        await OpenAsync();
        await TickUntilAsync(maintainer, "(SELECT count(*) = 6 FROM membership_states WHERE status = 'Ready')");
        await MaintainerHost.SettleAsync(maintainer);
        await maintainer.TickAsync(default);
        Assert.Equal("0", await ReadAsync("SELECT count(*)::text FROM membership_states WHERE evaluated_until IS NOT NULL"));
        await maintainer.StopAsync();
    }

    [Fact]
    public async Task ReadyOneIsRebuilt_ItStaysWhereItWasAndTheOthersGoOn()
    {
        await OpenAsync();
        await DefineAsync("near", Near);
        await DefineAsync("women", Is("demographic.gender", "=", "\"Female\""));
        using var maintainer = Create(new MembershipOptions());
        await TickUntilAsync(maintainer, "(SELECT count(*) = 2 FROM membership_states WHERE status = 'Ready')");
        await MaintainerHost.SettleAsync(maintainer);
        await maintainer.TickAsync(default);
        await CloseAsync();
        var before = clock.GetUtcNow();
        (await api.PostAsync("segments/near/refresh", "")).Expect(202);
        await TickUntilAsync(maintainer, $"{Building} = 1");
        clock.Advance(TimeSpan.FromMinutes(2));
        await TickUntilAsync(maintainer, $"(SELECT ahead_until = '{clock.GetUtcNow():O}' FROM membership_leader)");

        Assert.True(
            (before, clock.GetUtcNow()) == (await EvaluatedAtAsync("near"), await EvaluatedAtAsync("women")), await ReadAsync(Progress));
        var listed = (await api.GetAsync("segments")).Expect(200)["items"].EnumerateArray().ToDictionary(
            s => s.GetProperty("key").GetString()!, s => s.GetProperty("evaluatedAt").GetDateTimeOffset());
        Assert.Equal((before, clock.GetUtcNow()), (listed["near"], listed["women"]));
        Assert.Equal(before, (await api.GetAsync("customers/a/segments")).Expect(200)["evaluatedAt"].GetDateTimeOffset());

        await OpenAsync();
        await MaintainerHost.SettleAsync(maintainer);
        await maintainer.TickAsync(default);
        Assert.Equal(clock.GetUtcNow(), await EvaluatedAtAsync("near"));
        await maintainer.StopAsync();

        async Task<DateTimeOffset> EvaluatedAtAsync(string key) =>
            (await api.GetAsync($"segments/{key}/count")).Expect(200)["evaluatedAt"].GetDateTimeOffset();
    }

    [Fact]
    public async Task OneCustomerTakesLong_ItsSegmentIsRebuiltAndTheOthersGoOn()
    {
        await OpenAsync();
        await ExecuteAsync("UPDATE customers SET event_count = 20001");
        await DefineAsync("near-and-carted", $"{Near},{Carted}");
        await DefineAsync("women", Is("demographic.gender", "=", "\"Female\""));
        using var maintainer = Create(new MembershipOptions { CustomerLimit = TimeSpan.FromSeconds(1) });
        await MaintainerHost.SettleAsync(maintainer);
        await CloseAsync();
        clock.Advance(TimeSpan.FromMinutes(2));
        var before = clock.GetUtcNow();
        (await api.PostAsync("customers/a/events", """{"type":"cart_added","occurredAt":"2024-03-01T00:00:00Z"}""")).Expect(200);
        await TickUntilAsync(maintainer, $"{Building} = 1");
        clock.Advance(TimeSpan.FromMinutes(2));
        (await api.PutAsync("customers/b", """{"demographic":{"gender":"Female"}}""")).Expect(201);
        await TickUntilAsync(maintainer, $"(SELECT ahead_until = '{clock.GetUtcNow():O}' FROM membership_leader)");
        var women = (await api.GetAsync("segments/women/count")).Expect(200);
        Assert.Equal((2, clock.GetUtcNow()), (women["count"].GetInt32(), women["evaluatedAt"].GetDateTimeOffset()));
        var carted = (await api.GetAsync("segments/near-and-carted/count")).Expect(200);
        Assert.Equal(0, carted["count"].GetInt32());
        Assert.True(carted["evaluatedAt"].GetDateTimeOffset() <= before);

        await OpenAsync();
        await MaintainerHost.SettleAsync(maintainer);
        await maintainer.TickAsync(default);
        carted = (await api.GetAsync("segments/near-and-carted/count")).Expect(200);
        Assert.Equal((1, clock.GetUtcNow()), (carted["count"].GetInt32(), carted["evaluatedAt"].GetDateTimeOffset()));
        await maintainer.StopAsync();
    }

    [Fact]
    public async Task RebuiltWhileCustomersWait_IsNotSaidToHaveThem()
    {
        await OpenAsync();
        await DefineAsync("top-half", """{"field":"value.percentile","operator":">=","value":50}""");
        using var maintainer = Create(new MembershipOptions());
        await MaintainerHost.SettleAsync(maintainer);
        await maintainer.TickAsync(default);
        var before = clock.GetUtcNow();
        clock.Advance(TimeSpan.FromMinutes(1));
        (await api.PostAsync("segments/top-half/refresh", "")).Expect(202);
        for (var i = 0; i < 25; i++)
        {
            (await api.PostAsync(
                "events",
                $$"""{"customerId":"c{{i}}","type":"order_completed","occurredAt":"2024-03-01T00:00:00Z","amount":{{i + 1}} }"""))
                .Expect(200);
        }

        // More entries than one tick reads: those of the last customers wait, and the rebuild skips them.
        await maintainer.TickAsync(default);
        await Wait.UntilAsync(
            async () => await ReadAsync($"SELECT (finished_at = '{clock.GetUtcNow():O}')::text FROM membership_states") == "true",
            "rebuilt");
        Assert.Equal("true", await ReadAsync("SELECT (count(*) > 0)::text FROM membership_work"));
        Assert.Equal(before, (await api.GetAsync("segments/top-half/count")).Expect(200)["evaluatedAt"].GetDateTimeOffset());

        await MaintainerHost.SettleAsync(maintainer);
        await maintainer.TickAsync(default);
        var count = (await api.GetAsync("segments/top-half/count")).Expect(200);
        Assert.Equal(clock.GetUtcNow(), count["evaluatedAt"].GetDateTimeOffset());
        Assert.Equal(
            (await api.GetAsync("segments/top-half/count?live=true")).Expect(200)["count"].GetInt32(), count["count"].GetInt32());
        await maintainer.StopAsync();
    }

    private const string Waits = "FROM pg_stat_activity WHERE query LIKE 'CREATE TEMPORARY TABLE%' AND wait_event = 'advisory'";
    private const string Building = $"(SELECT count(*) {Waits})";
    private const string Progress =
        """
        SELECT (SELECT row(kept_until, ahead_until)::text FROM membership_leader) || string_agg(s.*::text, ' ') FROM membership_states s
        """;

    private const string Statement = $"SELECT min(pid || ' ' || query_start) {Waits}";

    private MembershipMaintainer Create(MembershipOptions options) => ActivatorUtilities.CreateInstance<MembershipMaintainer>(
        host.Services, clock, NullLogger.Instance, options, 1L, DateTimeOffset.UnixEpoch);

    private async Task DefineAsync(string key, string rule) =>
        (await api.PutAsync($"segments/{key}", Body(All(rule)))).Expect(201);

    private Task OpenAsync() => ExecuteAtGateAsync($"SELECT pg_advisory_unlock({Gate})");

    private Task CloseAsync() => ExecuteAtGateAsync($"SELECT pg_advisory_lock({Gate})");

    private async Task ExecuteAtGateAsync(string sql)
    {
        await using var command = new NpgsqlCommand(sql, gate);
        await command.ExecuteNonQueryAsync();
    }

    private async Task TickUntilAsync(MembershipMaintainer maintainer, string condition)
    {
        var deadline = DateTime.UtcNow.AddMinutes(2);
        while (await ReadAsync($"SELECT ({condition})::text") != "true")
        {
            Assert.True(DateTime.UtcNow < deadline, $"Not so: {condition}");
            await maintainer.TickAsync(default);
            await Task.Delay(10);
        }
    }

    private async Task<string?> ReadAsync(string sql)
    {
        await using var command = source.CreateCommand(sql);
        return await command.ExecuteScalarAsync() as string;
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
