using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Customers;

/// <summary>
/// Writes many customers: a line is a whole customer, as in PUT. Memory is constant: a batch is stored while the next one is read.
/// </summary>
public sealed class CustomerImport(SegmentationDb db, CustomerValidator validator, TimeProvider time)
{
    /// <summary>How many rejected lines the answer lists.</summary>
    public const int MaxErrors = 100;

    private readonly List<LineError> errors = [];
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
        var parser = new CustomerRecordParser(validator, csv ? await ReadHeaderAsync(reader, cancellation) : null, definitions, time);

        // One connection for all batches: the temporary table is its own. Their commits don't wait for the disk;
        // the last statement does, for all.
        await db.Database.OpenConnectionAsync(cancellation);
        await ExecuteAsync(
            $"""
            CREATE TEMPORARY TABLE IF NOT EXISTS incoming_customers ON COMMIT DELETE ROWS
            AS SELECT {table.ColumnList} FROM customers WITH NO DATA
            """);
        await ExecuteAsync("SET synchronous_commit = off");
        var (batch, other, storing) = (new CustomerImportBatch(table), new CustomerImportBatch(table), Task.CompletedTask);
        try
        {
            while (await reader.ReadAsync(cancellation))
            {
                received++;
                var fault = reader.Fault;
                if (fault is null && parser.Parse(reader.Record.Span, out fault) is { } customer)
                {
                    batch.Add(customer, reader.Line);
                }
                else
                {
                    Reject(reader.Line, fault!);
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

    private async Task<CustomerCsv> ReadHeaderAsync(RecordReader reader, CancellationToken cancellation)
    {
        if (!await reader.ReadAsync(cancellation))
        {
            throw ApiProblem.Invalid("header", "The file is empty: its first line must name the columns.");
        }

        if (reader.Fault is { } unreadable)
        {
            throw ApiProblem.Invalid("header", $"The first line, which names the columns, can't be read. {unreadable}");
        }

        var names = new List<string?>();
        RecordReader.Split(reader.Record.Span, names);
        return CustomerCsv.Read(names, definitions);
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

    private async Task StoreAsync(CustomerImportBatch batch, CancellationToken cancellation)
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

    private async Task<(long Stored, long Fresh, IReadOnlySet<int> Stale)> TryStoreAsync(
        CustomerImportBatch batch, CancellationToken cancellation)
    {
        var connection = (NpgsqlConnection)db.Database.GetDbConnection();
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        var stale = batch.Carriers(await LockAttributesAsync(connection, batch, cancellation));
        await table.CopyAsync(connection, "incoming_customers", batch.Encoded(except: stale), cancellation);
        await using var upsert = new NpgsqlCommand(UpsertSql(), connection);
        await using var reader = await upsert.ExecuteReaderAsync(cancellation);
        await reader.ReadAsync(cancellation);
        var (stored, fresh) = (reader.GetInt64(0), reader.GetInt64(1));
        await reader.CloseAsync();
        await transaction.CommitAsync(cancellation);
        return (stored, fresh, stale);
    }

    // In a customer that is there already, what others make stays, and what events have a part in is merged.
    private string UpsertSql()
    {
        var profile = CustomerColumns.ColumnsMadeBy(db.Model, Maker.Profile).Select(column => $"{column} = excluded.{column}");
        return $"""
            WITH stored AS (
                INSERT INTO customers AS c ({table.ColumnList}) SELECT {table.ColumnList} FROM incoming_customers ORDER BY id
                ON CONFLICT (id) DO UPDATE SET {string.Join(", ", profile)},
                    updated_at = excluded.updated_at, version = c.version + 1,
                    first_seen_at = least(excluded.first_seen_at, c.first_event_at),
                    last_seen_at = greatest(excluded.last_seen_at, c.last_event_at)
                RETURNING key, version),
            changes AS ({ChangeLog.AppendImportedSql("stored")})
            SELECT count(*), count(*) FILTER (WHERE version = 1) FROM stored
            """;
    }

    // An attribute can't be deleted while values of it are on their way in; one that was deleted since the lines
    // were checked is found here.
    private async Task<IReadOnlyCollection<string>> LockAttributesAsync(
        NpgsqlConnection connection, CustomerImportBatch batch, CancellationToken cancellation)
    {
        if (batch.Attributes.Count == 0)
        {
            return [];
        }

        await using var command = new NpgsqlCommand(
            "SELECT name, type FROM attributes WHERE name = ANY ($1) ORDER BY name FOR SHARE", connection);
        command.Parameters.Add(
            new NpgsqlParameter<string[]> { TypedValue = [.. batch.Attributes], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
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
}
