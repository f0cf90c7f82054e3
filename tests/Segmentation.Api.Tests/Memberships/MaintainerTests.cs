using FsCheck.Fluent;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Segmentation.Api.Memberships;

namespace Segmentation.Api.Tests.Memberships;

/// <summary>The maintainer, tick by tick, where something goes wrong or is out of the ordinary.</summary>
public sealed class MaintainerTests : IAsyncLifetime
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
    public async Task SharedScan_OneSegmentFails_OthersAreBuilt()
    {
        await using var host = await MaintainerHost.CreateAsync(connectionString, clock);
        var api = new Api(host.CreateClient());
        await using var source = NpgsqlDataSource.Create(connectionString);
        (await api.PutAsync(
            "customers/a",
            """{"demographic":{"gender":"Female"},"geographic":{"country":"DE","location":{"latitude":52.5,"longitude":13.4}} }"""))
            .Expect(201);
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
        using var maintainer = ActivatorUtilities.CreateInstance<MembershipMaintainer>(
            host.Services, clock, NullLogger.Instance, 1L, DateTimeOffset.UnixEpoch);
        await TickUntilAsync(3, "Failed");
        clock.Advance(TimeSpan.FromSeconds(6));
        await TickUntilAsync(2, "Ready");
        Assert.Equal(["german 2", "near 0", "women 1"], await SizesAsync());

        // One segment is still to be built: that is its own affair.
        await maintainer.TickAsync(default);
        var count = (await api.GetAsync("segments/women/count")).Expect(200);
        Assert.Equal((1, clock.GetUtcNow()), (count["count"].GetInt32(), count["evaluatedAt"].GetDateTimeOffset()));

        await ExecuteAsync(source, "ALTER FUNCTION distance_elsewhere(float8, float8, float8, float8) RENAME TO seg_distance_km");
        clock.Advance(TimeSpan.FromMinutes(1));
        await TickUntilAsync(3, "Ready");
        Assert.Equal(["german 2", "near 1", "women 1"], await SizesAsync());
        await maintainer.StopAsync();

        async Task TickUntilAsync(int number, string status)
        {
            var deadline = DateTime.UtcNow.AddMinutes(5);
            while ((await ReadAsync(source, $"SELECT count(*)::text FROM membership_states WHERE status = '{status}'"))[0]
                != number.ToString(System.Globalization.CultureInfo.InvariantCulture))
            {
                Assert.True(DateTime.UtcNow < deadline, $"There are not {number} {status}.");
                await maintainer.TickAsync(default);
                await Task.Delay(5);
            }
        }

        Task<string[]> SizesAsync() => ReadAsync(
            source, "SELECT s.key || ' ' || m.size FROM membership_states m JOIN segments s ON s.id = m.segment_id ORDER BY s.key");
    }

    [Fact]
    public async Task CancelRefresh_OneOfMany_EndsAtOnceAndOthersContinue()
    {
        await using var host = await MaintainerHost.CreateAsync(connectionString, clock);
        var api = new Api(host.CreateClient());
        await using var source = NpgsqlDataSource.Create(connectionString);
        string[] keys = ["germans", "french", "women"];
        foreach (var (key, field, value) in new[]
        {
            (keys[0], "geographic.country", "DE"), (keys[1], "geographic.country", "FR"), (keys[2], "demographic.gender", "Female")
        })
        {
            (await api.PutAsync(
                $"segments/{key}",
                $$"""{"rule":{"combinator":"and","rules":[{"field":"{{field}}","operator":"=","value":"{{value}}"}]} }""")).Expect(201);
        }

        using var maintainer = ActivatorUtilities.CreateInstance<MembershipMaintainer>(
            host.Services, clock, NullLogger.Instance, 1L, DateTimeOffset.UnixEpoch);
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
        var compared = await Task.WhenAll(
            keys.Select(async k => (await api.GetAsync($"segments/{k}/refresh")).Json.TryGetProperty("drift", out _)));
        Assert.Equal([true, false, true], compared);
        await maintainer.StopAsync();

        async Task TickUntilAsync(string[] some, bool running)
        {
            var deadline = DateTime.UtcNow.AddMinutes(5);
            while (!(await Task.WhenAll(some.Select(async k => (await api.GetAsync($"segments/{k}/refresh")).Expect(200).Json)))
                .All(s => s.TryGetProperty("progress", out _) == running))
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
        await using var host = await MaintainerHost.CreateAsync(connectionString, clock);
        var api = new Api(host.CreateClient());
        await using var source = NpgsqlDataSource.Create(connectionString);
        (await api.PostAsync("events", """{"customerId":"busy","type":"order_completed","occurredAt":"2024-03-01T00:00:00Z"}"""))
            .Expect(200);
        await ExecuteAsync(source, "UPDATE customers SET event_count = 20001");
        (await api.PutAsync("segments/carted", Rule(Events("cart_added")))).Expect(201);
        (await api.PutAsync(
            "segments/carted-and-ordered",
            Rule($$"""{"field":"segment","operator":"in","value":["carted"]},{{Events("order_completed")}}"""))).Expect(201);
        using var maintainer = ActivatorUtilities.CreateInstance<MembershipMaintainer>(
            host.Services, clock, NullLogger.Instance, 1L, DateTimeOffset.UnixEpoch);
        await MaintainerHost.SettleAsync(maintainer);
        Assert.Empty(await MembersAsync(source));

        (await api.PostAsync("events", """{"customerId":"busy","type":"cart_added","occurredAt":"2024-03-02T00:00:00Z"}""")).Expect(200);
        await MaintainerHost.SettleAsync(maintainer);
        Assert.Equal(["carted busy", "carted-and-ordered busy"], await MembersAsync(source));
        await maintainer.StopAsync();
    }

    [Fact]
    public async Task CacheDiffersFromStored_NothingIsWritten_AndNextLeaderStartsAnew()
    {
        await using var host = await MaintainerHost.CreateAsync(connectionString, clock);
        var api = new Api(host.CreateClient());
        await using var source = NpgsqlDataSource.Create(connectionString);
        (await api.PutAsync("customers/a", """{"geographic":{"country":"DE"}}""")).Expect(201);
        (await api.PutAsync("customers/b", """{"geographic":{"country":"DE"}}""")).Expect(201);
        (await api.PutAsync("segments/german", Rule("""{"field":"geographic.country","operator":"=","value":"DE"}"""))).Expect(201);
        (await api.PutAsync("segments/french", Rule("""{"field":"geographic.country","operator":"=","value":"FR"}"""))).Expect(201);
        using var maintainer = ActivatorUtilities.CreateInstance<MembershipMaintainer>(
            host.Services, clock, NullLogger.Instance, 1L, DateTimeOffset.UnixEpoch);
        await MaintainerHost.SettleAsync(maintainer);
        await CountryAsync("FR");
        await MaintainerHost.SettleAsync(maintainer);
        await CountryAsync("DE");
        await MaintainerHost.SettleAsync(maintainer);
        Assert.Equal(["german a", "german b"], await MembersAsync(source));

        // Written past the only writer.
        await ExecuteAsync(
            source, "DELETE FROM memberships m USING customers c WHERE c.key = m.customer_key AND c.id = 'a' AND m.left_batch IS NULL");
        await CountryAsync("FR");
        await Assert.ThrowsAsync<InvalidOperationException>(() => MaintainerHost.SettleAsync(maintainer));
        Assert.Equal(["german b"], await MembersAsync(source));
        await maintainer.StopAsync();

        using var next = ActivatorUtilities.CreateInstance<MembershipMaintainer>(
            host.Services, clock, NullLogger.Instance, 1L, clock.GetUtcNow());
        await MaintainerHost.SettleAsync(next);
        Assert.Equal(["french a", "german b"], await MembersAsync(source));
        await next.StopAsync();

        async Task CountryAsync(string country) =>
            (await api.SendAsync("PATCH", "customers/a", $$"""{"geographic":{"country":"{{country}}"} }""", "application/merge-patch+json"))
                .Expect(200);
    }

    private static string Rule(string rules) => $$"""{"rule":{"combinator":"and","rules":[{{rules}}]} }""";

    private static string Events(string type)
    {
        var value = $$"""{"combinator":"and","rules":[{"field":"type","operator":"=","value":"{{type}}"}]}""";
        return $$"""{"field":"behavioral.events","operator":"=","match":{"mode":"some"},"value":{{value}}}""";
    }

    private static Task<string[]> MembersAsync(NpgsqlDataSource source) => ReadAsync(
        source,
        """
        SELECT s.key || ' ' || c.id FROM memberships m
        JOIN segments s ON s.id = m.segment_id JOIN customers c ON c.key = m.customer_key
        WHERE m.left_batch IS NULL ORDER BY s.key, c.id
        """);

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
}
