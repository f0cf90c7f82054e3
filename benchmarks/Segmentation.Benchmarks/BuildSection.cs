using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Segments;

namespace Segmentation.Benchmarks;

/// <summary>Building the membership of a hundred segments against a hundred INSERT … SELECT statements by hand.</summary>
internal static class BuildSection
{
    private const int Segments = 100;
    private const string Prefix = "bench-build-";
    private static readonly TimeSpan Enough = TimeSpan.FromMinutes(4);

    public static async Task<string> RunAsync(World world)
    {
        await StoredSegments.CleanAsync(world);
        var rules = StoredSegments.HalfBehavioral(Segments, 46);
        var ids = await StoredSegments.DraftAsync(world, Prefix, rules);
        var statements = await StatementsAsync(world, rules, ids);
        await world.ExecuteAsync("""
            CREATE TABLE bench_members (segment_id integer NOT NULL, customer_key bigint NOT NULL, PRIMARY KEY (segment_id, customer_key));
            CREATE INDEX ON bench_members (customer_key, segment_id)
            """);
        List<double> ours = [], theirs = [];
        var (rows, written, most) = (0L, 0L, 0d);
        using (var memory = new MemoryWatch(world.Api))
        {
            // Each round reads all of customers and events. The first finds them cold for whoever runs first, and is not counted; a shorter
            // one would warm neither side's pages.
            var began = Environment.TickCount64;
            var rounds = Math.Min(world.Options.Repeat, 5);
            for (var round = -1; round < rounds && (round < 2 || Environment.TickCount64 - began < Enough.TotalMilliseconds); round++)
            {
                foreach (var engine in round % 2 == 0 ? new[] { true, false } : [false, true])
                {
                    if (engine)
                    {
                        var before = await WrittenAsync(world);
                        var ms = await StoredSegments.ActivateAsync(world, Prefix, Segments);
                        rows = await world.ScalarAsync("SELECT count(*) FROM memberships WHERE left_batch IS NULL");
                        written = await WrittenAsync(world) - before;
                        Keep(ours, ms);
                        await StoredSegments.DeactivateAsync(world, Prefix);
                    }
                    else
                    {
                        await world.ExecuteAsync("TRUNCATE bench_members");
                        Keep(theirs, await Measure.TimeAsync(() => ByHandAsync(world, statements)));
                        var byHand = await world.ScalarAsync("SELECT count(*) FROM bench_members");
                        if (rows > 0 && Math.Abs(byHand - rows) > rows / 1000)
                        {
                            // "Now" is not quite the same on both sides.
                            world.CheckSame(rows, byHand, "members");
                        }

                        await world.ExecuteAsync("TRUNCATE bench_members");
                    }

                    // One side must not wait for what the other has left to be written to disk.
                    await world.ExecuteAsync("CHECKPOINT");

                    void Keep(List<double> times, double ms)
                    {
                        World.Log($"round {round}: {(engine ? "engine" : "by hand")} {ms / 1000:0.0} s");
                        if (round >= 0)
                        {
                            times.Add(ms);
                        }
                    }
                }
            }

            most = memory.Most;
        }

        var (o, t) = (new Times(ours), new Times(theirs));
        world.Figures["build"] = o.Median;
        world.Figures["buildByHand"] = t.Median;
        return $"""
            {Segments} segments, half of them behavioural, {Text.Number(rows)} members together. Drafts that one UPDATE makes active; from \
            there until all are ready, with the difference to what is stored (nothing) taken and
            written: customers, times and causes, with their indexes, and progress. By hand: the same segments' compiled SELECT in `INSERT \
            INTO bench_members SELECT`, a table of two columns, a primary key (segment, customer)
            and an index (customer, segment), a transaction each, on two connections. In turn, {ours.Count} rounds after one that is not \
            counted; a checkpoint after each.

            | way | s: median (least–most) | rows a second | ratio | exponent |
            | --- | --: | --: | --: | --: |
            | stored membership | {Seconds(o)} | {Text.Number(rows / o.Median * 1000)} | {Text.Ratio(o.Median / t.Median)} (aim 1.00) | \
            {world.Exponent("build")} |
            | INSERT … SELECT by hand | {Seconds(t)} | {Text.Number(rows / t.Median * 1000)} | 1 | {world.Exponent("buildByHand")} |

            Rows written for each true change (of `memberships`, inserted, updated and deleted, by PostgreSQL's own count): \
            {Text.Ratio((double)written / rows)} (aim 1.00). The API's resident memory: {Text.Number(most)} MB at most (aim 400).
            """;
    }

    public static string Seconds(Times times) => $"{times.Median / 1000:0.00} ({times.Min / 1000:0.00}–{times.Max / 1000:0.00})";

    /// <summary>Rows of memberships that PostgreSQL has written so far.</summary>
    public static async Task<long> WrittenAsync(World world)
    {
        // Processes tell their counts within a second of their last transaction.
        await Task.Delay(1500);
        return await world.ScalarAsync("SELECT n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE relname = 'memberships'");
    }

    private static async Task<IReadOnlyList<(string Sql, IReadOnlyList<NpgsqlParameter> Parameters)>> StatementsAsync(
        World world, IReadOnlyList<string> rules, IReadOnlyList<int> ids)
    {
        await using var app = InProcess.Start(world.ConnectionString);
        return await app.CallAsync(async (SegmentQuery query) =>
        {
            var all = await query.DefinitionsAsync(default);
            List<(string, IReadOnlyList<NpgsqlParameter>)> statements = [];
            for (var i = 0; i < rules.Count; i++)
            {
                using var command = (NpgsqlCommand)query.Members(query.CreatePredicate(all, JsonElement.Parse(rules[i]), "UTC", null))
                    .Select(c => c.Key)
                    .CreateDbCommand();
                statements.Add((
                    $"INSERT INTO bench_members SELECT {ids[i]}, found.* FROM ({command.CommandText}) AS found",
                    [.. command.Parameters.Select(p => p.Clone())]));
            }

            return (IReadOnlyList<(string, IReadOnlyList<NpgsqlParameter>)>)statements;
        });
    }

    private static async Task ByHandAsync(World world, IReadOnlyList<(string Sql, IReadOnlyList<NpgsqlParameter> Parameters)> statements)
    {
        var next = -1;
        await Task.WhenAll(RunAsync(), RunAsync());

        async Task RunAsync()
        {
            await using var connection = await world.Plain.OpenConnectionAsync();
            for (var i = Interlocked.Increment(ref next); i < statements.Count; i = Interlocked.Increment(ref next))
            {
                await using var command = new NpgsqlCommand(statements[i].Sql, connection);
                command.Parameters.AddRange(statements[i].Parameters.Select(p => p.Clone()).ToArray());
                await command.ExecuteNonQueryAsync();
            }
        }
    }
}
