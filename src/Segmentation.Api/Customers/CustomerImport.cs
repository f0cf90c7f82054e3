using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>
/// Writes many customers: a line is a whole customer, as in PUT. Memory is constant: a batch is stored while the next one is read.
/// </summary>
public sealed class CustomerImport(SegmentationDb db, CustomerValidator validator, TimeProvider time)
{
    /// <summary>How many rejected lines the answer lists.</summary>
    public const int MaxErrors = 100;

    private const int BatchRows = 4000;
    private const int BatchBytes = 8 * 1024 * 1024;

    // What a write of the profile leaves alone, in a customer that is there already.
    private static readonly string[] Kept =
    [
        "id", "id_folded", "created_at", "version", "first_seen_at", "last_seen_at",
        "event_count", "first_event_at", "last_event_at", "order_count", "order_amount", "lifetime_value", "first_order_at", "last_order_at",
    ];

    private readonly List<LineError> errors = [];
    private readonly ArrayBufferWriter<byte> json = new(4096);
    private readonly BulkTable<Customer> table = BulkTable<Customer>.For(db.Model);
    private Dictionary<string, CustomerAttribute> definitions = [];
    private long received;
    private long rejected;
    private long created;
    private long updated;

    /// <summary>Reads and stores the whole body.</summary>
    /// <param name="csv">Whether it is CSV; else NDJSON.</param>
    /// <exception cref="ApiProblem">The CSV's header is wrong; nothing was stored.</exception>
    public async Task<ImportResult> RunAsync(Stream body, bool csv, CancellationToken cancellation)
    {
        definitions = await db.Attributes.AsNoTracking().ToDictionaryAsync(a => a.Name, cancellation);
        var reader = new RecordReader(body, csv);
        var fields = new List<string?>();
        CustomerCsv? columns = null;
        if (csv)
        {
            columns = await reader.ReadAsync(cancellation) ? Header(reader, fields) : throw ApiProblem.Invalid("header", "The file is empty: its first line names the columns.");
        }

        // One connection for all batches: the temporary table is its own. Their commits don't wait for the disk; the last statement does, for all.
        await db.Database.OpenConnectionAsync(cancellation);
        await ExecuteAsync($"CREATE TEMPORARY TABLE IF NOT EXISTS incoming_customers ON COMMIT DELETE ROWS AS SELECT {table.ColumnList} FROM customers WITH NO DATA");
        await ExecuteAsync("SET synchronous_commit = off");
        using var writer = new Utf8JsonWriter(json);
        var (batch, other, storing) = (new Batch(table), new Batch(table), Task.CompletedTask);
        try
        {
            while (await reader.ReadAsync(cancellation))
            {
                received++;
                if (reader.Fault is { } unreadable)
                {
                    Reject(reader.Line, unreadable);
                }
                else if (Parse(reader, columns, fields, writer) is { } customer)
                {
                    batch.Add(customer, reader.Line);
                }

                if (batch.IsFull)
                {
                    await storing;
                    storing = StoreAsync(batch, cancellation);
                    (batch, other) = (other, batch);
                    batch.Clear();
                }
            }
        }
        finally
        {
            // The connection is busy until then, whatever became of the reading.
            await storing;
        }

        await StoreAsync(batch, cancellation);

        // What a commit waits for is the log up to its own end: any entry of ours comes after all that was stored.
        await ExecuteAsync("RESET synchronous_commit");
        await ExecuteAsync("SELECT pg_logical_emit_message(true, 'segmentation', 'imported')");
        await db.Database.CloseConnectionAsync();
        return new ImportResult(received, created, updated, rejected, [.. errors.OrderBy(e => e.Line)]);

        async Task ExecuteAsync(string sql)
        {
            await using var command = new NpgsqlCommand(sql, (NpgsqlConnection)db.Database.GetDbConnection());
            await command.ExecuteNonQueryAsync(cancellation);
        }
    }

    private CustomerCsv Header(RecordReader reader, List<string?> fields)
    {
        if (reader.Fault is { } unreadable)
        {
            throw ApiProblem.Invalid("header", $"The first line, which names the columns, can't be read. {unreadable}");
        }

        RecordReader.Split(reader.Record.Span, fields);
        return CustomerCsv.Read(fields, definitions);
    }

    private Customer? Parse(RecordReader reader, CustomerCsv? columns, List<string?> fields, Utf8JsonWriter writer)
    {
        try
        {
            var line = reader.Record.Span;
            if (columns is not null)
            {
                RecordReader.Split(line, fields);
                json.ResetWrittenCount();
                writer.Reset();
                if (columns.WriteJson(fields, writer) is { } fault)
                {
                    Reject(reader.Line, fault);
                    return null;
                }

                writer.Flush();
                line = json.WrittenSpan;
            }

            var resource = JsonSerializer.Deserialize<CustomerResource>(line, Json.Options);
            if (resource is null)
            {
                Reject(reader.Line, "It is null; it takes a JSON object.");
                return null;
            }

            var faults = validator.Check(resource, definitions);
            if (resource.Id is null)
            {
                faults = faults.Prepend(new RuleError("/id", "id is missing."));
            }

            if (faults.Any())
            {
                Reject(reader.Line, string.Join(' ', faults.Select(f => f.Message)));
                return null;
            }

            var now = LocalTime.Truncate(time.GetUtcNow());
            var customer = new Customer { Id = resource.Id!, CreatedAt = now };
            resource.ApplyTo(customer, definitions, now);
            return customer;
        }
        catch (JsonException malformed)
        {
            Reject(reader.Line, Json.Problem(malformed, typeof(CustomerResource)).Summary());
        }
        catch (InvalidOperationException undecodable) when (undecodable.Source == "System.Text.Json")
        {
            Reject(reader.Line, "A text has half a surrogate pair in it.");
        }

        return null;
    }

    private void Reject(int line, string message)
    {
        lock (errors)
        {
            rejected++;
            if (errors.Count < MaxErrors)
            {
                errors.Add(new LineError(line, message));
            }
        }
    }

    private async Task StoreAsync(Batch batch, CancellationToken cancellation)
    {
        if (batch.Count == 0)
        {
            return;
        }

        var (stored, fresh, stale) = await Retry.OnDeadlockAsync(() => TryStoreAsync(batch, cancellation), cancellation);
        foreach (var line in stale)
        {
            Reject(line, "It carries an attribute that was changed or deleted while the file was read.");
        }

        created += fresh;
        updated += stored - fresh + batch.Repeated;
    }

    private async Task<(long Stored, long Fresh, IReadOnlySet<int> Stale)> TryStoreAsync(Batch batch, CancellationToken cancellation)
    {
        var connection = (NpgsqlConnection)db.Database.GetDbConnection();
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        var stale = batch.Carriers(await LockAttributesAsync(connection, batch, cancellation));
        await table.CopyAsync(connection, "incoming_customers", batch.Encoded(except: stale), cancellation);
        await using var upsert = new NpgsqlCommand(
            $"""
            WITH stored AS (
                INSERT INTO customers AS c ({table.ColumnList}) SELECT {table.ColumnList} FROM incoming_customers ORDER BY id
                ON CONFLICT (id) DO UPDATE SET {string.Join(", ", table.Columns.Except(Kept).Select(column => $"{column} = excluded.{column}"))},
                    version = c.version + 1, first_seen_at = least(excluded.first_seen_at, c.first_event_at), last_seen_at = greatest(excluded.last_seen_at, c.last_event_at)
                RETURNING key, version),
            changes AS ({ChangeLog.AppendImportedSql("stored")})
            SELECT count(*), count(*) FILTER (WHERE version = 1) FROM stored
            """,
            connection);
        await using var reader = await upsert.ExecuteReaderAsync(cancellation);
        await reader.ReadAsync(cancellation);
        var (stored, fresh) = (reader.GetInt64(0), reader.GetInt64(1));
        await reader.CloseAsync();
        await transaction.CommitAsync(cancellation);
        return (stored, fresh, stale);
    }

    // An attribute can't be deleted while values of it are on their way in; one that was deleted since the lines were checked is found here.
    private async Task<IReadOnlyCollection<string>> LockAttributesAsync(NpgsqlConnection connection, Batch batch, CancellationToken cancellation)
    {
        if (batch.Attributes.Count == 0)
        {
            return [];
        }

        await using var command = new NpgsqlCommand("SELECT name, type FROM attributes WHERE name = ANY ($1) ORDER BY name FOR SHARE", connection);
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. batch.Attributes], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        var gone = batch.Attributes.ToHashSet(StringComparer.Ordinal);
        while (await reader.ReadAsync(cancellation))
        {
            if (definitions[reader.GetString(0)].Type == reader.GetString(1))
            {
                gone.Remove(reader.GetString(0));
            }
        }

        return gone;
    }

    /// <summary>Customers as COPY takes them: encoded at once, so that nothing else of a line outlives it.</summary>
    private sealed class Batch(BulkTable<Customer> table)
    {
        private readonly Dictionary<string, int> places = new(BatchRows, StringComparer.Ordinal);
        private readonly List<Row> rows = new(BatchRows);
        private readonly Dictionary<string, HashSet<int>> carriers = new(StringComparer.Ordinal);
        private readonly CopyBuffer encoded = new();

        public int Count => rows.Count;
        public bool IsFull => rows.Count == BatchRows || encoded.Length > BatchBytes;

        /// <summary>The attributes that its customers carry.</summary>
        public IReadOnlyCollection<string> Attributes => carriers.Keys;

        /// <summary>Lines that a later one of the same customer replaced.</summary>
        public int Repeated { get; private set; }

        public void Add(Customer customer, int line)
        {
            var start = encoded.Length;
            table.Encode(customer, encoded);
            var row = new Row(customer.Id, line, start, encoded.Length - start);
            if (places.TryAdd(customer.Id, rows.Count))
            {
                rows.Add(row);
            }
            else
            {
                rows[places[customer.Id]] = row;
                Repeated++;
            }

            if (customer.Attributes is { } attributes)
            {
                foreach (var attribute in attributes.EnumerateObject())
                {
                    ref var lines = ref CollectionsMarshal.GetValueRefOrAddDefault(carriers, attribute.Name, out _);
                    (lines ??= []).Add(line);
                }
            }
        }

        /// <summary>The lines of the customers that carry one of these attributes.</summary>
        public IReadOnlySet<int> Carriers(IEnumerable<string> attributes)
        {
            var lines = attributes.SelectMany(name => carriers[name]).ToHashSet();
            lines.IntersectWith(rows.Select(r => r.Line));
            return lines;
        }

        /// <summary>The customers in the order of their ids, but for those of some lines.</summary>
        public IEnumerable<ReadOnlyMemory<byte>> Encoded(IReadOnlySet<int> except) =>
            rows.Where(r => !except.Contains(r.Line)).OrderBy(r => r.Id, StringComparer.Ordinal).Select(r => encoded.Written.Slice(r.Start, r.Length));

        public void Clear()
        {
            places.Clear();
            rows.Clear();
            carriers.Clear();
            encoded.Clear();
            Repeated = 0;
        }

        private readonly record struct Row(string Id, int Line, int Start, int Length);
    }
}
