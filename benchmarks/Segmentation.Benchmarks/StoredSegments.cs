using System.Globalization;
using System.Text;
using System.Text.Json;
using Npgsql;

namespace Segmentation.Benchmarks;

/// <summary>Active segments whose membership the API maintains: makes them, waits for them, and removes every trace.</summary>
internal static class StoredSegments
{
    // The lock by which processes agree on the leader (MembershipLeadership).
    private const long LeadershipLock = 0x5E67_4D45_4D42;

    private const string LivePrefix = "bench-kept-";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(60);

    /// <summary>Has nobody maintain membership until it is disposed of: what is measured meanwhile is evaluation alone.</summary>
    public static async Task<IAsyncDisposable> HoldLeadershipAsync(World world)
    {
        var connection = await world.Plain.OpenConnectionAsync();
        await Loader.ExecuteAsync(connection, $"SELECT pg_advisory_lock({LeadershipLock})");
        return new Held(connection);
    }

    /// <summary>The rules of a number of segments, every other one over events.</summary>
    public static IReadOnlyList<string> HalfBehavioral(int number, int seed)
    {
        var literals = new Random(seed);
        bool IsBehavioral(int shape) => RandomRules.Make(shape, new Random(1)).Contains("\"behavioral.", StringComparison.Ordinal);
        var shapes = Enumerable.Range(0, RandomRules.Shapes).ToLookup(IsBehavioral);
        var (behavioral, others) = (shapes[true].ToArray(), shapes[false].ToArray());
        return [.. Enumerable.Range(0, number)
            .Select(i => RandomRules.Make(i % 2 == 0 ? behavioral[i / 2 % behavioral.Length] : others[i / 2 % others.Length], literals))];
    }

    /// <summary>Makes segments that are not active yet.</summary>
    /// <returns>Their ids, in the order of the rules.</returns>
    public static async Task<IReadOnlyList<int>> DraftAsync(World world, string prefix, IReadOnlyList<string> rules)
    {
        for (var i = 0; i < rules.Count; i++)
        {
            using var response = await world.Api.Http.PutAsync(
                new Uri(string.Create(CultureInfo.InvariantCulture, $"segments/{prefix}{i:0000}"), UriKind.Relative),
                ApiProcess.Json($$"""{"status":"draft","rule":{{rules[i]}}}"""));
            if (!response.IsSuccessStatusCode)
            {
                throw new InvalidOperationException($"{prefix}{i}: {await response.Content.ReadAsStringAsync()}");
            }
        }

        List<int> ids = [];
        await using var command = world.Plain.CreateCommand($"SELECT id FROM segments WHERE key LIKE '{prefix}%' ORDER BY key");
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            ids.Add(reader.GetInt32(0));
        }

        return ids;
    }

    /// <summary>Makes them active, all at once, and waits until the membership of every one is stored.</summary>
    /// <returns>Milliseconds from one to the other.</returns>
    public static async Task<double> ActivateAsync(World world, string prefix, int number)
    {
        await SettledAsync(world, DateTime.UtcNow);
        return await Measure.TimeAsync(async () =>
        {
            await world.ExecuteAsync($"UPDATE segments SET status = 'Active' WHERE key LIKE '{prefix}%'");
            await UntilAsync($"{number} segments are built", 25, async () =>
            {
                await using var command = world.Plain.CreateCommand(
                    "SELECT count(*) FILTER (WHERE s.status = 'Ready')::integer, count(*) FILTER (WHERE s.status = 'Failed')::integer, "
                        + "min(error) FROM membership_states s JOIN segments g ON g.id = s.segment_id WHERE g.key LIKE $1");
                command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = prefix + "%" });
                await using var reader = await command.ExecuteReaderAsync();
                await reader.ReadAsync();
                return reader.GetInt32(1) > 0
                    ? throw new InvalidOperationException($"{reader.GetInt32(1)} segments failed: {reader.GetString(2)}")
                    : (reader.GetInt32(0) == number, $"{reader.GetInt32(0)} ready");
            });
        });
    }

    /// <summary>The segments that several sections query, built by the first of them.</summary>
    public static async Task<Built> EnsureAsync(World world)
    {
        var number = world.Options.Segments;
        var file = Path.Combine(Directory.CreateDirectory(Path.Combine(world.Options.Data, "measured")).FullName, "kept-segments.json");
        if (await world.ScalarAsync($"SELECT count(*) FROM membership_states s JOIN segments g ON g.id = s.segment_id "
            + $"WHERE g.key LIKE '{LivePrefix}%' AND s.status = 'Ready'") == number && File.Exists(file))
        {
            await SettledAsync(world, DateTime.UtcNow);
            await WarmAsync(world);
            return JsonSerializer.Deserialize<Built>(await File.ReadAllTextAsync(file))!;
        }

        await CleanAsync(world);
        var literals = new Random(42);
        await DraftAsync(
            world, LivePrefix, [.. Enumerable.Range(0, number).Select(i => RandomRules.Make(i % RandomRules.Shapes, literals))]);
        World.Log($"{number} segments made; now they are built");
        double most;
        double ms;
        using (var memory = new MemoryWatch(world.Api))
        {
            ms = await ActivateAsync(world, LivePrefix, number);
            most = memory.Most;
        }

        await SettledAsync(world, DateTime.UtcNow);
        await world.ExecuteAsync("VACUUM (ANALYZE) memberships");
        await WarmAsync(world);
        var built = new Built(number, ms, await world.ScalarAsync("SELECT sum(size) FROM membership_states"), most);
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(built));
        World.Log(
            $"{number} segments of a mean {Text.Number((double)built.Members / number)} members built in {ms / 1000:0.0} s; {most:0} MB");
        return built;
    }

    // What a server has in memory that has run for a day: the first to need a page would wait for the disk, and there are more pages than
    // these sections need.
    private static async Task WarmAsync(World world)
    {
        var ms = await Measure.TimeAsync(() => world.ExecuteAsync("CREATE EXTENSION IF NOT EXISTS pg_prewarm; "
            + "SELECT sum(pg_prewarm(oid, 'read')) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')"));
        World.Log($"all tables and indexes read once in {ms / 1000:0.0} s");
    }

    /// <summary>Waits until everything committed before an instant is in stored membership.</summary>
    public static Task SettledAsync(World world, DateTime since) => UntilAsync("membership has settled", 10, async () =>
    {
        await using var command = world.Plain.CreateCommand(
            "SELECT (SELECT count(*) FROM membership_work), kept_until FROM membership_leader");
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        return (
            reader.GetInt64(0) == 0 && reader.GetDateTime(1) > since,
            $"{reader.GetInt64(0)} rows of work, kept until {reader.GetDateTime(1):HH:mm:ss}");
    });

    /// <summary>Makes segments drafts again and forgets their membership, at once: the API finds nothing to take back.</summary>
    public static async Task DeactivateAsync(World world, string prefix)
    {
        await world.ExecuteAsync($"""
            BEGIN;
            TRUNCATE memberships, membership_batches;
            UPDATE membership_states SET size = 0;
            UPDATE segments SET status = 'Draft' WHERE key LIKE '{prefix}%';
            COMMIT;
            """);
        await UntilAsync(
            "membership is forgotten",
            50,
            async () => (await world.ScalarAsync("SELECT count(*) FROM membership_states") == 0, "states are left"));
    }

    /// <summary>Removes all that was made here. The leader must have ended, or find it gone.</summary>
    public static async Task CleanAsync(World world)
    {
        await world.ExecuteAsync($"""
            BEGIN;
            DELETE FROM segments WHERE key LIKE 'bench-%';
            TRUNCATE memberships, membership_batches, membership_work, membership_states;
            COMMIT;
            DROP TABLE IF EXISTS bench_members;
            """);
    }

    /// <summary>Waits, and logs what for.</summary>
    public static async Task UntilAsync(string what, int everyMs, Func<Task<(bool Done, string Progress)>> check)
    {
        var (began, logged) = (Environment.TickCount64, Environment.TickCount64);
        while (true)
        {
            var (done, progress) = await check();
            if (done)
            {
                return;
            }

            var now = Environment.TickCount64;
            if (now - began > Patience.TotalMilliseconds)
            {
                throw new TimeoutException($"Waited {Patience.TotalMinutes} minutes until {what}: {progress}.");
            }

            if (now - logged > 20_000)
            {
                World.Log($"  until {what}: {progress}");
                logged = now;
            }

            await Task.Delay(everyMs);
        }
    }

    /// <summary>What was built, and what that took.</summary>
    /// <param name="Most">The API's resident memory meanwhile, in MB.</param>
    public sealed record Built(int Segments, double Ms, long Members, double Most)
    {
        public string Text => new StringBuilder().Append(CultureInfo.InvariantCulture, $"{Segments} active segments of a mean "
            + $"{Benchmarks.Text.Number((double)Members / Segments)} members, of {RandomRules.Shapes} shapes").ToString();
    }

    private sealed class Held(NpgsqlConnection connection) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Loader.ExecuteAsync(connection, $"SELECT pg_advisory_unlock({LeadershipLock})");
            await connection.DisposeAsync();
        }
    }
}
