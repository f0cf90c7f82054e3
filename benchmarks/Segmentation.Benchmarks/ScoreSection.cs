using Microsoft.Extensions.DependencyInjection;
using Segmentation.Api.Predictions;
using Segmentation.Models.Purchases;

namespace Segmentation.Benchmarks;

/// <summary>
/// The scoring of everybody by a model of lifetime value, against reading the statistics alone and a COPY of as many rows of nine numbers.
/// </summary>
internal static class ScoreSection
{
    private static readonly LifetimeValueModel Model = new(
        new FrequencyModel(FrequencyKind.MbgNbd, 0.8, 9, 0.9, 2.5), new SpendModel(6, 4, 15), 90, 0.1, 1, 0.95);

    public static async Task<string> RunAsync(World world)
    {
        await using var app = InProcess.Start(world.ConnectionString);
        var scorer = app.Services.GetRequiredService<Scorer>();
        var today = DateOnly.FromDateTime(DateTime.UtcNow);
        List<double> reading = [], copying = [], scoring = [];
        long rows = 0, written = 0;
        try
        {
            // Each round is another day's: every score is another. The first makes the rows.
            await ScoreAsync(scorer, today.AddDays(-1));
            for (var round = 0; round < Math.Min(world.Options.Repeat, 3); round++)
            {
                var day = today.AddDays(round);
                reading.Add(await Measure.TimeAsync(async () => rows = await ReadAsync(world)));
                copying.Add(await Measure.TimeAsync(() => CopyAsync(world, rows)));
                scoring.Add(await Measure.TimeAsync(async () => written = await ScoreAsync(scorer, day)));
            }
        }
        finally
        {
            await world.ExecuteAsync(
                """
                TRUNCATE customer_scores; UPDATE scoring_state SET scored_at = NULL, models = '';
                DELETE FROM membership_work WHERE cause = 9; DROP TABLE IF EXISTS bench_scores
                """);
        }

        var (read, copied, scored) = (new Times(reading).Median, new Times(copying).Median, new Times(scoring).Median);
        world.Figures["score"] = scored;
        return $"""
            | | seconds |
            | --- | --- |
            | reading what {rows:N0} customers' events add up to | {read / 1000:0.0} |
            | COPY of as many rows of nine numbers | {copied / 1000:0.0} |
            | scoring everybody: {written:N0} rows written | {scored / 1000:0.0} |
            | ratio (aim 1.5) | {Text.Ratio(scored / (read + copied))} |
            """;
    }

    private static async Task<long> ScoreAsync(Scorer scorer, DateOnly day) =>
        await scorer.ScoreEveryoneAsync(new ScoringModels(new LifetimeValueScorer(day.DayNumber, day, Model), []), default) ?? 0;

    private static async Task<long> ReadAsync(World world)
    {
        await using var connection = await world.Plain.OpenConnectionAsync();
        await Loader.ExecuteAsync(connection, "SET enable_hashagg = off; SET max_parallel_workers_per_gather = 0");
        var rows = 0L;
        await foreach (var _ in CustomerActivity.ReadAsync(
            connection, null, "UTC", ["order_completed"], DateTimeOffset.UtcNow.AddDays(1), default))
        {
            rows++;
        }

        await Loader.ExecuteAsync(connection, "RESET enable_hashagg; RESET max_parallel_workers_per_gather");
        return rows;
    }

    private static async Task CopyAsync(World world, long rows)
    {
        await using var connection = await world.Plain.OpenConnectionAsync();
        var columns = string.Join(", ", Enumerable.Range(1, 9).Select(i => $"n{i} numeric"));
        await Loader.ExecuteAsync(connection, $"DROP TABLE IF EXISTS bench_scores; CREATE TABLE bench_scores (key bigint, {columns})");
        await using var writer = await connection.BeginBinaryImportAsync("COPY bench_scores FROM STDIN (FORMAT BINARY)");
        for (var row = 0L; row < rows; row++)
        {
            await writer.StartRowAsync();
            await writer.WriteAsync(row);
            for (var i = 1; i <= 9; i++)
            {
                await writer.WriteAsync(0.123457m * i);
            }
        }

        await writer.CompleteAsync();
    }
}
