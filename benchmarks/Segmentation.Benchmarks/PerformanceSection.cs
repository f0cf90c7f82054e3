using System.Globalization;
using System.Text.Json;
using Npgsql;

namespace Segmentation.Benchmarks;

/// <summary>What a segment bought, month by month, and all segments in one table, against statements by hand.</summary>
internal static class PerformanceSection
{
    private const double Share = 0.2;
    private const int Buckets = 13, Days = 90, Segments = 100;

    // An order's amount, or what a refund takes off it.
    private const string Value = "CASE WHEN type = 'order_completed' THEN coalesce(amount, 0) ELSE -abs(coalesce(amount, 0)) END";

    /// <summary>Thirteen months of one segment.</summary>
    public static async Task<string> RunAsync(World world)
    {
        var key = (await InsightHistory.MakeAsync(world, [Share]))[0];
        var now = DateTime.UtcNow;
        var month = new DateTime(now.Year, now.Month, 1, 0, 0, 0, DateTimeKind.Utc);
        DateTime[] bounds = [.. Enumerable.Range(0, Buckets + 1).Select(i => month.AddMonths(i - Buckets))];
        var path = $"segments/{key}/performance?metric=revenue&interval=month&from={bounds[0]:O}&to={bounds[^1]:O}";
        var members = await world.ScalarAsync("SELECT count(*) FROM memberships WHERE left_batch IS NULL");
        double ours = 0, theirs = 0;
        using var memory = new MemoryWatch(world.Api);
        var times = await Measure.InTurnAsync(
            Math.Min(world.Options.Repeat, 5),
            async () => ours = Sum(JsonElement.Parse(await world.Api.GetAsync(path))),
            async () =>
            {
                theirs = 0;
                for (var i = 0; i < Buckets; i++)
                {
                    theirs += await ByHandAsync(world, key, bounds[i], bounds[i + 1]);
                }
            },
            () => world.Api.GetAsync(path + "&population=during"),
            () => world.Api.GetAsync(path + "&population=now"));
        world.CheckSame((long)Math.Round(ours), (long)Math.Round(theirs), "revenue");
        World.Log($"performance {times[0]}, by hand {times[1]}, during {times[2]}, now {times[3]} ms");
        return $"""
            `GET /segments/KEY/performance?metric=revenue`, {Buckets} months of a segment of {Text.Number(members)} whose stays are \
            stored. By hand: for each month the sums of those who were in at its first
            instant, and of the others. In turn, {times[0].Count} rounds after one that is not counted.

            | way | ms: median and middle half | ratio |
            | --- | --: | --: |
            | `population=start` | {times[0]} | {Text.Ratio(times[0].Median / times[1].Median)} (aim 1.20) |
            | a statement a month by hand | {times[1]} | 1 |
            | `population=during` | {times[2]} | {Text.Ratio(times[2].Median / times[1].Median)} |
            | `population=now` | {times[3]} | {Text.Ratio(times[3].Median / times[1].Median)} |

            The API's resident memory: {Text.Number(memory.Most)} MB at most.
            """;

        static double Sum(JsonElement answer) => answer.GetProperty("items").EnumerateArray()
            .Sum(i => i.GetProperty("segment").GetProperty("value").GetDouble());
    }

    /// <summary>All segments in one table.</summary>
    public static async Task<string> RunPortfolioAsync(World world)
    {
        await InsightHistory.MakeAsync(world, [.. Enumerable.Range(1, Segments).Select(i => i * 0.0005)]);
        var mean = await world.ScalarAsync("SELECT count(*) FROM memberships WHERE left_batch IS NULL") / Segments;
        double ours = 0, theirs = 0;
        using var memory = new MemoryWatch(world.Api);
        var times = await Measure.InTurnAsync(
            Math.Min(world.Options.Repeat, 5),
            async () => ours = JsonElement.Parse(await world.Api.GetAsync($"portfolio?days={Days}&limit={Segments}"))
                .GetProperty("items").EnumerateArray().Sum(i => i.GetProperty("value").GetProperty("value").GetDouble()),
            async () => theirs = await PortfolioByHandAsync(world));
        if (Math.Abs(ours - theirs) > Math.Abs(theirs) / 1000)
        {
            // "Now" is not quite the same on both sides.
            world.CheckSame((long)ours, (long)theirs, "value of the portfolio");
        }

        World.Log($"portfolio {times[0]}, by hand {times[1]} ms");
        return $"""
            `GET /portfolio?days={Days}`: {Segments} segments of a mean {Text.Number(mean)} members. By hand: members then and now, \
            joined, left, and the revenue of those who were in, in one statement.

            | way | ms: median and middle half | ratio |
            | --- | --: | --: |
            | `GET /portfolio` | {times[0]} | {Text.Ratio(times[0].Median / times[1].Median)} (aim 1.20) |
            | one statement by hand | {times[1]} | 1 |

            The API's resident memory: {Text.Number(memory.Most)} MB at most.
            """;
    }

    private static async Task<double> ByHandAsync(World world, string key, DateTime from, DateTime to)
    {
        await using var command = world.Plain.CreateCommand($"""
            WITH m AS (
                SELECT customer_key FROM memberships WHERE segment_id = (SELECT id FROM segments WHERE key = $1)
                    AND joined_batch < (SELECT coalesce(min(id), 9223372036854775807) FROM membership_batches WHERE at > $2)
                    AND (left_batch IS NULL
                        OR left_batch >= (SELECT coalesce(min(id), 9223372036854775807) FROM membership_batches WHERE at > $2))),
            v AS (
                SELECT customer_key, count(*) FILTER (WHERE type = 'order_completed') AS c, sum({Value}) AS y
                FROM events WHERE type IN ('order_completed', 'order_refunded') AND occurred_at >= $2 AND occurred_at < $3
                GROUP BY customer_key)
            SELECT (SELECT count(*) FROM m), count(m) FILTER (WHERE c > 0), sum(c) FILTER (WHERE m IS NOT NULL),
                coalesce(sum(y) FILTER (WHERE m IS NOT NULL), 0)::float8, sum(y * y) FILTER (WHERE m IS NOT NULL),
                count(*) FILTER (WHERE c > 0 AND m IS NULL), sum(c) FILTER (WHERE m IS NULL), sum(y) FILTER (WHERE m IS NULL),
                sum(y * y) FILTER (WHERE m IS NULL)
            FROM v LEFT JOIN m USING (customer_key)
            """);
        command.Parameters.AddRange(new NpgsqlParameter[] { new() { Value = key }, new() { Value = from }, new() { Value = to } });
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        return reader.GetDouble(3);
    }

    private static async Task<double> PortfolioByHandAsync(World world)
    {
        await using var command = world.Plain.CreateCommand(string.Create(CultureInfo.InvariantCulture, $"""
            WITH r AS (
                SELECT coalesce(min(id), 9223372036854775807) AS first FROM membership_batches WHERE at > now() - interval '{Days} days'),
            v AS MATERIALIZED (
                SELECT customer_key, count(*) FILTER (WHERE type = 'order_completed') AS c, sum({Value}) AS y
                FROM events WHERE type IN ('order_completed', 'order_refunded') AND occurred_at >= now() - interval '{Days} days'
                    AND occurred_at <= now()
                GROUP BY customer_key)
            SELECT m.segment_id, count(*) FILTER (WHERE joined_batch < first), count(*) FILTER (WHERE left_batch IS NULL),
                count(*) FILTER (WHERE joined_batch >= first), count(*) FILTER (WHERE left_batch IS NOT NULL),
                count(*) FILTER (WHERE joined_batch < first AND c > 0), sum(c) FILTER (WHERE joined_batch < first),
                coalesce(sum(y) FILTER (WHERE joined_batch < first), 0)::float8, sum(y * y) FILTER (WHERE joined_batch < first)
            FROM r, memberships m LEFT JOIN v USING (customer_key)
            WHERE left_batch IS NULL OR left_batch >= first GROUP BY m.segment_id
            """));
        await using var reader = await command.ExecuteReaderAsync();
        var sum = 0d;
        while (await reader.ReadAsync())
        {
            sum += reader.GetDouble(7);
        }

        return sum;
    }
}
