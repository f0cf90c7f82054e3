using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Segmentation.Api.Memberships;
using Xunit.Abstractions;

namespace Segmentation.Api.Tests.Memberships;

/// <summary>Two processes on one database: one of them maintains membership, the other takes over, and nothing is lost.</summary>
public sealed class TakeoverTests(ITestOutputHelper output) : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private const string LeadersLock =
        """
        FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE locktype = 'advisory' AND granted AND datname = current_database()
        """;

    private readonly TestDatabase databases = new();
    private string connectionString = "";
    private NpgsqlDataSource source = null!;
    private int written;

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        connectionString = await databases.CreateDatabaseAsync();
        source = NpgsqlDataSource.Create(connectionString);
    }

    public async Task DisposeAsync()
    {
        await source.DisposeAsync();
        await databases.DisposeAsync();
    }

    [Fact]
    public async Task TwoProcesses_LeaderStops_OtherTakesOver()
    {
        var first = new ApiFixture.Server(connectionString);
        await TakenOverAsync(1);
        await using var second = new ApiFixture.Server(connectionString);
        await DefineAsync(second.Api);

        // For longer than the second process waits before it tries again.
        await Task.WhenAll(WriteAsync(first.Api, TimeSpan.FromSeconds(3)), WriteAsync(second.Api, TimeSpan.FromSeconds(3)));
        await CompareAsync(second.Api);
        Assert.Equal(1L, await ScalarAsync("SELECT epoch FROM membership_leader"));
        Assert.Equal(1L, await ScalarAsync($"SELECT count(*) {LeadersLock}"));

        var writing = WriteAsync(second.Api, TimeSpan.FromSeconds(4));
        var clock = Stopwatch.StartNew();
        await first.DisposeAsync();
        await TakenOverAsync(2);
        output.WriteLine($"taken over {clock.Elapsed.TotalSeconds:0.0} s after the leader was asked to stop");
        Assert.True(clock.Elapsed < Limit, $"Taken over after {clock.Elapsed}.");
        await writing;
        await CompareAsync(second.Api);
    }

    [Fact]
    public async Task TwoProcesses_LeaderLosesItsConnection_OneTakesOver()
    {
        await using var first = new ApiFixture.Server(connectionString);
        await TakenOverAsync(1);
        await using var second = new ApiFixture.Server(connectionString);
        await DefineAsync(first.Api);
        for (var fencingToken = 2; fencingToken <= 4; fencingToken++)
        {
            // For PostgreSQL, the process that holds the lock has died; but it lives, and still believes that it leads.
            var writing = Task.WhenAll(WriteAsync(first.Api, TimeSpan.FromSeconds(2)), WriteAsync(second.Api, TimeSpan.FromSeconds(2)));
            var clock = Stopwatch.StartNew();
            Assert.Equal(1L, await ScalarAsync($"SELECT count(pg_terminate_backend(l.pid)) {LeadersLock}"));
            await TakenOverAsync(fencingToken);
            output.WriteLine($"taken over {clock.Elapsed.TotalSeconds:0.0} s after the leader was cut off");
            Assert.True(clock.Elapsed < Limit, $"Taken over after {clock.Elapsed}.");
            await writing;
            await CompareAsync(fencingToken % 2 == 0 ? first.Api : second.Api);
        }
    }

    [Fact]
    public async Task LostLeadership_WritesNothing()
    {
        // The test itself maintains membership.
        await using var server = new ApiFixture.Server(connectionString, services: s =>
            s.Remove(s.Single(d => d.ServiceType == typeof(IHostedService) && d.ImplementationType == typeof(MembershipLeadership))));
        await ExecuteAsync("UPDATE membership_leader SET epoch = 1, kept_until = now()");
        await DefineAsync(server.Api);
        using var old = Lead(server.Services, 1);
        await SettleAsync(old);
        Assert.True(await ScalarAsync("SELECT count(*) FROM memberships") == 0);
        await WriteAsync(server.Api, TimeSpan.Zero);

        // Leadership is lost while it waits to write: the next leader holds this row.
        var before = await StoredAsync();
        await using (var connection = await source.OpenConnectionAsync())
        {
            await using var taking = await connection.BeginTransactionAsync();
            await using var take = new NpgsqlCommand(
                "SELECT 1 FROM membership_leader FOR UPDATE; UPDATE membership_leader SET epoch = 2", connection, taking);
            await take.ExecuteNonQueryAsync();
            var tick = old.TickAsync(default);
            await Wait.UntilAsync(
                async () => tick.IsCompleted || await ScalarAsync(
                    $"SELECT count(*) FROM pg_stat_activity WHERE {connection.ProcessID} = ANY (pg_blocking_pids(pid))") > 0,
                "the old leader waits");
            Assert.False(tick.IsCompleted);
            await taking.CommitAsync();
            await Assert.ThrowsAsync<LeadershipLostException>(() => tick);
        }

        // The same for whatever it tries afterwards.
        await Assert.ThrowsAsync<LeadershipLostException>(() => old.TickAsync(default));
        await server.Api.PutAsync("segments/late", """{"rule":{"combinator":"and","rules":[]}}""");
        await Assert.ThrowsAsync<LeadershipLostException>(() => old.TickAsync(default));
        using var writer = new MembershipWriter(source, [], 1);
        await Assert.ThrowsAsync<LeadershipLostException>(() =>
            writer.InTransactionAsync(null, (_, _) => throw new InvalidOperationException("The write was allowed."), default));
        await old.StopAsync();
        Assert.Equal(before, await StoredAsync());

        using var next = Lead(server.Services, 2);
        await SettleAsync(next);
        await CompareAsync(server.Api, settled: true);
        await next.StopAsync();

        static MembershipMaintainer Lead(IServiceProvider services, long fencingToken) =>
            ActivatorUtilities.CreateInstance<MembershipMaintainer>(
                services, TimeProvider.System, NullLogger.Instance, fencingToken, DateTimeOffset.UtcNow);

        static async Task SettleAsync(MembershipMaintainer maintainer)
        {
            while (await maintainer.TickAsync(default) || !maintainer.IsSettled)
            {
                await Task.Delay(1);
            }
        }
    }

    private static async Task DefineAsync(Api api)
    {
        (await api.PutAsync("segments/by-hand", """{"kind":"manual"}""")).Expect(201);
        foreach (var (key, rule) in new[]
        {
            ("german", """{"field":"geographic.country","operator":"=","value":"DE"}"""),
            ("ordered",
                """
                {"field":"behavioral.events","operator":"=","match":{"mode":"atLeast","threshold":3},"value":{"combinator":"and","rules":[
                    {"field":"type","operator":"=","value":"order_completed"},
                    {"field":"occurredAt","operator":">=","value":{"mode":"relative","anchor":"now","offset":-10,"unit":"day"}}]}}
                """),
            ("top-half", """{"field":"value.percentile","operator":">=","value":50}"""),
            ("top-or-chosen", """{"field":"segment","operator":"in","value":["top-half","by-hand"]}"""),
        })
        {
            (await api.PutAsync($"segments/{key}", $$"""{"rule":{"combinator":"and","rules":[{{rule}}]} }""")).Expect(201);
        }
    }

    // A request that succeeds was written, whichever process leads.
    private async Task WriteAsync(Api api, TimeSpan time)
    {
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < 40 || clock.Elapsed < time; i++)
        {
            var n = Interlocked.Increment(ref written);
            var id = $"c{n % 12}";
            _ = (n % 7) switch
            {
                0 => (await api.PutAsync(
                    $"customers/{id}", $$"""{"geographic":{"country":"{{(n % 2 == 0 ? "DE" : "FR")}}"} }""")) is { Status: 200 or 201 },
                1 => (await api.PostAsync(
                    "segments/by-hand/members", $$"""{"{{(n % 3 == 0 ? "remove" : "add")}}":["{{id}}"]}""")) is { Status: 200 },
                2 when n % 5 == 0 => (await api.DeleteAsync($"customers/{id}")) is { Status: 204 },
                _ => (await api.PostAsync($"customers/{id}/events", Order(n))).Expect(200) is not null,
            } ? true : throw new InvalidOperationException("A write failed.");
        }
    }

    // Of now: what occurred before an erasure is refused.
    private static string Order(int n) => string.Create(
        CultureInfo.InvariantCulture,
        $$"""{"id":"e{{n}}","type":"order_completed","occurredAt":"{{DateTime.UtcNow:O}}","amount":{{n % 50}}}""");

    private async Task CompareAsync(Api api, bool settled = false)
    {
        if (!settled)
        {
            await StoredMembershipTests.SettledAsync(source, DateTimeOffset.UtcNow.AddSeconds(1));
        }

        var members = 0;
        foreach (var key in new[] { "german", "ordered", "top-half", "by-hand", "top-or-chosen" })
        {
            string[] live = [.. (await api.AllAsync($"segments/{key}/members?fields=id&live=true"))
                .Select(i => i.GetProperty("id").GetString()!)
                .Order(StringComparer.Ordinal)];
            await using var command = source.CreateCommand(
                """
                SELECT c.id FROM memberships m JOIN segments s ON s.id = m.segment_id JOIN customers c ON c.key = m.customer_key
                WHERE s.key = $1 AND m.left_batch IS NULL ORDER BY c.id COLLATE "C"
                """);
            command.Parameters.AddWithValue(key);
            List<string> stored = [];
            await using (var reader = await command.ExecuteReaderAsync())
            {
                while (await reader.ReadAsync())
                {
                    stored.Add(reader.GetString(0));
                }
            }

            Assert.True(
                live.SequenceEqual(stored),
                $"{key}: stored {string.Join(' ', stored.Except(live))} too many, {string.Join(' ', live.Except(stored))} too few");
            Assert.Equal(
                live.Length,
                await ScalarAsync(
                    $"SELECT st.size FROM membership_states st JOIN segments s ON s.id = st.segment_id WHERE s.key = '{key}'"));
            Assert.Equal(
                live.Length,
                await ScalarAsync(
                    $"""
                    SELECT coalesce(sum(joined - "left"), 0) FROM membership_batches b JOIN segments s ON s.id = b.segment_id
                    WHERE s.key = '{key}'
                    """));
            members += live.Length;
        }

        Assert.True(members > 10, "Too few members for the comparison to mean anything.");
    }

    // All that a maintainer writes.
    private async Task<string> StoredAsync()
    {
        await using var command = source.CreateCommand(
            """
            SELECT concat_ws(E'\n',
                (SELECT json_agg(m ORDER BY m.customer_key, m.segment_id, m.joined_batch) FROM memberships m),
                (SELECT json_agg(b ORDER BY b.id) FROM membership_batches b),
                (SELECT json_agg(s ORDER BY s.segment_id) FROM membership_states s),
                (SELECT json_agg(w ORDER BY w.id) FROM membership_work w),
                (SELECT json_agg((l.kept_until, l.ready_stamp)) FROM membership_leader l))
            """);
        return (string)(await command.ExecuteScalarAsync())!;
    }

    private async Task TakenOverAsync(long fencingToken)
    {
        var deadline = DateTime.UtcNow + TimeSpan.FromMinutes(5);
        while (await ScalarAsync("SELECT epoch FROM membership_leader") < fencingToken)
        {
            Assert.True(DateTime.UtcNow < deadline, $"No process has taken over: fencing token {fencingToken}.");
            await Task.Delay(20);
        }
    }

    private async Task<long> ScalarAsync(string sql)
    {
        await using var command = source.CreateCommand(sql);
        return Convert.ToInt64(await command.ExecuteScalarAsync(), CultureInfo.InvariantCulture);
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
