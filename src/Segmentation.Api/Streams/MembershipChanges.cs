using Npgsql;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;

namespace Segmentation.Api.Streams;

/// <summary>A customer who joined or left.</summary>
/// <param name="Version">The segment's version.</param>
internal sealed record StreamChange(
    ChangePosition Position, string CustomerId, DateTimeOffset At, MembershipCause Cause, string? EventId, int Version);

/// <summary>
/// Reads a segment's changes in their order, a few thousand at a time, without holding a connection in between.
/// Revisions may be large (a rebuild has as many changes as the segment has members): their customers' keys are
/// sorted some thousands at a time, and looked up by page.
/// </summary>
internal sealed class MembershipChanges(NpgsqlDataSource database, int segmentId, ChangePosition start)
{
    /// <summary>Keys sorted at a time: half a megabyte.</summary>
    private const int KeysPerStatement = 20_000;
    private const int RevisionsPerStatement = 500;
    private const int PageSize = 1000;

    // Positions that were read, and are not looked up yet; they reach up to a position.
    private readonly Queue<ChangePosition> keys = [];
    private ChangePosition keysEnd = start;

    /// <summary>Everything up to here has been read.</summary>
    public ChangePosition Position { get; private set; } = start;

    /// <summary>The next changes, up to a revision; empty when there are none.</summary>
    public async Task<IReadOnlyList<StreamChange>> NextAsync(long upTo, CancellationToken cancellation)
    {
        if (keys.Count == 0 && IsReadTo(upTo))
        {
            return [];
        }

        await using var connection = await database.OpenConnectionAsync(cancellation);
        while (true)
        {
            while (keys.Count == 0)
            {
                if (IsReadTo(upTo))
                {
                    return [];
                }

                await ReadKeysAsync(connection, upTo, cancellation);
                Position = keys.Count == 0 ? keysEnd : Position;
            }

            // A page may turn out empty: all its customers have been erased meanwhile.
            var page = Enumerable.Range(0, Math.Min(PageSize, keys.Count)).Select(_ => keys.Dequeue()).ToArray();
            var changes = await ReadChangesAsync(connection, page, cancellation);
            Position = keys.Count == 0 ? keysEnd : page[^1];
            if (changes.Count > 0)
            {
                return changes;
            }
        }
    }

    private bool IsReadTo(long revision) => keysEnd.CompareTo(ChangePosition.After(revision)) >= 0;

    // As many revisions as make up some thousands of changes, and never less than one.
    private async Task ReadKeysAsync(NpgsqlConnection connection, long upTo, CancellationToken cancellation)
    {
        var from = keysEnd.Kind == ChangePosition.End ? keysEnd.Revision + 1 : keysEnd.Revision;
        var (last, changes, isAll) = await ReadRevisionsAsync(connection, from, upTo, cancellation);
        if (changes > 0)
        {
            // Nobody is told what an anonymous customer joined as it became that: the time would say who it is. And of whoever had to
            // leave, by a restriction or for want of a consent, that it had joined.
            await using var command = new NpgsqlCommand(
                $"""
                SELECT b.id, m.kind, m.customer_key
                FROM membership_batches b
                CROSS JOIN LATERAL (
                  SELECT 0 AS kind, customer_key FROM memberships WHERE segment_id = $1 AND left_batch = b.id
                  UNION ALL
                  SELECT 0, customer_key FROM erased_members WHERE segment_id = $1 AND left_batch = b.id AND customer_id IS NOT NULL
                  UNION ALL
                  SELECT 1, customer_key FROM memberships WHERE segment_id = $1 AND joined_batch = b.id
                    AND joined_cause <> {(short)MembershipCause.Erased}
                    AND (left_cause IS NULL OR left_cause NOT IN {MembershipCauses.BarredSql})) m
                WHERE b.segment_id = $1 AND b.id BETWEEN $7 AND $5 AND (b.id > $2 OR (m.kind, m.customer_key) > ($3, $4))
                ORDER BY b.id, m.kind, m.customer_key LIMIT $6
                """,
                connection)
            {
                Parameters =
                {
                    SqlParameter.Create(segmentId),
                    SqlParameter.Create(keysEnd.Revision),
                    SqlParameter.Create(keysEnd.Kind),
                    SqlParameter.Create(keysEnd.CustomerKey),
                    SqlParameter.Create(last),
                    SqlParameter.Create(KeysPerStatement),
                    SqlParameter.Create(from),
                },
            };
            await using var reader = await command.ExecuteReaderAsync(cancellation);
            while (await reader.ReadAsync(cancellation))
            {
                keysEnd = new ChangePosition(reader.GetInt64(0), reader.GetInt32(1), reader.GetInt64(2));
                keys.Enqueue(keysEnd);
            }
        }

        keysEnd = keys.Count == KeysPerStatement ? keysEnd : ChangePosition.After(isAll ? upTo : last);
    }

    // The last of the next revisions, how many changes they have, and whether there are no more up to the end. One that counts none tells
    // of somebody who stays, and has become anonymous.
    private async Task<(long Last, long Changes, bool IsAll)> ReadRevisionsAsync(
        NpgsqlConnection connection, long from, long upTo, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            $"""
            SELECT id, greatest(joined + "left", 1) FROM membership_batches
            WHERE segment_id = $1 AND id BETWEEN $2 AND $3 ORDER BY id LIMIT {RevisionsPerStatement}
            """,
            connection)
        {
            Parameters = { SqlParameter.Create(segmentId), SqlParameter.Create(from), SqlParameter.Create(upTo) },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        var (last, changes, revisions) = (keysEnd.Revision, 0L, 0);
        while (changes < KeysPerStatement && await reader.ReadAsync(cancellation))
        {
            last = reader.GetInt64(0);
            changes += reader.GetInt32(1);
            revisions++;
        }

        return (last, changes, revisions < RevisionsPerStatement && changes < KeysPerStatement);
    }

    private async Task<List<StreamChange>> ReadChangesAsync(
        NpgsqlConnection connection, ChangePosition[] page, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            """
            SELECT p.batch, p.kind, p.key, m.id, b.at, b.version, m.cause, m.event
            FROM unnest($2, $3, $4) WITH ORDINALITY AS p (batch, kind, key, place)
            CROSS JOIN LATERAL (
              SELECT c.id, left_cause AS cause, left_event AS event FROM memberships JOIN customers c ON c.key = customer_key
                WHERE p.kind = 0 AND segment_id = $1 AND left_batch = p.batch AND customer_key = p.key
              UNION ALL
              SELECT customer_id, 8::smallint, NULL FROM erased_members
                WHERE p.kind = 0 AND segment_id = $1 AND left_batch = p.batch AND customer_key = p.key AND customer_id IS NOT NULL
              UNION ALL
              SELECT c.id, joined_cause, joined_event FROM memberships JOIN customers c ON c.key = customer_key
                WHERE p.kind = 1 AND segment_id = $1 AND joined_batch = p.batch AND customer_key = p.key AND c.restricted_at IS NULL) m
            JOIN membership_batches b ON b.id = p.batch
            ORDER BY p.place
            """,
            connection)
        {
            Parameters =
            {
                SqlParameter.Create(segmentId),
                SqlParameter.Create(page.Select(p => p.Revision).ToArray()),
                SqlParameter.Create(page.Select(p => p.Kind).ToArray()),
                SqlParameter.Create(page.Select(p => p.CustomerKey).ToArray()),
            },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        List<StreamChange> changes = [];
        while (await reader.ReadAsync(cancellation))
        {
            changes.Add(new StreamChange(
                new ChangePosition(reader.GetInt64(0), reader.GetInt32(1), reader.GetInt64(2)),
                reader.GetString(3),
                reader.GetFieldValue<DateTimeOffset>(4),
                (MembershipCause)reader.GetInt16(6),
                reader.IsDBNull(7) ? null : reader.GetString(7),
                reader.GetInt32(5)));
        }

        return changes;
    }
}
