using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Segmentation.Api.Data;
using Segmentation.Api.Predictions;

namespace Segmentation.Benchmarks;

/// <summary>Fitting lifetime value, and its scores in force: against reading what it is fitted on by hand.</summary>
internal static class FitSection
{
    private const string Segments = "bench-predicted-";
    private const int Number = 20, Patience = 1200;

    private const string ByHand =
        """
        SELECT customer_key, (occurred_at AT TIME ZONE 'UTC')::date, sum(amount) FROM events
        WHERE type = 'order_completed' GROUP BY 1, 2
        """;

    public static async Task<string> RunAsync(World world)
    {
        await ForgetAsync(world);
        var today = DateOnly.FromDateTime(DateTime.UtcNow);
        var (rows, customers) = (0L, 0L);
        Times[] reading;
        await using (var app = InProcess.Start(world.ConnectionString))
        {
            reading = await Measure.InTurnAsync(
                Math.Min(world.Options.Repeat, 3),
                async () =>
                {
                    await using var scope = app.Services.CreateAsyncScope();
                    var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
                    await using var snapshot = await db.Database.BeginTransactionAsync();
                    var reader = scope.ServiceProvider.GetRequiredService<PurchaseReader>();
                    customers = (await reader.ReadAsync(today, 90, default)).Customers;
                },
                async () => rows = await ReadByHandAsync(world));
        }

        await MakeSegmentsAsync(world);
        var before = world.Api.Resident();
        using var memory = new MemoryWatch(world.Api);
        var begun = DateTime.UtcNow;
        var fit = await FitAsync(world, "lifetimeValue");
        var (most, end) = (memory.Most, DateTime.UtcNow);
        var fitted = Milliseconds(fit) - reading[0].Median;
        World.Log($"reading {reading[0]}, by hand {reading[1]}; fit {Milliseconds(fit):0} ms: {fit.GetProperty("status")}");
        var scored = await ScoreAsync(world, fit, end);
        var table = $"""
            Fit of lifetime value: {Text.Number(customers)} customers, {Text.Number(rows)} days with an order. By hand: \
            `SELECT customer, day, sum(amount) … GROUP BY 1, 2`.

            | | s: median (least–most) | |
            | --- | --: | --: |
            | reading | {BuildSection.Seconds(reading[0])} | {Text.Ratio(reading[0].Median / reading[1].Median)} (aim 1.20) |
            | by hand | {BuildSection.Seconds(reading[1])} | 1 |
            | both models, their back-test and the report, beyond reading | {fitted / 1000:0.0} | (aim 15) |

            It {fit.GetProperty("status")}. The API's resident memory: {Text.Number(most)} MB at most, \
            {Text.Number(most - before)} more than before (aim 400).

            {scored}
            """;
        await ForgetAsync(world);
        return table;
    }

    public static async Task<string> RunPropensityAsync(World world)
    {
        const string key = "bench-propensity";
        await ForgetAsync(world);
        var put = await world.Api.Http.PutAsync(new Uri($"models/{key}", UriKind.Relative), ApiProcess.Json("""
            {"type":"propensity","name":"Orders within 30 days","withinDays":30,
            "goal":{"combinator":"and","rules":[{"field":"type","operator":"=","value":"order_completed"}]} }
            """));
        put.EnsureSuccessStatusCode();
        var before = world.Api.Resident();
        JsonElement fit;
        double most;
        using (var memory = new MemoryWatch(world.Api))
        {
            fit = await FitAsync(world, key);
            most = memory.Most;
        }

        // In force: the scoring of everybody has begun.
        World.Log($"fit {Milliseconds(fit) / 1000:0.0} s: {fit}");
        var isReady = fit.GetProperty("status").GetString() == "succeeded";
        var scoring = isReady ? await UntilScoredAsync(world) : 0;
        double read = 0;
        var rows = 0L;
        if (isReady)
        {
            await using var app = InProcess.Start(world.ConnectionString);
            read = await Measure.TimeAsync(() => app.CallAsync<SegmentationDb, long>(async db =>
            {
                await using var connection = await world.Plain.OpenConnectionAsync();
                await using var scope = app.Services.CreateAsyncScope();
                var reader = scope.ServiceProvider.GetRequiredService<PropensityReader>();
                var model = (await PropensityInForce.ListAsync(db, default)).Single();
                var moment = model.FindMoment(DateTimeOffset.UtcNow, new PredictionOptions());
                await foreach (var _ in reader.ReadAsync(
                    connection, null, model.Settings, model.ReadParameters().Features, moment, default))
                {
                    rows++;
                }

                return rows;
            }));
        }

        var data = isReady ? JsonElement.Parse(await world.Api.GetAsync($"models/{key}")).GetProperty("data") : default;
        await world.Api.Http.DeleteAsync(new Uri($"models/{key}", UriKind.Relative));
        await ForgetAsync(world);
        return !isReady ? $"The fit ended after {Milliseconds(fit) / 1000:0.0} s: {fit.GetProperty("problem")}" : $"""
            Propensity to order within 30 days, learned from {Text.Number(data.GetProperty("trained").GetInt64())} customers, tested on \
            {Text.Number(data.GetProperty("customers").GetInt64())}, {data.GetProperty("features")} features.

            | | s | aim |
            | --- | --: | --: |
            | fit: read twice, learned twice, tested | {Milliseconds(fit) / 1000:0.0} | 180 and reading |
            | reading the features of {Text.Number(rows)} customers | {read / 1000:0.0} | |
            | scoring everybody, beyond reading | {(scoring - read) / 1000:0.0} | 60 |

            The API's resident memory while it fits: {Text.Number(most)} MB at most, \
            {Text.Number(most - before)} more than before (aim 600).
            """;
    }

    private static async Task<JsonElement> FitAsync(World world, string model)
    {
        var analysis = await world.Api.PostAsync($"models/{model}/fit?wait=60", ApiProcess.Json("{}"));
        var id = analysis.GetProperty("id").GetString();
        for (var waited = 0; analysis.GetProperty("status").GetString() is "queued" or "running" && waited < Patience * 10; waited++)
        {
            await Task.Delay(100);
            analysis = JsonElement.Parse(await world.Api.GetAsync($"analyses/{id}"));
        }

        return analysis;
    }

    private static double Milliseconds(JsonElement analysis)
    {
        DateTimeOffset At(string property) => analysis.GetProperty(property).GetDateTimeOffset();
        return (At("finishedAt") - At("startedAt")).TotalMilliseconds;
    }

    // Until the first scoring by what is in force is stored: how long that took by itself.
    private static async Task<double> UntilScoredAsync(World world)
    {
        await StoredSegments.UntilAsync("everybody is scored", 500, async () => (
            await world.ScalarAsync("SELECT count(*) FROM scoring_state WHERE models <> ''") == 1, ""));
        return await world.ScalarAsync(
            "SELECT (extract(epoch FROM now() - scored_at) * 1000)::bigint FROM scoring_state");
    }

    private static async Task<string> ScoreAsync(World world, JsonElement fit, DateTime fitted)
    {
        if (fit.GetProperty("status").GetString() != "succeeded")
        {
            return $"`{fit.GetProperty("problem")}`";
        }

        var scoring = await UntilScoredAsync(world);
        await StoredSegments.SettledAsync(world, DateTime.UtcNow);
        var until = (DateTime.UtcNow - fitted).TotalSeconds;
        long wrong = 0, members = 0;
        for (var i = 0; i < Number; i++)
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"{Segments}{i:0000}");
            var kept = JsonElement.Parse(await world.Api.GetAsync($"segments/{key}/count")).GetProperty("count").GetInt64();
            var live = JsonElement.Parse(await world.Api.GetAsync($"segments/{key}/count?live=true")).GetProperty("count").GetInt64();
            (wrong, members) = (wrong + Math.Abs(kept - live), members + live);
        }

        world.CheckSame(wrong, 0, "members by which kept and live membership differ");
        return $"""
            Then everybody is scored in {scoring / 1000:0.0} s, with {Number} active segments on `predicted.*` ({Text.Number(members)} \
            members together): {until:0} s after the fit ended each is what its rule says (aim 600).
            """;
    }

    // None of them has a member before there is a score.
    private static async Task MakeSegmentsAsync(World world)
    {
        string[] fields = ["churnRisk", "aliveProbability", "orders90", "valuePercentile"];
        await StoredSegments.DraftAsync(
            world,
            Segments,
            [.. Enumerable.Range(0, Number).Select(i =>
            {
                var bound = (fields[i % 4] == "valuePercentile" ? 100 : 1) * (0.1 + (0.15 * (i / 4)));
                return string.Create(
                    CultureInfo.InvariantCulture,
                    $$"""
                    {"combinator":"and","rules":[{"field":"predicted.{{fields[i % 4]}}","operator":"<","value":{{bound}}}]}
                    """);
            })]);
        await StoredSegments.ActivateAsync(world, Segments, Number);
    }

    private static async Task<long> ReadByHandAsync(World world)
    {
        await using var command = world.Plain.CreateCommand(ByHand);
        command.CommandTimeout = 0;
        await using var reader = await command.ExecuteReaderAsync();
        var rows = 0L;
        while (await reader.ReadAsync())
        {
            rows++;
        }

        return rows;
    }

    private static async Task ForgetAsync(World world)
    {
        await StoredSegments.CleanAsync(world);
        await world.ExecuteAsync(
            """
            DELETE FROM model_versions; DELETE FROM analyses WHERE type = 'fit'; TRUNCATE customer_scores;
            UPDATE scoring_state SET scored_at = now(), models = ''
            """);
    }
}
