using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Segmentation.Benchmarks;
using Segmentation.Local;

namespace KillTests;

/// <summary>
/// Kills the API and PostgreSQL under load, again and again, and checks each time that nothing acknowledged is lost or counted twice, and
/// that stored membership is what the rules say. PostgreSQL has its default durability here.
/// </summary>
/// <remarks>The seed makes the same load again, but not the same instants: a failure may need several runs of it.</remarks>
internal static class KillTest
{
    internal const string Prefix = "segmentation-kill-";
    private const int MostFailures = 10;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    public static async Task<int> RunAsync(KillOptions options)
    {
        var seed = options.Seed;
        var folder = ScratchFolder.Create(Prefix);
        var failures = new KillFailures(seed);
        var load = new KillLoad(failures);
        var postgres = await EmbeddedPostgres.StartAsync(
            new EmbeddedOptions { DataDirectory = folder }, NullLogger.Instance, CancellationToken.None);
        ApiProcess? api = null;

        await using var cleanup = new Cleanup(CleanAsync);
        async Task CleanAsync()
        {
            if (api is not null)
            {
                await api.DisposeAsync();
            }

            await postgres.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }

        Console.WriteLine($"{options.Kills} kills, --seed {seed}, database in {folder}");
        var (done, longest) = (0, TimeSpan.Zero);
        try
        {
            // Connections of its own: the API's are under test.
            await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(postgres.ConnectionString)
            {
                Pooling = false,
                CommandTimeout = 60,
                Timezone = "UTC"
            }.ConnectionString);
            await using var receiver = await KillReceiver.StartAsync();
            var checks = new KillChecks(source, load, receiver, failures);
            api = await StartApiAsync();
            await DefineAsync(api);
            await checks.SettleAsync(api);
            await receiver.SubscribeAsync(api, checks);
            Console.WriteLine(receiver.Since is null ? "The API has no webhooks: those are left out." : "Webhooks are checked too.");

            for (var kill = 1; kill <= options.Kills && failures.Count < MostFailures; kill++)
            {
                failures.Kill = kill;
                var before = (Failures: failures.Count, Events: load.Events.Count);
                var random = new Random(unchecked((seed * 31) + kill));
                var target = random.Next(6) switch { 0 => Target.Postmaster, 1 => Target.Backend, _ => Target.Api };
                var killed = false;
                using var stop = new CancellationTokenSource();
                var running = load.RunAsync(api.Http, random.Next(), () => killed, stop.Token);
                var warm = random.Next(4) > 0;

                // Mostly under load; now and then while the API still warms up.
                var clock = Stopwatch.StartNew();
                while (warm && load.Events.Count == before.Events && clock.Elapsed < WarmUp)
                {
                    await Task.Delay(20);
                }

                await Task.Delay(random.Next(100, 2000));
                killed = true;
                var after = clock.Elapsed;
                clock.Restart();
                var victim = target == Target.Api ? "the API" : await KillPostgresAsync(target, postgres, source, random);
                if (target == Target.Api)
                {
                    await stop.CancelAsync();
                    api.Kill();
                    await running.WaitAsync(Patience);
                    await api.DisposeAsync();
                    api = await StartApiAsync();
                }
                else
                {
                    // It must survive this, and recover by itself.
                    await Task.Delay(random.Next(500));
                    if (target == Target.Postmaster)
                    {
                        var address = postgres.ConnectionString;
                        await postgres.DisposeAsync();
                        postgres = await EmbeddedPostgres.StartAsync(
                            new EmbeddedOptions { DataDirectory = folder }, NullLogger.Instance, CancellationToken.None);
                        if (postgres.ConnectionString != address)
                        {
                            throw new InvalidOperationException(
                                $"PostgreSQL came back elsewhere, since the path of {folder} is too long for a socket.");
                        }
                    }

                    await Task.Delay(random.Next(1000));
                    await stop.CancelAsync();
                    await running.WaitAsync(Patience);
                    if (api.HasExited)
                    {
                        failures.Add($"the API did not survive the death of {victim}");
                        await api.DisposeAsync();
                        api = await StartApiAsync();
                    }
                }

                if (await checks.SettleAsync(api))
                {
                    longest = clock.Elapsed > longest ? clock.Elapsed : longest;
                    var recovered = clock.Elapsed;
                    await checks.RunAsync(api, all: kill == options.Kills);
                    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                        $"{kill}: {victim} after {after.TotalSeconds:0.0} s of load; {load.Events.Count - before.Events} events "
                            + $"acknowledged; settled {recovered.TotalSeconds:0.0} s after the kill, compared in "
                            + $"{(clock.Elapsed - recovered).TotalSeconds:0.0} s{(failures.Count > before.Failures ? "; FAILED" : "")}"));
                }

                done++;
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{load.Events.Count:N0} events acknowledged, {checks.Memberships:N0} memberships compared ({checks.ByTime} of them again, "
                    + $"since time had passed), {checks.Messages:N0} changes published to a webhook, longest recovery "
                    + $"{longest.TotalSeconds:0.0} s"));
        }
        catch when (cleanup.HasBegun)
        {
            // Interrupted, which fails whatever was going on: that is no failure of the API's, nor is it a success.
            return Cleanup.Interrupted;
        }
        catch (Exception broken)
        {
            failures.Add($"the test itself: {broken}");
        }

        if (failures.Count > 0 && api is not null)
        {
            Console.WriteLine($"The API's last log:\n{string.Join('\n', api.Tail())}");
        }

        Console.WriteLine($"{done} kills, {failures.Count} failures");
        return failures.Count == 0 ? 0 : 1;

        Task<ApiProcess> StartApiAsync() => ApiProcess.StartAsync(
            options.Api, postgres.AppConnectionString, null, ("ConnectionStrings__SegmentationOwner", postgres.OwnerConnectionString),
            ("Database__MigrateOnStart", "true"),
            ("Webhooks__AllowHttp", "true"), ("Webhooks__AllowPrivateAddresses", "true"),
            ("DOTNET_TieredPGO", "0")); // It lives for seconds: instrumenting code to compile it better later is in vain.
    }

    private enum Target { Api, Postmaster, Backend }

    private static async Task DefineAsync(ApiProcess api)
    {
        await PutAsync("by-hand", """{"kind":"manual"}""");
        await PutAsync(KillLoad.Playground, KillLoad.Definition(KillLoad.PlaygroundRule, "UTC"));
        foreach (var (key, zone, rule) in KillLoad.Rules)
        {
            if (key == "through-draft")
            {
                await PutAsync(KillLoad.Draft, KillLoad.Definition(KillLoad.DraftRule, "UTC", "draft"));
            }

            await PutAsync(key, KillLoad.Definition(rule, zone));
        }

        async Task PutAsync(string key, string body)
        {
            using var response = await api.Http.PutAsync(new Uri($"segments/{key}", UriKind.Relative), ApiProcess.Json(body));
            if (!response.IsSuccessStatusCode)
            {
                throw new InvalidOperationException($"{key}: {await response.Content.ReadAsStringAsync()}");
            }
        }
    }

    // The postmaster's death ends all backends, a moment later; after a backend's it restarts all others by itself.
    private static async Task<string> KillPostgresAsync(Target target, EmbeddedPostgres postgres, NpgsqlDataSource source, Random random)
    {
        await using var connection = await source.OpenConnectionAsync();
        await using var find = new NpgsqlCommand(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'segmentation' ORDER BY pid", connection);
        List<int> backends = [];
        await using (var reader = await find.ExecuteReaderAsync())
        {
            while (await reader.ReadAsync())
            {
                backends.Add(reader.GetInt32(0));
            }
        }

        if (target == Target.Backend && backends.Count > 0)
        {
            return Kill(backends[random.Next(backends.Count)], "one of PostgreSQL's backends");
        }

        return Kill(postgres.ProcessId!.Value, "PostgreSQL");

        static string Kill(int id, string what)
        {
            try
            {
                using var process = Process.GetProcessById(id);
                process.Kill();
            }
            catch (ArgumentException)
            {
                return $"{what} (which had ended)";
            }

            return what;
        }
    }
}
