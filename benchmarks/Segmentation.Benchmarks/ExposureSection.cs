using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Npgsql;
using NpgsqlTypes;

namespace Segmentation.Benchmarks;

/// <summary>Exposures over HTTP against a bare binary COPY of the same rows into the same tables; and what recording a decision costs.
/// </summary>
internal static class ExposureSection
{
    private const string Name = "bench-exposures";
    private const int Reports = 100_000, Decisions = 300;

    public static async Task<string> RunAsync(World world)
    {
        await CleanAsync(world);
        await PutAsync(world, $"placements/{Name}", """{"type":"string"}""");
        await PutAsync(world, $"experiments/{Name}", """{"variants":[{"key":"control"},{"key":"treated"}]}""");
        await PutAsync(
            world,
            $"playbooks/{Name}",
            $$"""
            {"status":"active","plays":[{"key":"a","placement":"{{Name}}","experiment":"{{Name}}","contents":{"control":"c","treated":"t"},
             "caps":[{"max":1000000,"per":"ever"}]}]}
            """);
        await world.Api.PostAsync($"experiments/{Name}/start", ApiProcess.Json("{}"));
        var variants = await AssignAsync(world);
        await using var connection = await world.Plain.OpenConnectionAsync();
        List<double> http = [], copy = [];
        using var memory = new MemoryWatch(world.Api);
        for (var round = -1; round < world.Options.Repeat; round++)
        {
            async Task OursAsync()
            {
                using var content = new ByteArrayContent(Body(variants))
                {
                    Headers = { ContentType = new MediaTypeHeaderValue("application/x-ndjson") },
                };
                JsonElement answer = default;
                Keep(http, await Measure.TimeAsync(async () => answer = await world.Api.PostAsync("exposures", content)));
                world.CheckSame(answer.GetProperty("recorded").GetInt64(), 2 * Reports, "exposures recorded");
                await DeleteAsync(world);
            }

            async Task TheirsAsync()
            {
                var experiment = (int)await world.ScalarAsync($"SELECT id FROM experiments WHERE key = '{Name}'");
                Keep(copy, await Measure.TimeAsync(() => Task.Run(() => Copy(connection, experiment, variants))));
                await DeleteAsync(world);
            }

            void Keep(List<double> times, double ms)
            {
                if (round >= 0)
                {
                    times.Add(2 * Reports / ms * 1000);
                }
            }

            // Whichever runs second finds the pages that the first has read.
            foreach (var run in round % 2 == 0 ? new[] { OursAsync, TheirsAsync } : [TheirsAsync, OursAsync])
            {
                await run();
            }

            World.Log($"round {round}: http {Text.Number(http.LastOrDefault())}/s, copy {Text.Number(copy.LastOrDefault())}/s");
        }

        var decisions = await DecideAsync(world, connection);
        await CleanAsync(world);
        var (h, c) = (new Times(http), new Times(copy));
        return $"""
            {Text.Number(Reports)} objects of one visitor each, with an impression and an exposure of an experiment: \
            {Text.Number(2 * Reports)} exposures, deleted after each run. The COPY is binary, a statement for each of the two tables with \
            their indexes, typed values already in memory.

            | way | exposures a second: median (least–most) | ratio |
            | --- | --: | --: |
            | `POST /exposures`, NDJSON, checked against the split | {Text.Number(h.Median)} ({Text.Number(h.Min)}–{Text.Number(h.Max)}) \
            | {Text.Ratio(h.Median / c.Median)} (aim 0.4) |
            | binary COPY | {Text.Number(c.Median)} ({Text.Number(c.Min)}–{Text.Number(c.Max)}) | 1 |

            {decisions}
            The API's resident memory: {Text.Number(memory.Most)} MB at most.
            """;
    }

    // A decision with a cap and an experiment, with and without a record of it; and a transaction that writes the same two rows.
    private static async Task<string> DecideAsync(World world, NpgsqlConnection connection)
    {
        var (n, times) = (0, new List<double>[] { [], [], [] });
        for (var round = -20; round < Decisions; round++)
        {
            foreach (var way in round % 2 == 0 ? new[] { 0, 1, 2 } : [2, 1, 0])
            {
                var visitor = $"{Name}-d{n++}";
                var record = way == 1 ? "true" : "false";
                var body = $$"""{"visitorId":"{{visitor}}","placements":["{{Name}}"],"record":{{record}}}""";
                var ms = await Measure.TimeAsync(way == 2
                    ? () => WriteAsync(connection, visitor)
                    : async () =>
                    {
                        using var content = ApiProcess.Json(body);
                        await world.Api.PostAsync("decisions", content);
                    });
                if (round >= 0)
                {
                    times[way].Add(ms);
                }
            }
        }

        var (plain, recorded, bare) = (new Times(times[0]), new Times(times[1]), new Times(times[2]));
        return $"""
            A decision about one placement, with a cap and an experiment, {Decisions} times in turn, each of another visitor:

            | way | ms |
            | --- | --: |
            | `POST /decisions` | {plain} |
            | with `"record":true` | {recorded} |
            | the difference of the medians (aim: one commit more) | {Text.Ms(recorded.Median - plain.Median)} |
            | by hand: a transaction that writes an impression and a unit, and its commit | {bare} |

            """;
    }

    private static async Task WriteAsync(NpgsqlConnection connection, string visitor)
    {
        await using var transaction = await connection.BeginTransactionAsync();
        await using var batch = new NpgsqlBatch(connection, transaction);
        batch.BatchCommands.Add(new NpgsqlBatchCommand(
            "INSERT INTO experiment_units (experiment_id, run, unit, variant, at, visitor_id) "
            + "VALUES ((SELECT id FROM experiments WHERE key = $2), 1, $1, 'control', now(), $1)")
        {
            Parameters = { new() { Value = visitor }, new() { Value = Name } },
        });
        batch.BatchCommands.Add(new NpgsqlBatchCommand(
            "INSERT INTO impressions (visitor_id, at, placement, playbook, version, play) VALUES ($1, now(), $2, $2, 1, 'a')")
        {
            Parameters = { new() { Value = visitor }, new() { Value = Name } },
        });
        await batch.ExecuteNonQueryAsync();
        await transaction.CommitAsync();
    }

    private static async Task<string[]> AssignAsync(World world)
    {
        List<string> variants = [];
        foreach (var part in Enumerable.Range(0, Reports).Select(Visitor).Chunk(10_000))
        {
            using var content = ApiProcess.Json(JsonSerializer.Serialize(new { units = part }));
            var answer = await world.Api.PostAsync($"experiments/{Name}/assignments", content);
            variants.AddRange(answer.GetProperty("items").EnumerateArray().Select(i => i.GetProperty("variant").GetString()!));
        }

        return [.. variants];
    }

    private static string Visitor(int i) => $"{Name}-{i}";

    private static byte[] Body(string[] variants)
    {
        var body = new StringBuilder();
        for (var i = 0; i < variants.Length; i++)
        {
            body.Append($$"""{"visitorId":"{{Visitor(i)}}","visitId":"visit-{{i}}","exposures":["experiment:{{Name}}@1={{variants[i]}}",""")
                .Append($"\"play:{Name}/{Name}@1/a\"]}}\n");
        }

        return Encoding.UTF8.GetBytes(body.ToString());
    }

    private static void Copy(NpgsqlConnection connection, int experiment, string[] variants)
    {
        var at = DateTime.UtcNow;
        using (var units = connection.BeginBinaryImport(
            "COPY experiment_units (experiment_id, run, unit, variant, at, visitor_id) FROM STDIN (FORMAT BINARY)"))
        {
            for (var i = 0; i < variants.Length; i++)
            {
                units.StartRow();
                units.Write(experiment, NpgsqlDbType.Integer);
                units.Write(1, NpgsqlDbType.Integer);
                units.Write(Visitor(i), NpgsqlDbType.Varchar);
                units.Write(variants[i], NpgsqlDbType.Varchar);
                units.Write(at, NpgsqlDbType.TimestampTz);
                units.Write(Visitor(i), NpgsqlDbType.Varchar);
            }

            units.Complete();
        }

        using var impressions = connection.BeginBinaryImport(
            "COPY impressions (visitor_id, visit_id, at, placement, playbook, version, play) FROM STDIN (FORMAT BINARY)");
        for (var i = 0; i < variants.Length; i++)
        {
            impressions.StartRow();
            impressions.Write(Visitor(i), NpgsqlDbType.Varchar);
            impressions.Write($"visit-{i}", NpgsqlDbType.Varchar);
            impressions.Write(at, NpgsqlDbType.TimestampTz);
            impressions.Write(Name, NpgsqlDbType.Varchar);
            impressions.Write(Name, NpgsqlDbType.Varchar);
            impressions.Write(1, NpgsqlDbType.Integer);
            impressions.Write("a", NpgsqlDbType.Varchar);
        }

        impressions.Complete();
    }

    private static async Task DeleteAsync(World world)
    {
        await world.ExecuteAsync($"DELETE FROM experiment_units WHERE visitor_id LIKE '{Name}%'");
        await world.ExecuteAsync($"DELETE FROM impressions WHERE visitor_id LIKE '{Name}%'");
        await world.ExecuteAsync("VACUUM (ANALYZE) experiment_units");
        await world.ExecuteAsync("VACUUM (ANALYZE) impressions");
    }

    private static async Task CleanAsync(World world)
    {
        await DeleteAsync(world);
        await world.ExecuteAsync($"DELETE FROM playbooks WHERE key = '{Name}'");
        await world.ExecuteAsync($"DELETE FROM placements WHERE key = '{Name}'");
        await world.ExecuteAsync($"DELETE FROM experiments WHERE key = '{Name}'");
    }

    private static async Task PutAsync(World world, string path, string body)
    {
        using var content = ApiProcess.Json(body);
        using var answer = await world.Api.Http.PutAsync(new Uri(path, UriKind.Relative), content);
        if (!answer.IsSuccessStatusCode)
        {
            throw new InvalidOperationException(await answer.Content.ReadAsStringAsync());
        }
    }
}
