using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Segmentation.Benchmarks;

/// <summary>Groups whose target is unusual: how long reading takes, and how long what follows it.</summary>
internal static class OpportunitiesSection
{
    // Half an hour, as long as one may take.
    private const int Patience = 1_800;

    // From here on it searches: what is read before is the database's work.
    private const double Read = 0.7;

    public static async Task<string> RunAsync(World world)
    {
        var before = world.Api.Resident();
        var table = new StringBuilder("""
            | target | conditions | searched | taken | reading, s | all that follows, s (aim 60) |
            | --- | --: | --: | --: | --: | --: |

            """);
        using var memory = new MemoryWatch(world.Api);
        foreach (var (metric, conditions) in new[] { ("buyers", 2), ("revenue", 2), ("buyers", 3) })
        {
            var (result, reading, following) = await SearchAsync(world, metric, conditions);
            var (searched, taken) = (result.GetProperty("searched").GetInt32(), result.GetProperty("taken").GetInt32());
            World.Log($"opportunities {metric}, {conditions} conditions: reading {reading:0.0} s, then {following:0.0} s");
            table.AppendLine(
                $"| `{metric}` | {conditions} | {Text.Number(searched)} | {taken} | {reading:0.0} | {following:0.0} |");
        }

        return $"""
            `POST /analyses {"{"}"type":"opportunities"{"}"}`, described as of 30 days ago, one run each. What follows reading is \
            the search, the test, and who the found rules hold of now beside the active segments.

            {table}
            The API's resident memory: {Text.Number(memory.Most)} MB at most, {Text.Number(memory.Most - before)} more than \
            before (aim 250).
            """;
    }

    private static async Task<(JsonElement Result, double Reading, double Following)> SearchAsync(
        World world, string metric, int conditions)
    {
        var analysis = await world.Api.PostAsync("analyses?wait=0", ApiProcess.Json(
            $$"""{"type":"opportunities","target":{"metric":"{{metric}}"},"conditions":{{conditions}}}"""));
        var id = analysis.GetProperty("id").GetString();
        var (clock, reading) = (Stopwatch.StartNew(), (TimeSpan?)null);
        while (analysis.GetProperty("status").GetString() is "queued" or "running" && clock.Elapsed.TotalSeconds < Patience)
        {
            await Task.Delay(100);
            analysis = JsonElement.Parse(await world.Api.GetAsync($"analyses/{id}"));
            reading ??= analysis.GetProperty("progress").GetDouble() >= Read ? clock.Elapsed : null;
        }

        return analysis.GetProperty("status").GetString() == "succeeded"
            ? (analysis.GetProperty("result"), reading!.Value.TotalSeconds, (clock.Elapsed - reading.Value).TotalSeconds)
            : throw new InvalidOperationException($"The search ended as {analysis}.");
    }
}
