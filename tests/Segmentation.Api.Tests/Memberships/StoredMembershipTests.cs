using FsCheck;
using FsCheck.Fluent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Segmentation.Api.Feedback;
using Segmentation.Api.Memberships;
using Segmentation.Api.Predictions;
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
        var sequences = int.Parse(
            Environment.GetEnvironmentVariable("MEMBERSHIP_SEQUENCES") ?? "500", System.Globalization.CultureInfo.InvariantCulture);
        var failures = new Failures();
        await using var host = await MaintainerHost.CreateAsync(connectionString, clock);
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
        var world = new MembershipWorld(api, clock, connectionString, services, SettleAsync);
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
    public async Task OverTheApi_AfterAnySequence_StoredEqualsLive()
    {
        const int sequences = 40;
        await using var server = new ApiFixture.Server(connectionString, services: s =>
        {
            s.Replace(ServiceDescriptor.Singleton<TimeProvider>(clock));

            // The test scores in their place, and not between two reads that it compares.
            s.Remove(s.Single(d => d.ImplementationType == typeof(ScoringSchedule)));
            s.Remove(s.Single(d => d.ImplementationType == typeof(SentimentRewriter)));
        });
        await using var source = NpgsqlDataSource.Create(connectionString);
        var world = new MembershipWorld(
            server.Api, clock, connectionString, server.Services, () => SettledAsync(source, clock.GetUtcNow()));
        await world.CreateAsync();
        for (var i = 0; i < sequences; i++)
        {
            await world.RunAsync(7919 * i);
        }

        Assert.True(world.Compared > sequences);
    }

    /// <summary>Waits until all that was written before an instant is evaluated.</summary>
    internal static async Task SettledAsync(NpgsqlDataSource source, DateTimeOffset until)
    {
        var deadline = DateTime.UtcNow.AddMinutes(5);
        while (true)
        {
            await using var command = source.CreateCommand(
                """
                SELECT l.ready_stamp = s.stamp AND l.kept_until >= $1 - interval '1 second' AND NOT EXISTS (SELECT FROM membership_work)
                FROM membership_leader l, definition_stamp s
                """);
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

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                Logged.Enqueue($"{formatter(state, exception)} {exception}");
            }
        }
    }
}
