using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Audit;
using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Memberships;
using Segmentation.Api.Privacy;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Rights;

/// <summary>
/// Finishes what erasures have left: events and impressions in chunks, receipts that have nothing left, definitions that somebody has
/// changed since, the tables' statistics, and the list that outlives a restored backup. All that it does it can do again, wherever it was
/// stopped.
/// </summary>
internal sealed partial class ErasureKeeper(
    [FromKeyedServices(WorkClass.Keeper)] NpgsqlDataSource database, CustomerMarks marks, PrivacyOptions options,
    AnonymizationOptions anonymization, TimeProvider time, ILogger<ErasureKeeper> logger)
    : PeriodicLeaderTask(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1), time)
{
    // Locks and write-ahead log stay small, and others run between statements.
    private const int ChunkRows = 10_000;

    // At this hour, in UTC, the night's statistics are made.
    private const int NightHour = 3;

    private static readonly TimeSpan SlowInterval = TimeSpan.FromMinutes(1);

    private readonly TimeProvider time = time;
    private DateTimeOffset slowAt = DateTimeOffset.MinValue;
    private (long Count, DateTimeOffset? Last)? written;

    protected override async Task StepAsync(CancellationToken cancellation)
    {
        // From the beginning, so that each backup has the key that a list is written with.
        await marks.GetKeyAsync(cancellation);
        await TryAsync(FinishEventsAsync, cancellation);
        await TryAsync(DeleteImpressionsAsync, cancellation);
        if (time.GetUtcNow() >= slowAt)
        {
            slowAt = time.GetUtcNow() + SlowInterval;
            await TryAsync(RecheckDefinitionsAsync, cancellation);
            await TryAsync(AnalyzeAsync, cancellation);
            await TryAsync(WriteListAsync, cancellation);
        }

        await CompleteAsync(cancellation);
    }

    protected override void Warn(Exception failure) => LogFailed(failure);

    /// <summary>Deletes the events of all who are queued, or makes them anonymous.</summary>
    internal async Task FinishEventsAsync(CancellationToken cancellation)
    {
        var queued = await database.QueryAsync(
            """
            SELECT q.erasure_id, q.customer_key, e.kind, c.id FROM erasure_queue q JOIN erasures e ON e.id = q.erasure_id
            LEFT JOIN customers c ON c.key = q.customer_key WHERE has_events ORDER BY erasure_id
            """,
            r => (r.GetInt64(0), r.GetInt64(1), (ErasureKind)r.GetInt32(2), r.IsDBNull(3) ? null : r.GetString(3)), cancellation);
        foreach (var (erasure, customer, kind, id) in queued)
        {
            if (kind == ErasureKind.Erase)
            {
                await InChunksAsync(
                    erasure, "events", DeleteEventsSql,
                    after => [SqlParameter.Create(customer), SqlParameter.Create(after), SqlParameter.Create(ChunkRows)], cancellation);
            }
            else if (id is not null)
            {
                // Whoever was erased since is none of it.
                await InChunksAsync(
                    erasure, AnonymousEvents.Counted, AnonymousEvents.DoneSql,
                    after => AnonymousEvents.Parameters(customer, id, after, ChunkRows, anonymization.KeepProperties), cancellation);
            }

            await using var connection = await database.OpenConnectionAsync(cancellation);
            await using var batch = new NpgsqlBatch(connection)
            {
                BatchCommands =
                {
                    new(
                        """
                        UPDATE erasure_queue SET has_events = false, customer_key = CASE WHEN $2 THEN order_key ELSE customer_key END
                        WHERE erasure_id = $1
                        """)
                    {
                        Parameters = { SqlParameter.Create(erasure), SqlParameter.Create(kind == ErasureKind.Anonymize) },
                    },
                },
            };
            if (kind == ErasureKind.Anonymize)
            {
                batch.BatchCommands.Add(new(ChangeLog.AppendAnonymousSql("$1")) { Parameters = { SqlParameter.Create(customer) } });
            }

            await batch.ExecuteNonQueryAsync(cancellation);
        }
    }

    private const string DeleteEventsSql =
        """
        done AS (
            DELETE FROM events WHERE customer_key = $1
                AND id = ANY (ARRAY(SELECT id FROM events WHERE customer_key = $1 AND id > $2 ORDER BY id LIMIT $3))
            RETURNING id)
        """;

    // In the order of the index, from where the last chunk ended: what is dead already is not walked over again. Each counts what it did.
    private async Task InChunksAsync(
        long erasure, string what, string done, Func<string, NpgsqlParameter[]> parameters, CancellationToken cancellation)
    {
        for (var after = ""; after is not null;)
        {
            after = (await database.QueryAsync(
                $"WITH {done}, {CountedSql(erasure, what)} SELECT max(id) FROM done",
                r => r.IsDBNull(0) ? null : r.GetString(0), cancellation, parameters(after))).Single();
        }
    }

    // Counts what a statement did, in it.
    private static string CountedSql(long erasure, string what) =>
        $"""
        counted AS (
            UPDATE erasures SET removed = removed || jsonb_build_object(
                '{what}', coalesce((removed->>'{what}')::bigint, 0) + (SELECT count(*) FROM done))
            WHERE id = {erasure} AND EXISTS (SELECT FROM done))
        """;

    /// <summary>Deletes the impressions of all who are queued, as customers and as visitors.</summary>
    internal async Task DeleteImpressionsAsync(CancellationToken cancellation)
    {
        var queued = await database.QueryAsync(
            "SELECT erasure_id, visitors, last_impression FROM erasure_queue WHERE visitors IS NOT NULL ORDER BY erasure_id",
            r => (Erasure: r.GetInt64(0), Visitors: r.GetFieldValue<string[]>(1), Last: r.GetInt64(2)), cancellation);
        foreach (var (erasure, visitors, last) in queued)
        {
            await DeleteImpressionsAsync("customer_id", visitors[^1], last, erasure, cancellation);
            foreach (var visitor in visitors)
            {
                await DeleteImpressionsAsync("visitor_id", visitor, last, erasure, cancellation);
            }

            await database.ExecuteAsync(
                "UPDATE erasure_queue SET visitors = NULL, last_impression = NULL WHERE erasure_id = $1", cancellation,
                SqlParameter.Create(erasure));
        }
    }

    // In the order of the column's index, as events.
    private async Task DeleteImpressionsAsync(string column, string value, long last, long erasure, CancellationToken cancellation)
    {
        for (DateTimeOffset? after = DateTimeOffset.UnixEpoch; after is not null;)
        {
            after = (await database.QueryAsync(
                $"""
                WITH done AS (
                    DELETE FROM impressions WHERE id = ANY (ARRAY(
                        SELECT id FROM impressions WHERE {column} = $1 AND at >= $2 AND id <= $3 ORDER BY at LIMIT $4))
                    RETURNING at),
                {CountedSql(erasure, "exposures")}
                SELECT max(at) FROM done
                """,
                r => r.IsDBNull(0) ? (DateTimeOffset?)null : r.GetFieldValue<DateTimeOffset>(0), cancellation,
                SqlParameter.Create(value), SqlParameter.Create(after.Value, NpgsqlDbType.TimestampTz), SqlParameter.Create(last),
                SqlParameter.Create(ChunkRows))).Single();
        }
    }

    /// <summary>Completes the receipts of which nothing is left.</summary>
    internal async Task CompleteAsync(CancellationToken cancellation)
    {
        await database.ExecuteAsync(ErasureProgress.DequeueSql, cancellation);
        await database.ExecuteAsync(
            """
            UPDATE erasures e SET completed_at = $1 WHERE completed_at IS NULL AND cardinality(definitions) = 0
                AND NOT EXISTS (SELECT FROM erasure_queue q WHERE q.erasure_id = e.id)
            """, cancellation, SqlParameter.Create(LocalTime.Truncate(time.GetUtcNow()), NpgsqlDbType.TimestampTz));
    }

    /// <summary>
    /// Takes off the receipts the definitions that no longer compare with whom they name, and adds those that were not looked for yet;
    /// what definitions were is erased. All are read once, however many receipts are open.
    /// </summary>
    internal async Task RecheckDefinitionsAsync(CancellationToken cancellation)
    {
        var open = await database.QueryAsync(
            "SELECT id, definitions, marks FROM erasures WHERE completed_at IS NULL AND cardinality(definitions) > 0",
            r => (Id: r.GetInt64(0), Names: r.GetFieldValue<string[]>(1), Marks: r.GetFieldValue<byte[][]>(2)), cancellation);
        if (open is [])
        {
            return;
        }

        var key = await marks.GetKeyAsync(cancellation);
        var known = open.SelectMany(e => e.Marks.Select(mark => (mark, e.Id))).ToLookup(e => Convert.ToHexString(e.mark), e => e.Id);
        var seen = new Dictionary<string, IEnumerable<long>>(StringComparer.Ordinal);
        await using var connection = await database.OpenConnectionAsync(cancellation);

        // First what is present: whoever has changed it has made what it was a part of the past.
        var present = (await DefinitionErasure.ListPresentAsync(connection, null, text => Whose(text).Any(), cancellation))
            .SelectMany(p => p.Texts.SelectMany(Whose).Distinct().Select(id => (id, p.Name))).ToLookup(p => p.id, p => p.Name);
        var changed = (from e in open
                       let still = present[e.Id].Where(n => e.Names.Contains(n) || e.Names.Contains(DefinitionErasure.Unread)).ToArray()
                       where still.Length != e.Names.Length || e.Names.Contains(DefinitionErasure.Unread)
                       select (e.Id, Names: still)).ToDictionary(e => e.Id, e => e.Names);
        if (changed.Count == 0)
        {
            return;
        }

        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        var erased = (await DefinitionErasure.ErasePastAsync(
                connection, null, text => Whose(text).Any(changed.ContainsKey), cancellation))
            .SelectMany(texts => texts.SelectMany(Whose).Where(changed.ContainsKey).Distinct()).CountBy(id => id).ToDictionary();
        foreach (var same in changed.GroupBy(e => (Names: string.Join('\n', e.Value), Erased: erased.GetValueOrDefault(e.Key))))
        {
            await using var update = new NpgsqlCommand(
                """
                UPDATE erasures SET definitions = $2, marks = CASE WHEN $2 = '{}' THEN NULL ELSE marks END,
                    removed = CASE WHEN $3 = 0 THEN removed ELSE removed || jsonb_build_object(
                        'definitions', coalesce((removed->>'definitions')::bigint, 0) + $3) END
                WHERE id = ANY ($1)
                """, connection)
            {
                Parameters =
                {
                    SqlParameter.Create(same.Select(e => e.Key).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bigint),
                    SqlParameter.Create(same.First().Value, NpgsqlDbType.Array | NpgsqlDbType.Text), SqlParameter.Create(same.Key.Erased),
                },
            };
            await update.ExecuteNonQueryAsync(cancellation);
        }

        await transaction.CommitAsync(cancellation);

        IEnumerable<long> Whose(string text) => seen.TryGetValue(text, out var ids)
            ? ids
            : seen[text] = known[Convert.ToHexString(CustomerMarks.Compute(key, text))];
    }

    /// <summary>Makes the tables' statistics anew where somebody was erased before the last night began: they hold common values.</summary>
    internal async Task AnalyzeAsync(CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var night = new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero).AddHours(NightHour);
        night = night > now ? night.AddDays(-1) : night;
        var last = (await database.QueryAsync(
            "SELECT max(id) FROM erasures WHERE NOT is_analyzed AND requested_at < $1",
            r => r.IsDBNull(0) ? (long?)null : r.GetInt64(0), cancellation, SqlParameter.Create(night, NpgsqlDbType.TimestampTz))).Single();
        if (last is { } id)
        {
            await database.ExecuteAsync("SELECT erasure_analyze()", cancellation);
            await database.ExecuteAsync(
                "UPDATE erasures SET is_analyzed = true WHERE NOT is_analyzed AND id <= $1", cancellation, SqlParameter.Create(id));
        }
    }

    /// <summary>Writes the list of who was erased where it has changed.</summary>
    internal async Task WriteListAsync(CancellationToken cancellation)
    {
        if (options.ErasureListFile is not { Length: > 0 } file)
        {
            return;
        }

        var key = await marks.GetKeyAsync(cancellation);
        if (written is null && File.Exists(file))
        {
            // Whom a restored backup does not know is taken over first: the list never loses anybody.
            try
            {
                await ErasureList.ReadAsync(file, database, key, cancellation);
            }
            catch (InvalidDataException foreign)
            {
                LogForeignList(foreign.Message);
                return;
            }
        }

        var state = (await database.QueryAsync(
            "SELECT count(*), max(at) FROM erased",
            r => (r.GetInt64(0), r.IsDBNull(1) ? (DateTimeOffset?)null : r.GetFieldValue<DateTimeOffset>(1)), cancellation)).Single();
        if (state != written || !File.Exists(file))
        {
            await ErasureList.WriteAsync(file, database, key, cancellation);
            written = state;
        }
    }

    [LoggerMessage(LogLevel.Error, "The list of erasures is left as it is: {Reason}")]
    private partial void LogForeignList(string reason);

    [LoggerMessage(LogLevel.Error, "An erasure could not be finished; trying again")]
    private partial void LogFailed(Exception failure);
}
