using System.Text;
using System.Text.Json;
using Npgsql;

namespace Segmentation.Benchmarks;

/// <summary>Frozen rules through the API against SQL by hand.</summary>
internal static class RulesSection
{
    public static async Task<string> RunAsync(World world)
    {
        var customers = await world.ScalarAsync("SELECT customers FROM customer_total");
        var constants = FrozenRules.Constants(DateTimeOffset.UtcNow, customers);
        await using var connection = await world.Plain.OpenConnectionAsync();
        var folder = Directory.CreateDirectory(Path.Combine(world.Options.Data, "measured", "rules")).FullName;
        var counts = new StringBuilder(
            "| kind | rule | members | API count, ms | by hand, ms | ratio |\n| --- | --- | --: | --: | --: | --: |\n");
        var previews = new StringBuilder(
            "| kind | rule | API preview, ms | by hand, ms | how by hand | ratio |\n| --- | --- | --: | --: | --- | --: |\n");
        foreach (var (rule, number) in FrozenRules.Rules.Select((r, i) => (r, i + 1))
            .Where(r => world.Options.Rules.Count == 0 || world.Options.Rules.Contains(r.Item2)))
        {
            var key = $"bench-rule-{number}";
            await world.Api.PutSegmentAsync(key, rule.Rule);
            var shapes = rule.Shapes.Select(s => constants.Aggregate(s, (sql, c) => sql.Replace(c.Key, c.Value, StringComparison.Ordinal)))
                .ToArray();
            string[] countSql = [.. shapes.Select(s => $"SELECT count(*) FROM {s}")];
            var hand = await FastestAsync(connection, countSql);

            long ours = 0, theirs = 0, previewed = 0;
            async Task Ours() =>
                ours = JsonElement.Parse(await world.Api.GetAsync($"segments/{key}/count")).GetProperty("count").GetInt64();
            async Task Theirs() => theirs = await CountAsync(connection, countSql[hand]);
            var count = await Measure.InTurnAsync(world.Options.Repeat, Ours, Theirs);
            world.CheckSame(ours, theirs, rule.Name);

            // Two statements in one round trip; or the members once, then both from them.
            string[] previewSql =
            [
                .. shapes.Select(s => $"SELECT c.* FROM {s} LIMIT 10; {countSql[hand]}"),
                $"WITH m AS MATERIALIZED (SELECT c.key FROM {shapes[hand]}) SELECT c.*, (SELECT count(*) FROM m) "
                    + $"FROM (SELECT key FROM m LIMIT 10) s JOIN customers c ON c.key = s.key",
            ];
            var handPreview = await FastestAsync(connection, previewSql);
            var body = $$"""{"rule":{{rule.Rule}},"sampleSize":10}""";
            async Task OurPreview()
            {
                var answer = await world.Api.PostAsync("segments/preview", ApiProcess.Json(body));
                (previewed, var sample) = (answer.GetProperty("count").GetInt64(), answer.GetProperty("sample").GetArrayLength());
                world.CheckSame(sample, Math.Min(10, previewed), rule.Name + ", sample");
            }

            var preview = await Measure.InTurnAsync(
                world.Options.Repeat, OurPreview, () => CountAsync(connection, previewSql[handPreview]));
            world.CheckSame(previewed, theirs, rule.Name);
            var row = new Row(
                rule.Kind, rule.Name, ours, $"{count[0]}", $"{count[1]}", count[0].Median / count[1].Median, $"{preview[0]}",
                $"{preview[1]}", preview[0].Median / preview[1].Median,
                handPreview == shapes.Length ? "members once" : "two statements",
                $"{DateTime.UtcNow:yyyy-MM-dd HH:mm}",
                world.Options.Repeat);
            await File.WriteAllTextAsync(Path.Combine(folder, $"{number:00}.json"), JsonSerializer.Serialize(row));
            World.Log($"{rule.Name}: count {row.Count} / {row.CountByHand} = {Text.Ratio(row.CountRatio)} (shape {hand}); preview "
                + $"{row.Preview} / {row.PreviewByHand} = {Text.Ratio(row.PreviewRatio)} (shape {handPreview})");
            if (world.Options.Explain)
            {
                await ExplainAsync(world, connection, rule.Rule, countSql[hand]);
            }
        }

        await using var forget = new NpgsqlCommand("DELETE FROM segments WHERE key LIKE 'bench-rule-%'", connection);
        await forget.ExecuteNonQueryAsync();

        // Each rule as it was measured last: a run of some of them leaves the others as they were.
        Row[] rows =
        [
            .. Directory.GetFiles(folder).Order(StringComparer.Ordinal).Select(f => JsonSerializer.Deserialize<Row>(File.ReadAllText(f))!)
        ];
        foreach (var row in rows)
        {
            counts.AppendLine($"| {row.Kind} | {row.Name} | {Text.Number(row.Members)} | {row.Count} | {row.CountByHand} | "
                + $"{Text.Ratio(row.CountRatio)} |");
            previews.AppendLine(
                $"| {row.Kind} | {row.Name} | {row.Preview} | {row.PreviewByHand} | {row.ByHand} | {Text.Ratio(row.PreviewRatio)} |");
        }

        return $"""
            {rows.Length} of {FrozenRules.Rules.Length} rules, measured from {rows.Min(r => r.At)} to {rows.Max(r => r.At)}. Each time is \
            the median and the middle half of {rows.Min(r => r.Repeat)} runs or more, the API and the SQL by hand in turn. By hand: of \
            several shapes the fastest. The counts were the same.

            **Count** (`GET /segments/KEY/count`): geometric mean {Text.Ratio(Mean(rows.Select(r => r.CountRatio)))} (aim 1.05), worst \
            {Text.Ratio(rows.Max(r => r.CountRatio))} (aim 1.25).

            {counts}
            **Preview** (`POST /segments/preview`, ten customers): geometric mean {Text.Ratio(Mean(rows.Select(r => r.PreviewRatio)))} \
            (aim 1.05), worst {Text.Ratio(rows.Max(r => r.PreviewRatio))} (aim 1.25).

            {previews}
            """;
    }

    private sealed record Row(
        string Kind, string Name, long Members, string Count, string CountByHand, double CountRatio, string Preview, string PreviewByHand,
        double PreviewRatio, string ByHand, string At, int Repeat);

    private static double Mean(IEnumerable<double> ratios) => Math.Exp(ratios.Average(Math.Log));

    private static async Task<int> FastestAsync(NpgsqlConnection connection, string[] statements)
    {
        var best = (Index: -1, Ms: double.MaxValue);
        foreach (var (index, sql) in statements.Index())
        {
            try
            {
                await Loader.ExecuteAsync(connection, "SET statement_timeout = '6s'");
                var times = new List<double>();
                for (var run = 0; run < 2 && (run == 0 || times.Min() < 2 * best.Ms); run++)
                {
                    times.Add(await Measure.TimeAsync(() => CountAsync(connection, sql)));
                }

                best = times.Min() < best.Ms ? (index, times.Min()) : best;
            }
            catch (PostgresException tooSlow) when (tooSlow.SqlState == PostgresErrorCodes.QueryCanceled)
            {
            }
        }

        await Loader.ExecuteAsync(connection, "SET statement_timeout = 0");
        return best.Index;
    }

    // Reads everything; gives the last result's last column where that is a number.
    private static async Task<long> CountAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await using var reader = await command.ExecuteReaderAsync();
        var last = 0L;
        var values = new object[100];
        do
        {
            while (await reader.ReadAsync())
            {
                var fields = reader.GetValues(values);
                last = values[fields - 1] is long n ? n : last;
            }
        }
        while (await reader.NextResultAsync());
        return last;
    }

    private static async Task ExplainAsync(World world, NpgsqlConnection connection, string rule, string sql)
    {
        var compiled = await world.Api.PostAsync("segments/compile", ApiProcess.Json($$"""{"rule":{{rule}}}"""));
        Console.Error.WriteLine(compiled.GetProperty("sql").GetString());
        foreach (var line in compiled.GetProperty("plan").EnumerateArray())
        {
            Console.Error.WriteLine("  " + line.GetString());
        }

        Console.Error.WriteLine(sql);
        await using var command = new NpgsqlCommand("EXPLAIN " + sql, connection);
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            Console.Error.WriteLine("  " + reader.GetString(0));
        }
    }
}
