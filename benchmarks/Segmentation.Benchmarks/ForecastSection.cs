using System.Text;
using System.Text.Json;

namespace Segmentation.Benchmarks;

/// <summary>Sizes that are expected from stored ones.</summary>
internal static class ForecastSection
{
    public static async Task<string> RunAsync(World world)
    {
        var key = (await InsightHistory.MakeAsync(world, [0.05]))[0];
        using var memory = new MemoryWatch(world.Api);

        // A draft is not evaluated: its sizes stay those of its past. A week ahead is the clock's first: six days have none.
        var (sizes, expected) = (0, 0);
        var times = await Measure.InTurnAsync(
            Math.Max(world.Options.Repeat, 5),
            async () =>
            {
                var forecast = JsonElement.Parse(await world.Api.GetAsync($"segments/{key}/forecast?days=6"));
                (sizes, expected) = (forecast.GetProperty("sizes").GetInt32(), forecast.GetProperty("items").GetArrayLength());
            },
            () => world.Api.GetAsync($"segments/{key}/forecast?days=30"),
            () => world.Api.GetAsync($"segments/{key}/forecast?days=366"));
        world.CheckSame(expected, 6, "days that are expected");
        World.Log($"forecast of {sizes} kept sizes: {times[0]}, 30 days {times[1]}, 366 days {times[2]} ms");
        var table = new StringBuilder(
                "| days ahead | daily sizes | ms (aim 100) |\n| --: | --: | --: |\n")
            .AppendLine($"| 6 | {sizes} | {times[0]} |")
            .AppendLine($"| 30 | {sizes} | {times[1]} |")
            .AppendLine($"| 366 | {sizes} | {times[2]} |");
        return $"""
            `GET /segments/KEY/forecast`, of a segment of {Text.Number(world.Options.Customers / 20)} members with a past of \
            fourteen months. It is a draft, whose rule does not read the clock: from a week ahead on, everybody is counted once for \
            what the clock does; of an active one that is stored.

            {table}
            The API's resident memory: {Text.Number(memory.Most)} MB at most.
            """;
    }
}
