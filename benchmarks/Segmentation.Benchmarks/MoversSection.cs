using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Segments;

namespace Segmentation.Benchmarks;

/// <summary>Who leaves or joins by the clock alone, against the two evaluations that show it.</summary>
internal static class MoversSection
{
    private const int Days = 30;

    private static readonly (string Name, string Change, string Rule)[] Segments =
    [
        ("no event for 60 days", "join", """
            {"combinator":"and","rules":[{"field":"temporal.lastSeenAt","operator":"<",
            "value":{"mode":"relative","anchor":"startOfDay","offset":-60,"unit":"day"}}]}
            """),
        ("ordered within 90 days", "leave", """
            {"combinator":"and","rules":[{"field":"behavioral.events","operator":"=","match":{"mode":"some"},
            "value":{"combinator":"and","rules":[{"field":"type","operator":"=","value":"order_completed"},
            {"field":"occurredAt","operator":">=","value":{"mode":"relative","anchor":"startOfDay","offset":-90,"unit":"day"}}]}}]}
            """),
        ("birthday this month", "leave", """
            {"combinator":"and","rules":[{"field":"temporal.birthday","operator":"between","value":[
            {"mode":"relative","anchor":"startOfMonth","offset":0,"unit":"day"},
            {"mode":"relative","anchor":"endOfMonth","offset":0,"unit":"day"}]}]}
            """),
    ];

    public static async Task<string> RunAsync(World world)
    {
        var table = new StringBuilder(
            $"| segment | change | a page of 100, ms | the two evaluations, ms | ratio (aim 1.20) | `forecast?days={Days}`, ms |\n"
            + "| --- | --- | --: | --: | --: | --: |\n");
        await using var app = InProcess.Start(world.ConnectionString);
        using var memory = new MemoryWatch(world.Api);
        foreach (var ((name, change, rule), number) in Segments.Select((s, i) => (s, i)))
        {
            var key = $"bench-movers-{number}";
            await world.Api.PutSegmentAsync(key, rule);
            var found = 0;
            var times = await Measure.InTurnAsync(
                Math.Max(world.Options.Repeat, 5),
                async () =>
                {
                    var page = await world.Api.GetAsync($"segments/{key}/movers?days={Days}&change={change}&limit=100");
                    found = JsonElement.Parse(page).GetProperty("items").GetArrayLength();
                },
                () => app.CallAsync(async (SegmentQuery query) => await EvaluateAsync(query, rule, null)
                    + await EvaluateAsync(query, rule, DateTimeOffset.UtcNow.Date.AddDays(Days))),
                () => world.Api.GetAsync($"segments/{key}/forecast?days={Days}"));
            world.CheckSame(found, 100, "movers");
            table.AppendLine(
                $"| {name} | {change} | {times[0]} | {times[1]} | {Text.Ratio(times[0].Median / times[1].Median)} | {times[2]} |");
            World.Log($"movers, {name}: {times[0]}, two evaluations {times[1]}, forecast {times[2]} ms");
        }

        return $"""
            `GET /segments/KEY/movers?days={Days}`. The two evaluations: the number of members by the compiled rule, as of now and as of \
            {Days} days from now, in process.

            {table}
            The API's resident memory: {Text.Number(memory.Most)} MB at most.
            """;
    }

    private static async Task<int> EvaluateAsync(SegmentQuery query, string rule, DateTime? at)
    {
        var all = await query.DefinitionsAsync(default);
        DateTimeOffset? asOf = at is { } day ? new DateTimeOffset(day, TimeSpan.Zero) : null;
        return await query.Members(query.CreatePredicate(all, JsonElement.Parse(rule), "UTC", asOf)).CountAsync();
    }
}
