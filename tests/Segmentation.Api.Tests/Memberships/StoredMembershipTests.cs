using FsCheck;
using FsCheck.Fluent;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Memberships;
using Xunit.Abstractions;

namespace Segmentation.Api.Tests.Memberships;

/// <summary>After any sequence of changes, stored membership equals a live evaluation.</summary>
public sealed class StoredMembershipTests(ITestOutputHelper output) : IAsyncLifetime
{
    private readonly TestDatabase databases = new();
    private readonly FakeTimeProvider clock = new(MembershipWorld.Start);
    private string connectionString = "";

    public async Task InitializeAsync()
    {
        await databases.InitializeAsync();
        connectionString = await databases.CreateDatabaseAsync();
    }

    public Task DisposeAsync() => databases.DisposeAsync();

    [Fact]
    public async Task InProcess_AfterAnySequence_StoredEqualsLive()
    {
        var sequences = int.Parse(Environment.GetEnvironmentVariable("MEMBERSHIP_SEQUENCES") ?? "500", System.Globalization.CultureInfo.InvariantCulture);
        var failures = new Failures();
        await using var host = await CreateHostAsync();
        var api = new Api(host.CreateClient());
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using (var lead = source.CreateCommand("UPDATE membership_leader SET kept_until = $1"))
        {
            lead.Parameters.AddWithValue(MembershipWorld.Start);
            await lead.ExecuteNonQueryAsync();
        }

        var services = host.Services;
        MembershipMaintainer Lead(DateTimeOffset watermark) =>
            ActivatorUtilities.CreateInstance<MembershipMaintainer>(services, clock, failures, 1L, watermark);
        var maintainer = Lead(clock.GetUtcNow());
        var settled = 0;
        var world = new MembershipWorld(api, clock, connectionString, SettleAsync);
        await world.CreateAsync();
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            // Now and then another process takes over, with nothing but what is stored.
            if (seed % 20 == 0)
            {
                maintainer.StopAsync().GetAwaiter().GetResult();
                using var watermark = source.CreateCommand("SELECT kept_until FROM membership_leader");
                maintainer = Lead(new DateTimeOffset((DateTime)watermark.ExecuteScalar()!));
            }

            world.RunAsync(seed).GetAwaiter().GetResult();
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(sequences));
        output.WriteLine($"{sequences} sequences, {world.Compared} memberships compared, settled {settled} times");
        Assert.True(world.Compared > 10 * sequences, "Too few members for the comparison to mean anything.");

        // A refresh never finds drift, nor does a second one.
        for (var round = 0; round < 2; round++)
        {
            foreach (var segment in (await api.AllAsync("segments?status=active")).Select(s => s.GetProperty("key").GetString()))
            {
                (await api.PostAsync($"segments/{segment}/refresh", "")).Expect(202);
            }

            await SettleAsync();
            foreach (var segment in await api.AllAsync("segments?status=active"))
            {
                // A list shows the stored count, as the segment itself does.
                Assert.Equal(segment.GetProperty("state").GetProperty("kept").GetInt64(), segment.GetProperty("memberCount").GetInt64());
                var drift = segment.GetProperty("state").GetProperty("drift");
                Assert.Equal((0, 0), (drift.GetProperty("joined").GetInt32(), drift.GetProperty("left").GetInt32()));
            }
        }

        await maintainer.StopAsync();

        async Task SettleAsync()
        {
            while (await maintainer.TickAsync(default) || !maintainer.IsSettled)
            {
                await Task.Delay(1);
                Assert.Empty(failures.Logged);
            }

            settled++;
        }
    }

    [Fact]
    public async Task SharedScan_OneSegmentFails_OthersAreBuilt()
    {
        await using var host = await CreateHostAsync();
        var api = new Api(host.CreateClient());
        await using var source = NpgsqlDataSource.Create(connectionString);
        (await api.PutAsync("customers/a", """{"demographic":{"gender":"Female"},"geographic":{"country":"DE","location":{"latitude":52.5,"longitude":13.4}} }""")).Expect(201);
        (await api.PutAsync("customers/b", """{"demographic":{"gender":"Male"},"geographic":{"country":"DE"}}""")).Expect(201);
        foreach (var (key, rule) in new[]
        {
            ("women", """{"field":"demographic.gender","operator":"=","value":"Female"}"""),
            ("near", """{"field":"geographic.location","operator":"within","value":{"latitude":52.5,"longitude":13.4,"radiusKm":50}}"""),
            ("german", """{"field":"geographic.country","operator":"=","value":"DE"}"""),
        })
        {
            (await api.PutAsync($"segments/{key}", $$"""{"rule":{"combinator":"and","rules":[{{rule}}]} }""")).Expect(201);
        }

        await ExecuteAsync(source, "ALTER FUNCTION seg_distance_km(float8, float8, float8, float8) RENAME TO distance_elsewhere");
        var services = host.Services;
        using var maintainer = ActivatorUtilities.CreateInstance<MembershipMaintainer>(services, clock, NullLogger.Instance, 1L, DateTimeOffset.UnixEpoch);
        var began = clock.GetUtcNow();
        await TickUntilAsync(3, "Failed");
        clock.Advance(TimeSpan.FromSeconds(6));
        await TickUntilAsync(2, "Ready");
        Assert.Equal(["german 2", "near 0", "women 1"], await SizesAsync());

        // Nothing was stored in the database before, and one segment is still to be built.
        var count = (await api.GetAsync("segments/women/count")).Expect(200);
        Assert.Equal((1, began), (count["count"].GetInt32(), count["evaluatedAt"].GetDateTimeOffset()));

        await ExecuteAsync(source, "ALTER FUNCTION distance_elsewhere(float8, float8, float8, float8) RENAME TO seg_distance_km");
        clock.Advance(TimeSpan.FromMinutes(1));
        await TickUntilAsync(3, "Ready");
        Assert.Equal(["german 2", "near 1", "women 1"], await SizesAsync());
        await maintainer.StopAsync();

        async Task TickUntilAsync(int number, string status)
        {
            var deadline = DateTime.UtcNow.AddSeconds(30);
            while ((await ReadAsync(source, $"SELECT count(*)::text FROM membership_states WHERE status = '{status}'"))[0] != number.ToString(System.Globalization.CultureInfo.InvariantCulture))
            {
                Assert.True(DateTime.UtcNow < deadline, $"There are not {number} {status}.");
                await maintainer.TickAsync(default);
                await Task.Delay(5);
            }
        }

        Task<string[]> SizesAsync() => ReadAsync(source, "SELECT s.key || ' ' || m.size FROM membership_states m JOIN segments s ON s.id = m.segment_id ORDER BY s.key");
    }

    [Fact]
    public async Task CancelRefresh_OneOfMany_EndsAtOnceAndOthersContinue()
    {
        await using var host = await CreateHostAsync();
        var api = new Api(host.CreateClient());
        await using var source = NpgsqlDataSource.Create(connectionString);
        string[] keys = ["germans", "french", "women"];
        foreach (var (key, field, value) in new[] { (keys[0], "geographic.country", "DE"), (keys[1], "geographic.country", "FR"), (keys[2], "demographic.gender", "Female") })
        {
            (await api.PutAsync($"segments/{key}", $$"""{"rule":{"combinator":"and","rules":[{"field":"{{field}}","operator":"=","value":"{{value}}"}]} }""")).Expect(201);
        }

        var services = host.Services;
        using var maintainer = ActivatorUtilities.CreateInstance<MembershipMaintainer>(services, clock, NullLogger.Instance, 1L, DateTimeOffset.UnixEpoch);
        await TickUntilAsync(keys, running: false);
        clock.Advance(TimeSpan.FromMinutes(1));

        await using (var connection = await source.OpenConnectionAsync())
        await using (var transaction = await connection.BeginTransactionAsync())
        {
            await using var held = new NpgsqlCommand("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE", connection);
            await held.ExecuteNonQueryAsync();
            foreach (var key in keys)
            {
                (await api.PostAsync($"segments/{key}/refresh", "")).Expect(202);
            }

            await TickUntilAsync(keys, running: true);
            clock.Advance(TimeSpan.FromSeconds(1));
            (await api.DeleteAsync($"segments/{keys[1]}/refresh")).Expect(204);
            await TickUntilAsync([keys[1]], running: false);
            await TickUntilAsync([keys[0], keys[2]], running: true);
            await transaction.RollbackAsync();
        }

        await TickUntilAsync(keys, running: false);
        var compared = await Task.WhenAll(keys.Select(async k => (await api.GetAsync($"segments/{k}/refresh")).Json.TryGetProperty("drift", out _)));
        Assert.Equal([true, false, true], compared);
        await maintainer.StopAsync();

        async Task TickUntilAsync(string[] some, bool running)
        {
            var deadline = DateTime.UtcNow.AddSeconds(30);
            while (!(await Task.WhenAll(some.Select(async k => (await api.GetAsync($"segments/{k}/refresh")).Expect(200).Json))).All(s => s.TryGetProperty("progress", out _) == running))
            {
                Assert.True(DateTime.UtcNow < deadline, $"{string.Join(", ", some)}: not {(running ? "running" : "ended")}.");
                await maintainer.TickAsync(default);
                await Task.Delay(5);
            }
        }
    }

    [Fact]
    public async Task OverEventLimit_CustomerJoinsSegment_ReferringSegmentFollows()
    {
        await using var host = await CreateHostAsync();
        var api = new Api(host.CreateClient());
        await using var source = NpgsqlDataSource.Create(connectionString);
        (await api.PostAsync("events", """{"customerId":"busy","type":"order_completed","occurredAt":"2024-03-01T00:00:00Z"}""")).Expect(200);
        await ExecuteAsync(source, "UPDATE customers SET event_count = 20001");
        (await api.PutAsync("segments/carted", Rule(Events("cart_added")))).Expect(201);
        (await api.PutAsync("segments/carted-and-ordered", Rule($$"""{"field":"segment","operator":"in","value":["carted"]},{{Events("order_completed")}}"""))).Expect(201);
        using var maintainer = ActivatorUtilities.CreateInstance<MembershipMaintainer>(host.Services, clock, NullLogger.Instance, 1L, DateTimeOffset.UnixEpoch);
        await SettleAsync(maintainer);
        Assert.Empty(await MembersAsync(source));

        (await api.PostAsync("events", """{"customerId":"busy","type":"cart_added","occurredAt":"2024-03-02T00:00:00Z"}""")).Expect(200);
        await SettleAsync(maintainer);
        Assert.Equal(["carted busy", "carted-and-ordered busy"], await MembersAsync(source));
        await maintainer.StopAsync();
    }

    [Fact]
    public async Task CacheDiffersFromStored_NothingIsWritten_AndNextLeaderStartsAnew()
    {
        await using var host = await CreateHostAsync();
        var api = new Api(host.CreateClient());
        await using var source = NpgsqlDataSource.Create(connectionString);
        (await api.PutAsync("customers/a", """{"geographic":{"country":"DE"}}""")).Expect(201);
        (await api.PutAsync("customers/b", """{"geographic":{"country":"DE"}}""")).Expect(201);
        (await api.PutAsync("segments/german", Rule("""{"field":"geographic.country","operator":"=","value":"DE"}"""))).Expect(201);
        (await api.PutAsync("segments/french", Rule("""{"field":"geographic.country","operator":"=","value":"FR"}"""))).Expect(201);
        using var maintainer = ActivatorUtilities.CreateInstance<MembershipMaintainer>(host.Services, clock, NullLogger.Instance, 1L, DateTimeOffset.UnixEpoch);
        await SettleAsync(maintainer);
        await CountryAsync("FR");
        await SettleAsync(maintainer);
        await CountryAsync("DE");
        await SettleAsync(maintainer);
        Assert.Equal(["german a", "german b"], await MembersAsync(source));

        // Written past the only writer.
        await ExecuteAsync(source, "DELETE FROM memberships m USING customers c WHERE c.key = m.customer_key AND c.id = 'a' AND m.left_batch IS NULL");
        await CountryAsync("FR");
        await Assert.ThrowsAsync<InvalidOperationException>(() => SettleAsync(maintainer));
        Assert.Equal(["german b"], await MembersAsync(source));
        await maintainer.StopAsync();

        using var next = ActivatorUtilities.CreateInstance<MembershipMaintainer>(host.Services, clock, NullLogger.Instance, 1L, clock.GetUtcNow());
        await SettleAsync(next);
        Assert.Equal(["french a", "german b"], await MembersAsync(source));
        await next.StopAsync();

        async Task CountryAsync(string country) => (await api.SendAsync("PATCH", "customers/a", $$"""{"geographic":{"country":"{{country}}"} }""", "application/merge-patch+json")).Expect(200);
    }

    [Fact]
    public async Task OverTheApi_AfterAnySequence_StoredEqualsLive()
    {
        const int sequences = 40;
        await using var server = new ApiFixture.Server(connectionString, services: s => s.Replace(ServiceDescriptor.Singleton<TimeProvider>(clock)));
        await using var source = NpgsqlDataSource.Create(connectionString);
        var world = new MembershipWorld(server.Api, clock, connectionString, () => SettledAsync(source, clock.GetUtcNow()));
        await world.CreateAsync();
        for (var i = 0; i < sequences; i++)
        {
            await world.RunAsync(7919 * i);
        }

        Assert.True(world.Compared > sequences);
    }

    // A host without a maintainer of its own: the test creates one, as the first leader.
    private async Task<TestHost> CreateHostAsync()
    {
        var host = new TestHost(connectionString, clock);
        await using var scope = host.Services.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
        await db.Database.MigrateAsync();
        await db.Database.ExecuteSqlAsync($"UPDATE membership_leader SET epoch = 1");
        return host;
    }

    /// <summary>Waits until all that was written before an instant is evaluated.</summary>
    internal static async Task SettledAsync(NpgsqlDataSource source, DateTimeOffset until)
    {
        var deadline = DateTime.UtcNow.AddSeconds(30);
        while (true)
        {
            await using var command = source.CreateCommand("SELECT l.ready_stamp = s.stamp AND l.kept_until >= $1 - interval '1 second' AND NOT EXISTS (SELECT FROM membership_work) FROM membership_leader l, definition_stamp s");
            command.Parameters.AddWithValue(until);
            if (await command.ExecuteScalarAsync() is true)
            {
                return;
            }

            Assert.True(DateTime.UtcNow < deadline, "Membership did not settle in time.");
            await Task.Delay(20);
        }
    }

    /// <summary>Whatever is logged as an error.</summary>
    private sealed class Failures : ILogger
    {
        public System.Collections.Concurrent.ConcurrentQueue<string> Logged { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                Logged.Enqueue($"{formatter(state, exception)} {exception}");
            }
        }
    }

    private static string Rule(string rules) => $$"""{"rule":{"combinator":"and","rules":[{{rules}}]} }""";

    private static string Events(string type) => $$"""{"field":"behavioral.events","operator":"=","match":{"mode":"some"},"value":{"combinator":"and","rules":[{"field":"type","operator":"=","value":"{{type}}"}]} }""";

    private static Task<string[]> MembersAsync(NpgsqlDataSource source) => ReadAsync(source,
        "SELECT s.key || ' ' || c.id FROM memberships m JOIN segments s ON s.id = m.segment_id JOIN customers c ON c.key = m.customer_key WHERE m.left_batch IS NULL ORDER BY s.key, c.id");

    private static async Task<string[]> ReadAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync();
        List<string> rows = [];
        while (await reader.ReadAsync())
        {
            rows.Add(reader.GetString(0));
        }

        return [.. rows];
    }

    private static async Task ExecuteAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task SettleAsync(MembershipMaintainer maintainer)
    {
        while (await maintainer.TickAsync(default) || !maintainer.IsSettled)
        {
            await Task.Delay(1);
        }
    }

    private sealed class TestHost(string connectionString, FakeTimeProvider clock) : WebApplicationFactory<Program>
    {
        protected override void ConfigureWebHost(IWebHostBuilder builder)
        {
            builder.UseEnvironment("Testing");
            builder.UseSetting("ConnectionStrings:Segmentation", connectionString);
            builder.ConfigureServices(s =>
            {
                s.Replace(ServiceDescriptor.Singleton<TimeProvider>(clock));

                // The test does its part.
                s.Remove(s.Single(d => d.ServiceType == typeof(IHostedService) && d.ImplementationType == typeof(MembershipLeadership)));
            });
        }
    }
}
