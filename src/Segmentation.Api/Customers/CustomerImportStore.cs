using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Privacy;

namespace Segmentation.Api.Customers;

/// <summary>What became of a batch.</summary>
/// <param name="Rejected">Lines that could not be applied, each with the reason, and whether the line may be kept.</param>
/// <param name="Consents">What was recorded of consents, in the order of the records.</param>
internal sealed record StoredBatch(
    int Created, int Updated, IReadOnlyList<(CustomerImportBatch.Entry Line, string Message, bool IsKept)> Rejected,
    IReadOnlyList<ImportedConsent> Consents);

/// <summary>
/// Stores the batches of one import: each on a connection that is taken for it, in one transaction. Their commits don't wait for the disk;
/// the end does, for all of them.
/// </summary>
internal sealed class CustomerImportStore(
    SegmentationDb db, ImportOptions options, IReadOnlyDictionary<string, CustomerAttribute> definitions, ErasedIds erasedIds,
    CustomerRecordParser parser, RecordReader file, ImportedConsents consents) : IAsyncDisposable
{
    private const string Erased = "The customer was erased. With recreate=true it is made anew.";

    private const int MaxAttempts = 10;
    private const string Stale = "It carries an attribute that was changed or deleted while the file was read.";
    private static readonly TimeSpan ForgettingTime = TimeSpan.FromSeconds(30);

    private readonly BulkTable<Customer> table = BulkTable<Customer>.For(db.Model);
    private readonly RowReader<Customer> rows = db.Model.FindEntityType(typeof(Customer))!.GetOrAddRuntimeAnnotationValue(
        "Segmentation:RowReader", static context => new RowReader<Customer>(context!), db);
    private readonly CopyBuffer merged = new();
    private readonly NpgsqlConnection connection = (NpgsqlConnection)db.Database.GetDbConnection();

    // Of a dry run, in the order of time.
    private readonly Guid id = Guid.CreateVersion7();

    /// <summary>Waits for the disk.</summary>
    public async Task EndAsync(CancellationToken cancellation)
    {
        if (!options.DryRun)
        {
            // What a commit waits for is the log up to its own end: any entry of ours comes after all that was stored.
            await db.Database.ExecuteSqlRawAsync("SELECT pg_logical_emit_message(true, 'segmentation', 'imported')", cancellation);
        }
    }

    /// <summary>Forgets whom a dry run has seen. What a killed process leaves behind is swept (<see cref="ImportJobs"/>).</summary>
    public async ValueTask DisposeAsync()
    {
        if (options.DryRun)
        {
            using var late = new CancellationTokenSource(ForgettingTime);
            var seen = db.SeenInDryRuns;
            await seen.Where(s => s.ImportId == id).ExecuteDeleteAsync(late.Token);
        }
    }

    /// <summary>Stores a batch; of a dry run, finds what storing it would do.</summary>
    public async Task<StoredBatch> StoreAsync(CustomerImportBatch batch, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            var stored = await Retry.OnDeadlockAsync(() => TryStoreAsync(batch, cancellation), cancellation);
            if (stored is not null)
            {
                await consents.AddAsync(stored.Consents, cancellation);
                return stored;
            }

            if (attempt == MaxAttempts)
            {
                throw new TimeoutException("Others create the customers of a batch again and again.");
            }
        }
    }

    // Null: a customer came into being after its line was taken for one of a new customer, and would have lost what it has; or one was
    // erased after its line was taken for one of a customer that is there.
    private async Task<StoredBatch?> TryStoreAsync(CustomerImportBatch batch, CancellationToken cancellation)
    {
        await db.Database.OpenConnectionAsync(cancellation);
        try
        {
            return await StoreOnceAsync(batch, cancellation);
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
    }

    private async Task<StoredBatch?> StoreOnceAsync(CustomerImportBatch batch, CancellationToken cancellation)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        if (!options.DryRun)
        {
            await ExecuteAsync(
                $"""
                SET LOCAL synchronous_commit = off;
                CREATE TEMPORARY TABLE incoming_customers ON COMMIT DROP AS SELECT {table.ColumnList} FROM customers WITH NO DATA
                """,
                cancellation);
        }

        var stale = batch.Carriers(await LockAttributesAsync(batch, cancellation));
        string[] ids = [.. batch.Entries.Select(e => e.Id).Distinct(StringComparer.Ordinal)];
        var marks = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        var erased = await FindErasedAsync(ids, marks, cancellation);
        var rejected = batch.Entries.Where(e => stale.Contains(e.Number)).Select(e => (e, Stale, true)).ToList();
        if (erased.Gone.Count > 0)
        {
            var gone = batch.Entries.Where(e => !stale.Contains(e.Number) && erased.Gone.Contains(e.Id)).ToList();
            rejected.AddRange(gone.Select(e => (e, Erased, false)));
            stale = stale.Concat(gone.Select(e => e.Number)).ToHashSet();
        }

        var isMerge = options.Mode == ImportMode.Merge;
        var named = isMerge ? batch.Named : NamedProperties.All;
        var isRead = isMerge && (!batch.IsUniform || (named & (NamedProperties.Attributes | NamedProperties.Consents)) != 0);
        var existing = isRead ? await ReadExistingAsync(batch, cancellation) : [];
        var (wanted, applied, overtaken) = Apply(batch, stale, existing, rejected);
        if (options.DryRun)
        {
            var unseen = await CountUnseenAsync([.. wanted.Keys], cancellation);
            await transaction.CommitAsync(cancellation);
            return new StoredBatch(unseen, applied - unseen, rejected, []);
        }

        merged.Clear();
        await table.CopyAsync(
            connection,
            "incoming_customers",
            wanted.OrderBy(w => w.Key, StringComparer.Ordinal)
                .Select(w => w.Value.Merged is { } customer ? Encode(customer) : batch.Encoded(w.Value.Entry)),
            cancellation);
        await using var upsert = new NpgsqlCommand(UpsertSql(named), connection)
        {
            Parameters =
            {
                Texts([.. overtaken.Select(o => o.CustomerId)]), Texts([.. overtaken.Select(o => o.Purpose)]),
                SqlParameter.Create(overtaken.Select(o => o.Granted).ToArray()),
                SqlParameter.Create(overtaken.Select(o => o.At).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.TimestampTz),
            },
        };
        await using var reader = await upsert.ExecuteReaderAsync(cancellation);
        var (created, recorded) = (0, new List<ImportedConsent>());
        while (await reader.ReadAsync(cancellation))
        {
            created = reader.GetInt32(0);
            if (!reader.IsDBNull(1))
            {
                recorded.Add(new(
                    reader.GetInt64(1), reader.GetString(2), reader.GetString(3), reader.GetBoolean(4),
                    reader.GetFieldValue<DateTimeOffset>(5)));
            }
        }

        await reader.CloseAsync();
        if ((isRead && created < wanted.Keys.Count(id => !existing.ContainsKey(id)))
            || (created > 0 && (await FindErasedAsync(ids, marks, cancellation)).Found > erased.Found))
        {
            await transaction.RollbackAsync(cancellation);
            return null;
        }

        await transaction.CommitAsync(cancellation);
        return new StoredBatch(created, applied - created, rejected, recorded);
    }

    // Those among the ids that were erased and are nobody's by now, and how many were erased. Those that are somebody's stay: locked.
    private async Task<(IReadOnlySet<string> Gone, int Found)> FindErasedAsync(
        string[] ids, Dictionary<string, byte[]> marks, CancellationToken cancellation)
    {
        if (options.Recreate || await erasedIds.FindAnyAsync(connection, ids, cancellation, marks) is not { Count: > 0 } found)
        {
            return (new HashSet<string>(), 0);
        }

        await using var command = new NpgsqlCommand(
            $"SELECT id FROM customers WHERE id = ANY ($1) ORDER BY id {(options.DryRun ? "" : "FOR NO KEY UPDATE")}", connection);
        command.Parameters.Add(Texts([.. found.Keys]));
        var present = await command.ReadAllAsync(r => r.GetString(0), cancellation);
        return (found.Keys.Except(present).ToHashSet(StringComparer.Ordinal), found.Count);
    }

    // What each customer becomes: by its last line, or by all of them merged in their order; and what others of its lines say of consents.
    private (Dictionary<string, (CustomerImportBatch.Entry Entry, Customer? Merged)> Wanted, int Applied,
        IReadOnlyCollection<OvertakenConsent> Overtaken) Apply(
        CustomerImportBatch batch, IReadOnlySet<int> stale, Dictionary<string, Customer> existing,
        List<(CustomerImportBatch.Entry, string, bool)> rejected)
    {
        var (applied, all) = (0, new HashSet<OvertakenConsent>());
        var wanted = new Dictionary<string, (CustomerImportBatch.Entry Entry, Customer? Merged)>(
            batch.Entries.Count, StringComparer.Ordinal);
        foreach (var entry in batch.Entries)
        {
            if (stale.Contains(entry.Number))
            {
                continue;
            }

            Customer? before = null;
            List<(string Purpose, ConsentResource Consent)> overtaken = [];
            if (options.Mode == ImportMode.Merge)
            {
                var isEarlierLine = wanted.TryGetValue(entry.Id, out var earlier);
                before = isEarlierLine
                    ? earlier.Merged ?? ReadAgain(batch, earlier.Entry).Customer
                    : existing.GetValueOrDefault(entry.Id);
                if (before is not null)
                {
                    (var fault, overtaken) = ReadAgain(batch, entry).MergeInto(before, isEarlierLine);
                    if (fault is not null)
                    {
                        rejected.Add((entry, fault, true));
                        continue;
                    }
                }
            }
            else if (wanted.TryGetValue(entry.Id, out var replaced))
            {
                // The whole customer, but for consents, which nothing takes away that does not name them.
                var line = ReadAgain(batch, entry);
                overtaken = line.KeepConsents(replaced.Merged ?? ReadAgain(batch, replaced.Entry).Customer);
                before = line.Customer;
            }

            wanted[entry.Id] = (entry, before);
            all.UnionWith(overtaken.Select(o => new OvertakenConsent(entry.Id, o.Purpose, o.Consent.Granted!.Value, o.Consent.At!.Value)));
            applied++;
        }

        return (wanted, applied, all);
    }

    // It was read once without a fault.
    private ImportedCustomer ReadAgain(CustomerImportBatch batch, CustomerImportBatch.Entry entry) =>
        parser.Parse(batch.Record(entry), file.Separator, out _, out _)!;

    private ReadOnlyMemory<byte> Encode(Customer customer)
    {
        merged.Clear();
        table.Encode(customer, merged);
        return merged.Written;
    }

    // What lines name, of those who are there already. Where all lines name the same, and nothing that has parts, it is not needed: the
    // statement that stores them leaves the rest as it is. Locked in the order of their ids, as all that write many do. A dry run holds up
    // nobody.
    private async Task<Dictionary<string, Customer>> ReadExistingAsync(CustomerImportBatch batch, CancellationToken cancellation)
    {
        var existing = new Dictionary<string, Customer>(StringComparer.Ordinal);
        string[] needed = [nameof(Customer.Id), nameof(Customer.FirstEventAt), nameof(Customer.LastEventAt)];
        var named = rows.Select(ProfileColumns.For(db.Model).Paths(batch.Named).Concat(needed).ToHashSet(StringComparer.Ordinal), "c");
        await using var command = new NpgsqlCommand(
            $"SELECT {named.Columns} FROM customers c WHERE c.id = ANY ($1) ORDER BY c.id {(options.DryRun ? "" : "FOR NO KEY UPDATE")}",
            connection);
        command.Parameters.Add(Texts([.. batch.Entries.Select(e => e.Id).Distinct(StringComparer.Ordinal)]));
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            var customer = named.Read(reader);
            existing.Add(customer.Id, customer);
        }

        return existing;
    }

    private async Task<int> CountUnseenAsync(string[] ids, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            """
            WITH fresh AS (
                SELECT md5(wanted.id)::uuid AS hash FROM unnest($1) AS wanted (id)
                WHERE NOT EXISTS (SELECT FROM customers c WHERE c.id = wanted.id)),
            unseen AS (INSERT INTO seen_in_dry_runs SELECT $2, hash FROM fresh ON CONFLICT DO NOTHING RETURNING 1)
            SELECT count(*)::integer FROM unseen
            """, connection);
        command.Parameters.Add(Texts(ids));
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = id });
        return (int)(await command.ExecuteScalarAsync(cancellation))!;
    }

    // In a customer that is there already, what is not named and what others make stays, and what events have a part in is merged.
    private string UpsertSql(ulong named)
    {
        var columns = ProfileColumns.For(db.Model).Columns(named).Select(column => column switch
        {
            "first_seen_at" => "first_seen_at = least(excluded.first_seen_at, c.first_event_at), ",
            "last_seen_at" => "last_seen_at = greatest(excluded.last_seen_at, c.last_event_at), ",
            "consents" => "consents = consents_merged(c.consents, excluded.consents), ",
            "consents_granted" => "consents_granted = consents_granted(consents_merged(c.consents, excluded.consents)), ",
            _ => $"{column} = excluded.{column}, ",
        });
        return $"""
            WITH stored AS (
                INSERT INTO customers AS c ({table.ColumnList}) SELECT {table.ColumnList} FROM incoming_customers ORDER BY id
                ON CONFLICT (id) DO UPDATE SET {string.Concat(columns)}updated_at = excluded.updated_at, version = c.version + 1
                RETURNING key, version, id),
            sent AS (
                SELECT s.key, jsonb_build_object(o.purpose, jsonb_build_object('granted', o.granted, 'at', o.at)) AS consents
                FROM unnest($1, $2, $3, $4) AS o (id, purpose, granted, at) JOIN stored s ON s.id = o.id
                UNION ALL
                SELECT s.key, i.consents FROM stored s JOIN incoming_customers i ON i.id = s.id WHERE i.consents IS NOT NULL),
            records AS ({ConsentLog.AppendSql("sent", $"'{ConsentRecord.Import}'")}),
            changes AS ({ChangeLog.AppendImportedSql("stored")})
            SELECT n.created, r.id, s.id, r.purpose, r.granted, r.at
            FROM (SELECT (count(*) FILTER (WHERE version = 1))::integer AS created FROM stored) AS n
            LEFT JOIN (records r JOIN stored s ON s.key = r.customer_key) ON true ORDER BY r.id
            """;
    }

    // An attribute can't be deleted while values of it are on their way in; one that was deleted since the lines
    // were checked is found here.
    private async Task<IReadOnlyCollection<string>> LockAttributesAsync(CustomerImportBatch batch, CancellationToken cancellation)
    {
        if (batch.Attributes.Count == 0)
        {
            return [];
        }

        await using var command = new NpgsqlCommand(
            "SELECT name, type FROM attributes WHERE name = ANY ($1) ORDER BY name FOR SHARE", connection);
        command.Parameters.Add(Texts([.. batch.Attributes]));
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

    private async Task ExecuteAsync(string sql, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellation);
    }

    private static NpgsqlParameter Texts(string[] texts) =>
        new NpgsqlParameter<string[]> { TypedValue = texts, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text };
}
