using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;

namespace Segmentation.Api.Memberships;

/// <content>What ends without anybody leaving by a rule: customers that are erased, segments that are deleted.</content>
internal sealed partial class MembershipWriter
{
    /// <summary>
    /// Removes all that is stored of customers that no longer exist, and has those that are anonymous since leave. Each segment's revision
    /// counts who left, and for a day the ids of those that were members stay beside it, for whoever follows the segment: of anonymous
    /// ones that are still members, too, whom nobody is told of by another id. Beside the ids of these is no key.
    /// </summary>
    /// <param name="erased">Those that no longer exist.</param>
    /// <param name="anonymous">Those that do, by ids that nobody knows.</param>
    /// <param name="left">Of the anonymous ones, who left.</param>
    public async Task EraseAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, long[] erased, long[] anonymous,
        IReadOnlyList<MembershipMove> left, DateTimeOffset at, CancellationToken cancellation)
    {
        // The entry of the erasure has the id, whichever entry it was that had the customer evaluated: both are there until it is done.
        await using var command = new NpgsqlCommand(
            $"""
            WITH named AS MATERIALIZED ({ChangeLog.SelectErasedSql("$1 || $3")}),
            past AS (DELETE FROM memberships WHERE customer_key = ANY ($1) AND left_batch IS NOT NULL),
            gone AS (
                DELETE FROM memberships WHERE left_batch IS NULL AND customer_key = ANY ($1 || $3)
                    AND (customer_key = ANY ($1) OR (segment_id, customer_key) IN (SELECT * FROM unnest($4, $5)))
                RETURNING segment_id, customer_key),
            stays AS (
                SELECT segment_id, customer_key FROM memberships JOIN named ON key = customer_key
                WHERE left_batch IS NULL AND customer_key = ANY ($3)
                    AND (segment_id, customer_key) NOT IN (SELECT * FROM unnest($4, $5))),
            unnamed AS (
                UPDATE memberships SET joined_event = NULL
                WHERE left_batch IS NULL AND customer_key = ANY ($3) AND customer_key IN (SELECT key FROM named)
                    AND (segment_id, customer_key) NOT IN (SELECT * FROM unnest($4, $5))),
            unnamed_past AS (
                UPDATE memberships SET joined_event = NULL, left_event = NULL
                WHERE left_batch IS NOT NULL AND customer_key = ANY ($3) AND customer_key IN (SELECT key FROM named)),
            told AS (SELECT *, 1 AS gone FROM gone UNION ALL SELECT *, 0 FROM stays),
            sums AS (SELECT segment_id, sum(gone)::integer AS gone FROM told GROUP BY segment_id),
            sizes AS (
                UPDATE membership_states s SET size = s.size - sums.gone FROM sums WHERE s.segment_id = sums.segment_id
                RETURNING s.segment_id, sums.gone, s.size),
            batches AS (
                INSERT INTO membership_batches (segment_id, at, version, joined, "left", size)
                SELECT s.segment_id, $2, g.version, 0, s.gone, s.size
                FROM sizes s JOIN segments g ON g.id = s.segment_id ORDER BY s.segment_id
                RETURNING id, segment_id),
            members AS (
                INSERT INTO erased_members (segment_id, left_batch, customer_key, customer_id, at)
                SELECT b.segment_id, b.id,
                    CASE WHEN e.customer_key = ANY ($3) THEN hashtextextended(n.id COLLATE "C", 0) ELSE e.customer_key END, n.id, $2
                FROM told e JOIN batches b ON b.segment_id = e.segment_id JOIN named n ON n.key = e.customer_key)
            SELECT min(id), max(id), (SELECT array_agg(id) FROM named) FROM batches
            """,
            connection, transaction)
        {
            Parameters =
            {
                SqlParameter.Create(erased, NpgsqlDbType.Array | NpgsqlDbType.Bigint),
                SqlParameter.Create(at, NpgsqlDbType.TimestampTz),
                SqlParameter.Create(anonymous, NpgsqlDbType.Array | NpgsqlDbType.Bigint),
                SqlParameter.Create(left.Select(m => m.Segment.Segment.Id).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Integer),
                SqlParameter.Create(left.Select(m => m.CustomerKey).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bigint),
            },
        };
        (long First, long Last)? written;
        string[] ids;
        await using (var reader = await command.ExecuteReaderAsync(cancellation))
        {
            await reader.ReadAsync(cancellation);
            written = reader.IsDBNull(0) ? null : (reader.GetInt64(0), reader.GetInt64(1));
            ids = reader.IsDBNull(2) ? [] : reader.GetFieldValue<string[]>(2);
        }

        foreach (var observer in observers)
        {
            if (written is var (first, last))
            {
                await observer.RevisionsWrittenAsync(connection, transaction, first, last, cancellation);
            }

            if (ids.Length > 0)
            {
                await observer.CustomersErasedAsync(connection, transaction, ids, cancellation);
            }
        }
    }

    /// <summary>
    /// Removes all that is stored of a deleted segment: of its history stays one revision, in which all left, for whoever follows it.
    /// </summary>
    public async Task DeleteSegmentAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, int segment, DateTimeOffset at, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            $"""
            WITH state AS (DELETE FROM membership_states WHERE segment_id = $1 RETURNING size),
            work AS ({ChangeLog.DeleteOfSegmentSql("$1")}),
            periods AS (DELETE FROM memberships WHERE segment_id = $1),
            erased AS (DELETE FROM erased_members WHERE segment_id = $1),
            past AS (DELETE FROM membership_batches WHERE segment_id = $1),
            batch AS (
                INSERT INTO membership_batches (segment_id, at, version, joined, "left", size)
                SELECT segment_id, $2, version, 0, coalesce((SELECT size FROM state), 0), 0 FROM deleted_segments WHERE segment_id = $1
                RETURNING id)
            UPDATE deleted_segments SET batch = batch.id FROM batch WHERE segment_id = $1
            """,
            connection, transaction)
        {
            CommandTimeout = 0,
            Parameters =
            {
                SqlParameter.Create(segment, NpgsqlDbType.Integer),
                SqlParameter.Create(at, NpgsqlDbType.TimestampTz),
            },
        };
        await command.ExecuteNonQueryAsync(cancellation);
        foreach (var observer in observers)
        {
            await observer.SegmentDeletedAsync(connection, transaction, segment, cancellation);
        }
    }
}
