using System.Net.Http.Headers;
using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Events;
using Segmentation.Api.Http;

namespace Segmentation.Benchmarks;

/// <summary>Events over HTTP against a bare binary COPY of the same rows into the same table.</summary>
internal static class IngestSection
{
    private const int Events = 200_000;

    public static async Task<string> RunAsync(World world)
    {
        var rows = await SampleAsync(world, Events);
        await using var connection = await world.Plain.OpenConnectionAsync();
        await SaveCountersAsync(connection, rows.Select(r => r.Key));
        List<double> http = [], copy = [];
        var resident = 0d;
        try
        {
            for (var round = -1; round < world.Options.Repeat; round++)
            {
                async Task OursAsync()
                {
                    var body = Body(rows, $"http{round}-");
                    using var content = new ByteArrayContent(body)
                    {
                        Headers = { ContentType = new MediaTypeHeaderValue("application/x-ndjson") }
                    };
                    JsonElement answer = default;
                    using var memory = new MemoryWatch(world.Api);
                    var ms = await Measure.TimeAsync(async () => answer = await world.Api.PostAsync("events", content));
                    resident = Math.Max(resident, memory.Most);
                    world.CheckSame(answer.GetProperty("stored").GetInt64(), rows.Count, "events stored");
                    Keep(http, ms);
                    await DeleteAsync(connection, rows, $"http{round}-");
                }

                async Task TheirsAsync()
                {
                    Keep(copy, await Measure.TimeAsync(() => Task.Run(() => Copy(connection, rows, $"copy{round}-"))));
                    await DeleteAsync(connection, rows, $"copy{round}-");
                }

                void Keep(List<double> times, double ms)
                {
                    if (round >= 0)
                    {
                        times.Add(rows.Count / ms * 1000);
                    }
                }

                // Whichever runs second finds the pages that the first has read.
                foreach (var run in round % 2 == 0 ? new[] { OursAsync, TheirsAsync } : [TheirsAsync, OursAsync])
                {
                    await run();
                }

                World.Log($"round {round}: http {Text.Number(http.LastOrDefault())}/s, copy {Text.Number(copy.LastOrDefault())}/s");
            }
        }
        finally
        {
            await Loader.ExecuteAsync(connection, "DELETE FROM events WHERE id LIKE 'http%' OR id LIKE 'copy%'");
            await RestoreCountersAsync(connection);
        }

        var (h, c) = (new Times(http), new Times(copy));
        return $"""
            {Text.Number(rows.Count)} events, drawn from those loaded (so the busy customers have most of them), in the order of time over \
            the last 20 days; every run under new ids, and deleted afterwards. The COPY is binary, one statement, typed values already in \
            memory, into the same table with the same three indexes.

            | way | events a second: median (least–most) | ratio |
            | --- | --: | --: |
            | `POST /events`, NDJSON, with idempotence and counters | {Text.Number(h.Median)} ({Text.Number(h.Min)}–{Text.Number(h.Max)}) \
            | {Text.Ratio(h.Median / c.Median)} (aim 0.4) |
            | binary COPY | {Text.Number(c.Median)} ({Text.Number(c.Min)}–{Text.Number(c.Max)}) | 1 |

            The API's resident memory: {Text.Number(resident)} MB at most.
            """;
    }

    internal sealed record Row(long Key, string CustomerId, CustomerEvent Event);

    /// <summary>Events drawn from those that are loaded, in the order of time, under no id yet.</summary>
    internal static async Task<IReadOnlyList<Row>> SampleAsync(World world, int number)
    {
        List<Row> rows = [];
        var random = new Random(45);
        var now = DateTimeOffset.UtcNow;
        await using var command = world.Plain.CreateCommand($"""
            SELECT e.customer_key, c.id, e.type, e.amount, e.currency, e.channel, e.properties::text
            FROM events e TABLESAMPLE BERNOULLI ({Math.Min(100, 110.0 * number / world.Options.Events)}) REPEATABLE (7)
            JOIN customers c ON c.key = e.customer_key
            """);
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            T? Or<T>(int column, Func<int, T> read) => reader.IsDBNull(column) ? default : read(column);
            rows.Add(new Row(reader.GetInt64(0), reader.GetString(1), new CustomerEvent
            {
                Id = "",
                Type = reader.GetString(2),
                Amount = reader.IsDBNull(3) ? null : reader.GetDecimal(3),
                Currency = Or(4, reader.GetString),
                Channel = Or(5, reader.GetString),
                Properties = Or(6, reader.GetString) is { } json ? JsonElement.Parse(json) : null,
                OccurredAt = now.AddSeconds(-random.Next(20 * 86_400) - 60),
            }));
        }

        // Of a table with fewer events than that the sample is all of it.
        var shuffled = rows.ToArray();
        random.Shuffle(shuffled);
        return [.. shuffled.Take(number).OrderBy(r => r.Event.OccurredAt)];
    }

    internal static byte[] Body(IReadOnlyList<Row> rows, string prefix)
    {
        var body = new MemoryStream(rows.Count * 220);
        for (var i = 0; i < rows.Count; i++)
        {
            var e = EventResource.From(rows[i].Event, rows[i].CustomerId);
            e.Id = prefix + i;
            JsonSerializer.Serialize(body, e, Json.Options);
            body.WriteByte((byte)'\n');
        }

        return body.ToArray();
    }

    private static void Copy(NpgsqlConnection connection, IReadOnlyList<Row> rows, string prefix)
    {
        using var importer = connection.BeginBinaryImport(
            "COPY events (customer_key, occurred_at, amount, type, id, channel, currency, properties) FROM STDIN (FORMAT BINARY)");
        for (var i = 0; i < rows.Count; i++)
        {
            var e = rows[i].Event;
            importer.StartRow();
            importer.Write(rows[i].Key, NpgsqlDbType.Bigint);
            importer.Write(e.OccurredAt, NpgsqlDbType.TimestampTz);
            WriteOr(e.Amount, NpgsqlDbType.Numeric);
            importer.Write(e.Type, NpgsqlDbType.Varchar);
            importer.Write(prefix + i, NpgsqlDbType.Varchar);
            WriteOr(e.Channel, NpgsqlDbType.Varchar);
            WriteOr(e.Currency, NpgsqlDbType.Varchar);
            WriteOr(e.Properties?.GetRawText(), NpgsqlDbType.Jsonb);
        }

        importer.Complete();

        void WriteOr<T>(T? value, NpgsqlDbType type)
        {
            if (value is null)
            {
                importer.WriteNull();
            }
            else
            {
                importer.Write(value, type);
            }
        }
    }

    internal static async Task DeleteAsync(NpgsqlConnection connection, IReadOnlyList<Row> rows, string prefix)
    {
        await using var command = new NpgsqlCommand(
            "DELETE FROM events e USING unnest($1, $2) AS gone (key, id) WHERE e.customer_key = gone.key AND e.id = gone.id", connection)
        {
            CommandTimeout = 0
        };
        command.Parameters.AddWithValue(rows.Select(r => r.Key).ToArray());
        command.Parameters.AddWithValue(rows.Select((_, i) => prefix + i).ToArray());
        await command.ExecuteNonQueryAsync();
    }

    private const string Counters = "event_count, first_event_at, last_event_at, first_seen_at, last_seen_at, order_count, order_amount, "
        + "lifetime_value, first_order_at, last_order_at";

    /// <summary>Saves what deleting events does not undo, in a temporary table of the connection's.</summary>
    internal static async Task SaveCountersAsync(NpgsqlConnection connection, IEnumerable<long> keys)
    {
        await Loader.ExecuteAsync(connection, "DROP TABLE IF EXISTS bench_counters");
        await Loader.ExecuteAsync(connection, $"CREATE TEMPORARY TABLE bench_counters AS SELECT key, {Counters} FROM customers "
            + $"WHERE key = ANY (SELECT unnest('{{{string.Join(',', keys.Distinct())}}}'::bigint[]))");
        await Loader.ExecuteAsync(connection, "ALTER TABLE bench_counters ADD PRIMARY KEY (key)");
        await Loader.ExecuteAsync(connection, "ANALYZE bench_counters");
    }

    internal static async Task RestoreCountersAsync(NpgsqlConnection connection)
    {
        await Loader.ExecuteAsync(connection, $"UPDATE customers c SET ({Counters}) = "
            + $"(b.{Counters.Replace(", ", ", b.", StringComparison.Ordinal)}) FROM bench_counters b WHERE b.key = c.key");
        await Loader.ExecuteAsync(connection, "VACUUM (ANALYZE) events");
        await Loader.ExecuteAsync(connection, "VACUUM (ANALYZE) customers");
    }
}
