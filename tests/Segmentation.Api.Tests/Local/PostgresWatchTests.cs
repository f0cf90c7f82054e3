using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Segmentation.Local;

namespace Segmentation.Api.Tests.Local;

/// <summary>A private PostgreSQL that is killed, by itself and under the API.</summary>
public sealed class PostgresWatchTests : IDisposable
{
    private readonly string folder = TestFolder.Create();

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Watch_ServerEndsOften_IsStartedAgainFiveTimesAnHourAtMost()
    {
        var (time, logger) = (new FakeTimeProvider(), new LastLevel());
        var (isRunning, starts) = (true, 0);
        await using var watch = new PostgresWatch(() => isRunning, StartAsync, logger, folder, time);
        for (var i = 1; i <= PostgresWatch.MaxStarts; i++)
        {
            isRunning = false;
            await PassAsync(() => isRunning);
            Assert.Equal(i, starts);
        }

        isRunning = false;
        await PassAsync(() => logger.Last is LogLevel.Critical);
        time.Advance(TimeSpan.FromMinutes(50));
        await PassAsync(() => true);
        Assert.Equal(PostgresWatch.MaxStarts, starts);

        time.Advance(TimeSpan.FromMinutes(10));
        await PassAsync(() => isRunning);
        Assert.Equal(PostgresWatch.MaxStarts + 1, starts);

        Task StartAsync(CancellationToken cancellation)
        {
            starts++;
            isRunning = true;
            return Task.CompletedTask;
        }

        Task PassAsync(Func<bool> until) => Wait.UntilAsync(
            () =>
            {
                time.Advance(PostgresWatch.Interval);
                return Task.FromResult(until());
            },
            "what the watch does");
    }

    [Fact]
    public async Task Watch_StartFails_IsTriedAgainAfterAPause()
    {
        var (time, logger) = (new FakeTimeProvider(), new LastLevel());
        var (isRunning, starts) = (false, 0);
        await using var watch = new PostgresWatch(() => isRunning, StartAsync, logger, folder, time);
        var begin = time.GetUtcNow();
        await Wait.UntilAsync(
            () =>
            {
                time.Advance(PostgresWatch.Interval);
                return Task.FromResult(isRunning);
            },
            "a start that succeeds");
        Assert.Equal(PostgresWatch.MaxStarts + 2, starts);
        Assert.True(time.GetUtcNow() - begin >= (starts - 1) * PostgresWatch.Pause);

        Task StartAsync(CancellationToken cancellation)
        {
            isRunning = ++starts > PostgresWatch.MaxStarts + 1;
            return isRunning ? Task.CompletedTask : throw new EmbeddedPostgresException("No space left on device");
        }
    }

    [Fact]
    public async Task Watch_ServerIsKilled_IsStartedAgainWithWhatWasCommitted()
    {
        await using var server = await StartAsync();
        await ScalarAsync(server, "CREATE TABLE kept AS SELECT 42 AS n");
        for (var i = 0; i < 3; i++)
        {
            var killed = server.ProcessId!.Value;
            Process.GetProcessById(killed).Kill();
            await Wait.UntilAsync(TryAsync, "a server that was started again");
            Assert.NotEqual(killed, server.ProcessId);
        }

        async Task<bool> TryAsync()
        {
            try
            {
                return await ScalarAsync(server, "SELECT n FROM kept") is 42;
            }
            catch (NpgsqlException)
            {
                return false;
            }
        }
    }

    [Fact]
    public async Task Watch_ServerIsKilledUnderTheApi_AnswersAreGoodOr503()
    {
        await using var postgres = await StartAsync();
        await using var server = new ApiFixture.Server(
            postgres.AppConnectionString, [("ConnectionStrings:SegmentationOwner", postgres.OwnerConnectionString)]);
        (await server.Api.PutAsync("customers/a", "{}")).Expect(201);
        List<string> stored = [];
        for (var round = 0; round < 2; round++)
        {
            (await server.Api.GetAsync("customers/a")).Expect(200);
            Process.GetProcessById(postgres.ProcessId!.Value).Kill();
            var killed = Stopwatch.GetTimestamp();
            var good = 0;
            while (good < 20)
            {
                var answers = await Task.WhenAll(
                    server.Api.GetAsync("customers/a"), server.Api.GetAsync("segments"), server.Api.GetAsync("customers/a/segments"));
                foreach (var answer in answers)
                {
                    Assert.True(answer.Status is 200 or 503, $"{answer.Status}: {answer.Body}");
                    Assert.True(answer.Status == 200 || answer.Message.Headers.RetryAfter is not null, "Without Retry-After.");
                }

                var id = $"w{round}-{stored.Count}";
                if ((await server.Api.PutAsync($"customers/{id}", "{}")).Expect(200, 201, 503).Status != 503)
                {
                    stored.Add(id);
                }

                good = answers.All(a => a.Status == 200) ? good + 1 : 0;
                Assert.True(good > 0 || Stopwatch.GetElapsedTime(killed) < Wait.Patience, "It is not started again.");
            }
        }

        foreach (var id in stored)
        {
            (await server.Api.GetAsync($"customers/{id}")).Expect(200);
        }
    }

    [Fact]
    public async Task Read_AllConnectionsHaveDied_IsAnswered()
    {
        await using var postgres = await StartAsync();
        await using var server = new ApiFixture.Server(
            postgres.AppConnectionString, [("ConnectionStrings:SegmentationOwner", postgres.OwnerConnectionString)]);
        (await server.Api.PutAsync("customers/a", "{}")).Expect(201);
        for (var round = 0; round < 5; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => server.Api.GetAsync("customers?limit=5")));
            await ScalarAsync(
                postgres, "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE usename = 'segmentation_app'");
            (await server.Api.GetAsync("customers/a")).Expect(200);
            (await server.Api.GetAsync("customers/a/segments")).Expect(200);
        }
    }

    private Task<EmbeddedPostgres> StartAsync()
    {
        var options = TestFolder.Options(folder);
        options.Settings["synchronous_commit"] = "on"; // What is acknowledged outlives a kill.
        return EmbeddedPostgres.StartAsync(options, NullLogger.Instance, CancellationToken.None);
    }

    private static async Task<object?> ScalarAsync(EmbeddedPostgres server, string sql)
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    private sealed class LastLevel : ILogger
    {
        public LogLevel? Last { get; private set; }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
                Last = logLevel;
    }
}
