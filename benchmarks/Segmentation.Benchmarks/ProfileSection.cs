using System.Globalization;
using System.Text.Json;

namespace Segmentation.Benchmarks;

/// <summary>What marks a segment, against a GROUP BY a field by hand, one after the other.</summary>
internal static class ProfileSection
{
    private const string Key = "bench-profile", Members = "bench_members";

    // A fifth of the customers.
    private const string Rule = """{"combinator":"and","rules":[{"field":"demographic.income","operator":">=","value":40000}]}""";

    // As many as the API has at most to answer.
    private const int Patience = 600;

    public static async Task<string> RunAsync(World world)
    {
        await StoredSegments.CleanAsync(world);
        await world.Api.PutSegmentAsync(Key, Rule);
        await StoredSegments.UntilAsync("the segment is built", 100, async () => (
            await world.ScalarAsync("SELECT count(*) FROM membership_states WHERE status = 'Ready'") == 1, ""));
        var statements = await StatementsAsync(world);
        var before = world.Api.Resident();
        List<double> ours = [], theirs = [];
        var tests = 0;
        double most;
        using (var memory = new MemoryWatch(world.Api))
        {
            // The request has to differ from round to round: the same one would be the same analysis.
            var rounds = Math.Min(world.Options.Repeat, 3);
            for (var round = 0; round < rounds; round++)
            {
                ours.Add(await Measure.TimeAsync(async () => tests = await ProfileAsync(world)));
                theirs.Add(await Measure.TimeAsync(async () =>
                {
                    foreach (var statement in statements)
                    {
                        await using var command = world.Plain.CreateCommand(statement);
                        await using var reader = await command.ExecuteReaderAsync();
                        while (await reader.ReadAsync())
                        {
                        }
                    }
                }));
                World.Log($"profile {ours[^1] / 1000:0.0} s, {statements.Count} statements by hand {theirs[^1] / 1000:0.0} s");
            }

            most = memory.Most;
        }

        var (o, t) = (new Times(ours), new Times(theirs));
        var members = await world.ScalarAsync($"SELECT count(*) FROM {Members}");
        await world.ExecuteAsync($"DROP TABLE {Members}");
        return $"""
            `POST /analyses {"{"}"type":"profile"{"}"}` of a segment of {Text.Number(members)}, events of 90 days: {tests} tests, and \
            habits. By hand: {statements.Count} statements, one a field, a set, a type of events and a habit, which count or list the \
            values of both sides, without their statistics. In turn, {ours.Count} rounds.

            | way | s: median (least–most) | ratio |
            | --- | --: | --: |
            | profile | {BuildSection.Seconds(o)} | {Text.Ratio(o.Median / t.Median)} (aim 1.00) |
            | GROUP BY by hand | {BuildSection.Seconds(t)} | 1 |

            The API's resident memory: {Text.Number(most)} MB at most, {Text.Number(most - before)} more than before (aim 200).
            """;
    }

    private static async Task<int> ProfileAsync(World world)
    {
        var analysis = await world.Api.PostAsync(
            "analyses?wait=60", ApiProcess.Json($$"""{"type":"profile","segment":"{{Key}}"}"""));
        var id = analysis.GetProperty("id").GetString();
        for (var waited = 0; analysis.GetProperty("status").GetString() is "queued" or "running" && waited < Patience * 20; waited++)
        {
            await Task.Delay(50);
            analysis = JsonElement.Parse(await world.Api.GetAsync($"analyses/{id}"));
        }

        return analysis.GetProperty("status").GetString() == "succeeded"
            ? analysis.GetProperty("result").GetProperty("tests").GetInt32()
            : throw new InvalidOperationException($"The profile ended as {analysis}.");
    }

    private static async Task<IReadOnlyList<string>> StatementsAsync(World world)
    {
        await world.ExecuteAsync($"""
            DROP TABLE IF EXISTS {Members};
            CREATE TABLE {Members} AS SELECT key AS customer_key FROM customers WHERE demographic_income >= 40000;
            ALTER TABLE {Members} ADD PRIMARY KEY (customer_key);
            ANALYZE {Members}
            """);

        // Of the fields that a profile compares, those that are columns.
        List<string> statements = [];
        await using (var columns = world.Plain.CreateCommand("""
            SELECT column_name, data_type FROM information_schema.columns
            WHERE table_name = 'customers'
                AND column_name ~ '^(demographic|geographic|psychographic|behavioral|temporal|value)_|_count$|_at$'
                AND column_name !~ '_sent$|latitude|longitude|postal'
            """))
        await using (var reader = await columns.ExecuteReaderAsync())
        {
            List<(string Name, string Type)> found = [];
            while (await reader.ReadAsync())
            {
                found.Add((reader.GetString(0), reader.GetString(1)));
            }

            statements.AddRange(found.Where(c => !found.Any(f => f.Name == c.Name + "_folded")).Select(c => c.Type == "ARRAY"
                ? Group("e", $"customers c CROSS JOIN LATERAL unnest(c.{c.Name}) AS e")
                : Group($"c.{c.Name}", "customers c")));
        }

        await using (var attributes = world.Plain.CreateCommand("SELECT name FROM attributes ORDER BY name"))
        await using (var reader = await attributes.ExecuteReaderAsync())
        {
            while (await reader.ReadAsync())
            {
                statements.Add(Group($"c.attributes_folded ->> '{reader.GetString(0)}'", "customers c"));
            }
        }

        const string recent = "occurred_at >= now() - interval '90 days' AND occurred_at <= now()";
        statements.Add($"""
            SELECT type, n, count(m), count(*) - count(m) FROM (
                SELECT type, customer_key, count(*) AS n FROM events WHERE {recent} GROUP BY 1, 2) e
            LEFT JOIN {Members} m USING (customer_key) GROUP BY 1, 2
            """);
        foreach (var habit in new[] { "extract(hour FROM occurred_at)", "extract(isodow FROM occurred_at)", "channel" })
        {
            statements.Add(string.Create(CultureInfo.InvariantCulture, $"""
                SELECT h, avg(n) FILTER (WHERE m IS NOT NULL), avg(n) FILTER (WHERE m IS NULL) FROM (
                    SELECT customer_key, h, n / sum(n) OVER (PARTITION BY customer_key) AS n FROM (
                        SELECT customer_key, {habit} AS h, count(*) AS n FROM events WHERE {recent} GROUP BY 1, 2) e) e
                LEFT JOIN {Members} m USING (customer_key) GROUP BY 1
                """));
        }

        return statements;

        static string Group(string value, string from) =>
            $"SELECT {value}, count(m), count(*) - count(m) FROM {from} LEFT JOIN {Members} m ON m.customer_key = c.key "
            + "GROUP BY 1 ORDER BY 1";
    }
}
