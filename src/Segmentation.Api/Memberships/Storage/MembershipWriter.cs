using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;

namespace Segmentation.Api.Memberships;

/// <summary>
/// The only writer of stored membership. One transaction at a time, so that revisions commit in the order of their ids; each first checks
/// by the fencing token that no other process has taken over.
/// </summary>
internal sealed partial class MembershipWriter(
    NpgsqlDataSource source, IEnumerable<IRevisionObserver> observers, long fencingToken) : IDisposable
{
    private readonly SemaphoreSlim one = new(1);
    private DateTimeOffset? lastAt;

    /// <summary>Runs a transaction, one at a time.</summary>
    /// <param name="begun">One that has begun, and has written nothing but temporary tables; null for one of its own.</param>
    /// <exception cref="LeadershipLostException">Nothing was written.</exception>
    public async Task InTransactionAsync(
        NpgsqlTransaction? begun, Func<NpgsqlConnection, NpgsqlTransaction, Task> write, CancellationToken cancellation) =>
            await InTransactionAsync(begun, DateTimeOffset.MinValue, (used, transaction, _) => write(used, transaction), cancellation);

    /// <summary>
    /// Runs a transaction, one at a time, with an instant for its revisions: the given one, or that of the last revision where that is
    /// later, by whichever clock.
    /// </summary>
    /// <inheritdoc cref="InTransactionAsync(NpgsqlTransaction, Func{NpgsqlConnection, NpgsqlTransaction, Task}, CancellationToken)"/>
    public async Task InTransactionAsync(
        NpgsqlTransaction? begun,
        DateTimeOffset at,
        Func<NpgsqlConnection, NpgsqlTransaction, DateTimeOffset, Task> write,
        CancellationToken cancellation)
    {
        await one.WaitAsync(cancellation);
        try
        {
            await using var own = begun is null ? await source.OpenConnectionAsync(cancellation) : null;
            await using var ownTransaction = own is null ? null : await own.BeginTransactionAsync(cancellation);
            var transaction = begun ?? ownTransaction!;
            var used = transaction.Connection!;
            await using (var fence = new NpgsqlCommand("SELECT 1 FROM membership_leader WHERE epoch = $1 FOR KEY SHARE", used, transaction))
            {
                fence.Parameters.Add(SqlParameter.Create(fencingToken, NpgsqlDbType.Bigint));
                if (await fence.ExecuteScalarAsync(cancellation) is null)
                {
                    throw new LeadershipLostException();
                }
            }

            if (lastAt is null)
            {
                await using var last = new NpgsqlCommand("SELECT at FROM membership_batches ORDER BY id DESC LIMIT 1", used, transaction);
                lastAt = await last.ExecuteScalarAsync(cancellation) is DateTime stored
                    ? new DateTimeOffset(stored)
                    : DateTimeOffset.MinValue;
            }

            lastAt = at > lastAt ? at : lastAt;
            await write(used, transaction, lastAt.Value);
            await transaction.CommitAsync(cancellation);
        }
        finally
        {
            one.Release();
        }
    }

    /// <summary>Writes who joined and who left, as one revision a segment.</summary>
    public async Task WriteAsync(
        NpgsqlConnection connection,
        NpgsqlTransaction transaction,
        IReadOnlyList<MembershipMove> moves,
        DateTimeOffset at,
        CancellationToken cancellation)
    {
        if (moves.Count == 0)
        {
            return;
        }

        var segments = moves.Select(c => c.Segment.Segment).Distinct().ToArray();
        await using var command = new NpgsqlCommand(
            """
            WITH changes AS (SELECT * FROM unnest($1, $2, $3, $4, $5) AS c (segment_id, customer_key, joined, cause, event_id)),
            sums AS (
                SELECT segment_id,
                    (count(*) FILTER (WHERE joined))::integer AS joined, (count(*) FILTER (WHERE NOT joined))::integer AS gone
                FROM changes GROUP BY segment_id),
            sizes AS (
                UPDATE membership_states s SET size = s.size + sums.joined - sums.gone FROM sums WHERE s.segment_id = sums.segment_id
                RETURNING s.segment_id, sums.joined, sums.gone, s.size),
            batches AS (
                INSERT INTO membership_batches (segment_id, at, version, joined, "left", size)
                SELECT s.segment_id, $8, v.version, s.joined, s.gone, s.size
                FROM sizes s JOIN unnest($6, $7) AS v (segment_id, version) ON v.segment_id = s.segment_id ORDER BY s.segment_id
                RETURNING id, segment_id),
            gone AS (
                UPDATE memberships m SET left_batch = b.id, left_cause = c.cause, left_event = c.event_id
                FROM changes c JOIN batches b ON b.segment_id = c.segment_id
                WHERE NOT c.joined AND m.segment_id = c.segment_id AND m.customer_key = c.customer_key AND m.left_batch IS NULL
                RETURNING 1),
            come AS (
                INSERT INTO memberships (segment_id, customer_key, joined_batch, joined_cause, joined_event)
                SELECT c.segment_id, c.customer_key, b.id, c.cause, c.event_id FROM changes c JOIN batches b ON b.segment_id = c.segment_id
                WHERE c.joined ORDER BY c.segment_id, c.customer_key)
            SELECT min(id), max(id), (SELECT count(*) FROM gone) FROM batches
            """,
            connection, transaction)
        {
            Parameters =
            {
                SqlParameter.Create(moves.Select(c => c.Segment.Segment.Id).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Integer),
                SqlParameter.Create(moves.Select(c => c.CustomerKey).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bigint),
                SqlParameter.Create(moves.Select(c => c.Joined).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Boolean),
                SqlParameter.Create(moves.Select(c => (short)c.Cause).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Smallint),
                SqlParameter.Create(moves.Select(c => c.EventId).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Text),
                SqlParameter.Create(segments.Select(s => s.Id).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Integer),
                SqlParameter.Create(segments.Select(s => s.Version).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Integer),
                SqlParameter.Create(at, NpgsqlDbType.TimestampTz),
            },
        };
        await NotifyAsync(command, cancellation, moves.Count(c => !c.Joined));
    }

    /// <summary>Makes a segment's stored membership what a table of keys says.</summary>
    /// <remarks>To be called with nested loops off (<see cref="SetNestedLoopsAsync"/>); they are on afterwards.</remarks>
    /// <param name="table">A temporary table of the connection, with a column <c>key</c>.</param>
    /// <returns>The revision, and how many joined and left.</returns>
    public async Task<(long Revision, int Joined, int Left)> WriteAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, SegmentPlan segment, string table, MembershipCause cause,
        DateTimeOffset at, CancellationToken cancellation)
    {
        // The id comes first, since rows refer to it; it is used only if there are any.
        await using var command = new NpgsqlCommand(
            $"""
            WITH batch AS MATERIALIZED (SELECT nextval(pg_get_serial_sequence('membership_batches', 'id')) AS id),
            gone AS (
                UPDATE memberships m SET left_batch = (SELECT id FROM batch), left_cause = $2
                WHERE m.segment_id = $1 AND m.left_batch IS NULL AND NOT EXISTS (SELECT FROM {table} f WHERE f.key = m.customer_key)
                RETURNING 1),
            come AS (
                INSERT INTO memberships (segment_id, customer_key, joined_batch, joined_cause)
                SELECT $1, f.key, (SELECT id FROM batch), $2 FROM {table} f
                WHERE NOT EXISTS (SELECT FROM memberships m WHERE m.segment_id = $1 AND m.customer_key = f.key AND m.left_batch IS NULL)
                ORDER BY f.key
                RETURNING 1)
            SELECT (SELECT id FROM batch), (SELECT count(*) FROM come)::integer, (SELECT count(*) FROM gone)::integer
            """,
            connection, transaction)
        {
            CommandTimeout = 0,
            Parameters =
            {
                SqlParameter.Create(segment.Segment.Id, NpgsqlDbType.Integer),
                SqlParameter.Create((short)cause, NpgsqlDbType.Smallint),
            },
        };
        long revision;
        int joined, left;
        await using (var reader = await command.ExecuteReaderAsync(cancellation))
        {
            await reader.ReadAsync(cancellation);
            (revision, joined, left) = (reader.GetInt64(0), reader.GetInt32(1), reader.GetInt32(2));
        }

        await SetNestedLoopsAsync(connection, transaction, "on", cancellation);

        if (joined + left > 0)
        {
            await using var record = new NpgsqlCommand(
                """
                WITH sizes AS (UPDATE membership_states SET size = size + $3 - $4 WHERE segment_id = $2 RETURNING size)
                INSERT INTO membership_batches (id, segment_id, at, version, joined, "left", size) OVERRIDING SYSTEM VALUE
                SELECT $1, $2, $5, $6, $3, $4, size FROM sizes
                RETURNING id, id
                """,
                connection, transaction)
            {
                Parameters =
                {
                    SqlParameter.Create(revision, NpgsqlDbType.Bigint),
                    SqlParameter.Create(segment.Segment.Id, NpgsqlDbType.Integer),
                    SqlParameter.Create(joined, NpgsqlDbType.Integer),
                    SqlParameter.Create(left, NpgsqlDbType.Integer),
                    SqlParameter.Create(at, NpgsqlDbType.TimestampTz),
                    SqlParameter.Create(segment.Segment.Version, NpgsqlDbType.Integer),
                },
            };
            await NotifyAsync(record, cancellation);
        }

        return (revision, joined, left);
    }

    /// <summary>
    /// Sets whether the planner may join by nested loops, until the transaction ends: for tables whose size it does not know.
    /// </summary>
    public static async Task SetNestedLoopsAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, string allowed, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("SELECT set_config('enable_nestloop', $1, true)", connection, transaction);
        command.Parameters.Add(SqlParameter.Create(allowed, NpgsqlDbType.Text));
        await command.ExecuteNonQueryAsync(cancellation);
    }

    /// <summary>Updates the state of a segment.</summary>
    /// <remarks>
    /// Neither waits for the disk nor for other transactions: where a crash loses it, the segment is rebuilt. It updates one row, so that
    /// it never holds one and waits for another.
    /// </remarks>
    public async Task SetStateAsync(int segment, string assignments, CancellationToken cancellation, params NpgsqlParameter[] values)
    {
        await using var connection = await source.OpenConnectionAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        await using var batch = new NpgsqlBatch(connection, transaction);
        batch.BatchCommands.Add(new NpgsqlBatchCommand("SET LOCAL synchronous_commit = off"));
        var update = new NpgsqlBatchCommand(
            $"""
            UPDATE membership_states SET {assignments}
            WHERE segment_id = $1 AND EXISTS (SELECT FROM membership_leader WHERE epoch = ${values.Length + 2})
            """);
        update.Parameters.Add(SqlParameter.Create(segment, NpgsqlDbType.Integer));
        update.Parameters.AddRange(values);
        update.Parameters.Add(SqlParameter.Create(fencingToken, NpgsqlDbType.Bigint));
        batch.BatchCommands.Add(update);
        await batch.ExecuteNonQueryAsync(cancellation);
        await transaction.CommitAsync(cancellation);
    }

    /// <summary>Says that a segment's stored membership is valid, unless definitions have changed since.</summary>
    /// <param name="version">Of the definitions that it is valid for.</param>
    public Task SetReadyAsync(int segment, long version, CancellationToken cancellation) => SetStateAsync(
        segment,
        "status = CASE WHEN (SELECT stamp FROM definition_stamp) = $2 THEN 'Ready' ELSE status END",
        cancellation,
        SqlParameter.Create(version, NpgsqlDbType.Bigint));

    public void Dispose() => one.Dispose();

    /// <summary>Runs a statement that returns the first and the last revision that it wrote, and notifies the observers of them.</summary>
    /// <param name="leaving">The number of customers that should leave, where the statement returns how many did.</param>
    /// <exception cref="InvalidOperationException">The stored members are not those that were cached.</exception>
    public async Task NotifyAsync(NpgsqlCommand command, CancellationToken cancellation, int? leaving = null)
    {
        long first, last;
        await using (var reader = await command.ExecuteReaderAsync(cancellation))
        {
            if (!await reader.ReadAsync(cancellation) || reader.IsDBNull(0))
            {
                return;
            }

            (first, last) = (reader.GetInt64(0), reader.GetInt64(1));
            if (leaving is { } expected && reader.GetInt64(2) != expected)
            {
                throw new InvalidOperationException(
                    $"{expected} customers should leave their segments, but only {reader.GetInt64(2)} of them are stored as members.");
            }
        }

        foreach (var observer in observers)
        {
            await observer.RevisionsWrittenAsync(command.Connection!, command.Transaction!, first, last, cancellation);
        }
    }
}
