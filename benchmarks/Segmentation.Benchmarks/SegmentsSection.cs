using System.Text.Json;
using Npgsql;
using Segmentation.Api.Memberships;
using Segmentation.Local;

namespace Segmentation.Benchmarks;

/// <summary>A customer's segments, with a thousand active ones, against reading that customer's row and events.</summary>
internal static class SegmentsSection
{
    private const int Segments = 1000;
    private const int Requests = 600;

    public static async Task<string> RunAsync(World world)
    {
        var literals = new Random(42);
        var creating = await Measure.TimeAsync(async () =>
        {
            for (var i = 0; i < Segments; i++)
            {
                await world.Api.PutSegmentAsync($"bench-live-{i:0000}", RandomRules.Make(i % RandomRules.Shapes, literals));
            }
        });
        World.Log($"{Segments} segments made in {creating / 1000:0.0} s");

        // Any customers: busy ones come as often as there are busy ones.
        var random = new Random(43);
        string[] ids = [.. Enumerable.Range(0, Requests).Select(_ => SampleGenerator.Id(random.Next(world.Options.Customers)))];
        var rows = 0L;
        await using var connection = await world.Plain.OpenConnectionAsync();
        await using var read = new NpgsqlBatch(connection);
        foreach (var sql in new[]
        {
            "SELECT * FROM customers WHERE id = $1", "SELECT * FROM events WHERE customer_key = (SELECT key FROM customers WHERE id = $1)"
        })
        {
            read.BatchCommands.Add(new NpgsqlBatchCommand(sql)
            {
                Parameters = { new NpgsqlParameter<string> { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text, TypedValue = "" } }
            });
        }

        await read.PrepareAsync();
        async Task PlainAsync(string id)
        {
            foreach (NpgsqlBatchCommand command in read.BatchCommands)
            {
                ((NpgsqlParameter<string>)command.Parameters[0]).TypedValue = id;
            }

            await using var reader = await read.ExecuteReaderAsync();
            var values = new object[200];
            do
            {
                while (await reader.ReadAsync())
                {
                    rows += reader.GetValues(values) > 0 ? 1 : 0;
                }
            }
            while (await reader.NextResultAsync());
        }

        await using var app = InProcess.Start(world.ConnectionString);
        var found = 0;
        Task<IReadOnlyList<CustomerMembership>> InProcessAsync(string id) =>
            app.CallAsync(async (CustomerMembershipReader r) => (await r.ReadActiveAsync(id, null, live: true, default)).Segments);

        // The first answer compiles a thousand rules.
        var first = await Measure.TimeAsync(() => world.Api.GetAsync($"customers/{ids[0]}/segments?live=true"));
        foreach (var id in ids.Take(200))
        {
            await world.Api.GetAsync($"customers/{id}/segments?live=true");
            await InProcessAsync(id);
            await PlainAsync(id);
        }

        List<double> http = [], inProcess = [], plain = [], check = [];
        rows = 0;
        foreach (var id in ids)
        {
            http.Add(await Measure.TimeAsync(async () => found +=
                JsonElement.Parse(await world.Api.GetAsync($"customers/{id}/segments?live=true")).GetProperty("items").GetArrayLength()));
            plain.Add(await Measure.TimeAsync(() => PlainAsync(id)));
            inProcess.Add(await Measure.TimeAsync(() => InProcessAsync(id)));
            check.Add(await Measure.TimeAsync(() =>
                world.Api.GetAsync($"segments/bench-live-{random.Next(Segments):0000}/members/{id}?live=true")));
        }

        await using (var forget = new NpgsqlCommand("DELETE FROM segments WHERE key LIKE 'bench-live-%'", connection))
        {
            await forget.ExecuteNonQueryAsync();
        }

        var (h, p, i, c) = (new Times(http), new Times(plain), new Times(inProcess), new Times(check));
        World.Log($"http p50 {Text.Ms(h.Median)} p99 {Text.Ms(h.At(0.99))}; plain {Text.Ms(p.Median)} {Text.Ms(p.At(0.99))}; in process "
            + $"{Text.Ms(i.Median)}; check {Text.Ms(c.Median)}");
        return $"""
            {Segments} active segments of {RandomRules.Shapes} shapes; {Requests} customers drawn evenly, \
            {Text.Number((double)rows / Requests - 1)} events each on average, {Text.Number((double)found / Requests)} segments each. A \
            round asks each way in turn. Making the segments over HTTP took {Text.Ms(creating / Segments)} ms each; the first answer, \
            which compiles them all, {Text.Ms(first)} ms.

            | way | p50, ms | p99, ms | p50 against the plain SELECT |
            | --- | --: | --: | --: |
            | `GET /customers/ID/segments` | {Text.Ms(h.Median)} | {Text.Ms(h.At(0.99))} | {Text.Ratio(h.Median / p.Median)} (aim 5) |
            | the same, in process, without HTTP | {Text.Ms(i.Median)} | {Text.Ms(i.At(0.99))} | {Text.Ratio(i.Median / p.Median)} |
            | plain prepared SELECT of the row and the events, one batch | {Text.Ms(p.Median)} | {Text.Ms(p.At(0.99))} | 1 |
            | one membership, `GET /segments/KEY/members/ID` (aim p50 < 2 ms) | {Text.Ms(c.Median)} | {Text.Ms(c.At(0.99))} | \
            {Text.Ratio(c.Median / p.Median)} |
            """;
    }
}
