using Npgsql;
using Segmentation.Local;

namespace Segmentation.Benchmarks;

/// <summary>Consents and profiles written one by one, while membership follows, against an entry of the audit chain by itself.</summary>
internal static class ConsentsSection
{
    private const string Purpose = "bench_consents", Segment = "bench-consents";
    private const string Rule = """{"combinator":"and","rules":[{"field":"demographic.income","operator":">=","value":0}]}""";
    private const int Senders = 16, Customers = 5_000, Warming = 5;
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(5);

    public static async Task<string> RunAsync(World world)
    {
        await PutAsync(world, $"purposes/{Purpose}", """{"basis":"consent"}""");
        await PutAsync(
            world, $"segments/{Segment}", $$"""{"requiresConsent":["{{Purpose}}"],"rule":{{Rule}}}""");
        await StoredSegments.UntilAsync("the segment is built", 100, async () => (
            await world.ScalarAsync("SELECT count(*) FROM membership_states WHERE status <> 'Ready'") == 0, ""));
        try
        {
            return await MeasureAsync(world);
        }
        finally
        {
            using var segment = await world.Api.Http.DeleteAsync(new Uri($"segments/{Segment}", UriKind.Relative));
            using var purpose = await world.Api.Http.DeleteAsync(new Uri($"purposes/{Purpose}", UriKind.Relative));
            await world.ExecuteAsync($"""
                DELETE FROM consent_records WHERE purpose = '{Purpose}';
                UPDATE customers SET consents = nullif(consents - '{Purpose}', '{"{}"}'),
                    consents_granted = array_remove(consents_granted, '{Purpose}') WHERE consents ? '{Purpose}';
                """);
        }
    }

    private static async Task<string> MeasureAsync(World world)
    {
        var random = new Random(72);
        string[] ids = [.. Enumerable.Range(0, world.Options.Customers).OrderBy(_ => random.Next()).Take(Customers)
            .Select(SampleGenerator.Id)];
        var written = 0;
        async Task ConsentAsync(string id) => await PutAsync(
            world, $"customers/{id}/consents/{Purpose}",
            $$"""
            {"granted":{{(Interlocked.Increment(ref written) / Customers % 2 == 0 ? "true" : "false")}},"source":"bench",
             "policyVersion":"v1","evidence":"a click"}
            """);
        async Task ProfileAsync(string id) => await PutAsync(
            world, $"customers/{id}", $$$"""{"psychographic":{"values":["v{{{Interlocked.Increment(ref written) % 1000}}}"]}}""",
            HttpMethod.Patch);
        async Task ChainAsync(string id)
        {
            await using var command = world.Plain.CreateCommand(
                """
                SELECT audit_append(now(), 'bench', 'bench', $1, '{"action":"bench","actor":{"id":"bench","kind":"system"},"at":"',
                    '","id":', ',"resource":"' || $1 || '"}')
                """);
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = id });
            await command.ExecuteNonQueryAsync();
        }

        (string Name, int Senders, Func<string, Task> Write)[] ways =
        [
            ("`PUT /customers/ID/consents/PURPOSE` (aim 1,000)", 1, ConsentAsync), ("the same", 4, ConsentAsync),
            ("the same", Senders, ConsentAsync), ("the same", 2 * Senders, ConsentAsync),
            ("`PATCH /customers/ID`, which has no entry", Senders, ProfileAsync), ("`audit_append` by Npgsql alone", Senders, ChainAsync),
        ];
        var original = await ProfilesAsync(world, ids);
        using var memory = new MemoryWatch(world.Api);
        List<string> rows = [];
        try
        {
            foreach (var (name, senders, write) in ways)
            {
                await StoredSection.LoadAsync(ids, write, senders, rows.Count == 0 ? Warming * Window : Window);
                var (rate, times) = await StoredSection.LoadAsync(ids, write, senders, Window);
                var t = new Times(times);
                rows.Add($"| {name} | {senders} | {Text.Number(rate)} | {Text.Ms(t.Median)} | {Text.Ms(t.At(0.99))} |");
                World.Log(rows[^1]);
            }
        }
        finally
        {
            await RestoreAsync(world, original);
        }

        return $"""
            Of {Text.Number(Customers)} customers, each write of another one, each sender as soon as it has its answer, for \
            {Window.TotalSeconds:0} s after as long that is not counted. Membership is maintained meanwhile: a segment requires the \
            consent. Each consent is a record, a changed profile, a row of the change log and an entry of the audit chain, in a \
            transaction that the disk has when the answer comes.

            | write | senders | a second | p50, ms | p99, ms |
            | --- | --: | --: | --: | --: |
            {string.Join('\n', rows)}

            The API's resident memory: {Text.Number(memory.Most)} MB at most.
            """;
    }

    // Other sections find the customers as they were loaded.
    private static async Task<string> ProfilesAsync(World world, string[] ids)
    {
        const string table = "bench_profiles";
        await world.ExecuteAsync($"""
            DROP TABLE IF EXISTS {table};
            CREATE TABLE {table} AS SELECT key, psychographic_values, psychographic_values_folded FROM customers
            WHERE id IN ('{string.Join("', '", ids)}')
            """);
        return table;
    }

    private static Task RestoreAsync(World world, string table) => world.ExecuteAsync($"""
        UPDATE customers c SET psychographic_values = b.psychographic_values, psychographic_values_folded = b.psychographic_values_folded
        FROM {table} b WHERE b.key = c.key;
        DROP TABLE {table}
        """);

    private static async Task PutAsync(World world, string path, string json, HttpMethod? method = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Put, new Uri(path, UriKind.Relative))
        {
            Content = ApiProcess.Json(json),
        };
        if (method == HttpMethod.Patch)
        {
            request.Content.Headers.ContentType = new("application/merge-patch+json");
        }

        using var response = await world.Api.Http.SendAsync(request);
        if (!response.IsSuccessStatusCode)
        {
            throw new InvalidOperationException($"{path}: {await response.Content.ReadAsStringAsync()}");
        }
    }
}
