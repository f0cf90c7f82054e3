using System.Net;
using System.Text.Json;

namespace Segmentation.Benchmarks;

/// <summary>What a hundred segments have in common, pair by pair.</summary>
internal static class OverlapSection
{
    private const int Segments = 100;
    private const double Share = 0.07;

    public static async Task<string> RunAsync(World world)
    {
        using (var tried = await world.Api.Http.PostAsync(
            new Uri("segments/overlap", UriKind.Relative), ApiProcess.Json("""{"keys":[]}""")))
        {
            if (tried.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed)
            {
                World.Log("overlap: this API has no such route; skipped");
                return "Not measured: this version of the API has no `POST /segments/overlap`.";
            }
        }

        var built = await StoredSegments.EnsureAsync(world);
        List<(string Key, long Size)> sizes = [];
        await using (var command = world.Plain.CreateCommand("SELECT g.key, s.size FROM membership_states s "
            + "JOIN segments g ON g.id = s.segment_id WHERE g.key LIKE 'bench-kept-%' ORDER BY s.size"))
        await using (var reader = await command.ExecuteReaderAsync())
        {
            while (await reader.ReadAsync())
            {
                sizes.Add((reader.GetString(0), reader.GetInt64(1)));
            }
        }

        // Of segments next to each other in size, those whose mean is nearest to the share.
        var some = Math.Min(Segments, sizes.Count);
        var chosen = Enumerable.Range(0, sizes.Count - some + 1).Select(from => sizes.GetRange(from, some)).MinBy(s =>
            Math.Abs(s.Average(x => x.Size) - (Share * world.Options.Customers)))!;
        var body = JsonSerializer.Serialize(new { keys = chosen.Select(c => c.Key) });
        using var memory = new MemoryWatch(world.Api);
        var pairs = 0;
        var times = (await Measure.InTurnAsync(Math.Max(world.Options.Repeat, 5), async () =>
            pairs = (await world.Api.PostAsync("segments/overlap", ApiProcess.Json(body))).GetProperty("pairs").GetArrayLength()))[0];
        world.CheckSame(pairs, some * (some - 1) / 2, "pairs");
        World.Log($"overlap {times} ms");
        world.Figures["overlap"] = times.Median;
        return $"""
            `POST /segments/overlap` of {some} of {built.Text}: those {some} have a mean {Text.Number(chosen.Average(c => c.Size))} \
            ({Text.Number(chosen[0].Size)} to {Text.Number(chosen[^1].Size)}); {Text.Number(pairs)} pairs.

            | ms: median and middle half | least–most | aim | exponent |
            | --: | --: | --: | --: |
            | {times} | {Text.Ms(times.Min)}–{Text.Ms(times.Max)} | 1000 | {world.Exponent("overlap")} |

            The API's resident memory: {Text.Number(memory.Most)} MB at most (aim 400).
            """;
    }
}
