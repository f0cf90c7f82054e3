using System.Text;
using System.Text.Json;

namespace Segmentation.Benchmarks;

/// <summary>The first page of a segment's members against the two thousandth.</summary>
internal static class MembersSection
{
    private const int Pages = 2000;

    private static readonly (string Name, string Rule)[] Segments =
    [
        ("signed up, any time", """{"combinator":"and","rules":[{"field":"temporal.signedUpAt","operator":"notNull"}]}"""),
        ("viewed a page in the last year", """
            {"combinator":"and","rules":[{"field":"behavioral.events","operator":"=","match":{"mode":"some"},
            "value":{"combinator":"and","rules":[
            {"field":"type","operator":"=","value":"page_viewed"},
            {"field":"occurredAt","operator":">=","value":{"mode":"relative","anchor":"startOfDay","offset":-365,"unit":"day"}}]}}]}
            """),
        ("viewed two pages or more in the last year", """
            {"combinator":"and","rules":[{"field":"behavioral.events","operator":"=","match":{"mode":"atLeast","threshold":2},
            "value":{"combinator":"and","rules":[
            {"field":"type","operator":"=","value":"page_viewed"},
            {"field":"occurredAt","operator":">=","value":{"mode":"relative","anchor":"startOfDay","offset":-365,"unit":"day"}}]}}]}
            """),
    ];

    public static async Task<string> RunAsync(World world)
    {
        var table = new StringBuilder(
            "| segment | fields | page 1, ms | page 2,000, ms | ratio (aim 0.8–1.2) |\n| --- | --- | --: | --: | --: |\n");
        foreach (var ((name, rule), number) in Segments.Select((s, i) => (s, i)))
        {
            var key = $"bench-members-{number}";
            await world.Api.PutSegmentAsync(key, rule);

            // 199,900 rows come before page 2,000 of a hundred each. A cursor is valid for any page size.
            string? cursor = null;
            for (var before = 0; before < (Pages - 1) * 100;)
            {
                var size = Math.Min(1000, ((Pages - 1) * 100) - before);
                var page = JsonElement.Parse(await world.Api.GetAsync($"segments/{key}/members?fields=id&limit={size}&cursor={cursor}"));
                cursor = page.GetProperty("nextCursor").GetString();
                if (cursor is null)
                {
                    break;
                }

                before += size;
            }

            if (cursor is null)
            {
                table.AppendLine($"| {name} | – | has fewer than {Text.Number(Pages * 100)} members | | |");
                continue;
            }

            foreach (var fields in new[] { "&fields=id", "" })
            {
                var times = await Measure.InTurnAsync(
                    Math.Max(world.Options.Repeat, 9),
                    () => world.Api.GetAsync($"segments/{key}/members?limit=100{fields}"),
                    () => world.Api.GetAsync($"segments/{key}/members?limit=100{fields}&cursor={cursor}"));
                table.AppendLine($"| {name} | {(fields.Length > 0 ? "id" : "all")} | {times[0]} | {times[1]} | "
                    + $"{Text.Ratio(times[1].Median / times[0].Median)} |");
                World.Log($"{name}{fields}: {times[0]} {times[1]}");
            }
        }

        await world.ScalarAsync(
            "WITH gone AS (DELETE FROM segments WHERE key LIKE 'bench-members-%' RETURNING 1) SELECT count(*) FROM gone");
        return $"""
            `GET /segments/KEY/members?limit=100`, median and middle half, both pages in turn.

            {table}
            """;
    }
}
