using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;

namespace Segmentation.Api.Memberships;

/// <content>What ends without anybody leaving by a rule: customers that are erased, segments that are deleted.</content>
internal sealed partial class MembershipWriter
{
    /// <summary>
    /// Removes all that is stored of customers that no longer exist. Each segment's revision counts them as left, and for a day the ids of
    /// those that were members stay beside it, for whoever follows the segment.
    /// </summary>
    public async Task EraseAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, long[] keys, DateTimeOffset at, CancellationToken cancellation)
    {
        // The entry of the erasure has the id, whichever entry it was that had the customer evaluated: both are there until it is done.
        await using var command = new NpgsqlCommand(
            $"""
            WITH named AS MATERIALIZED ({ChangeLog.SelectErasedSql("$1")}),
            past AS (DELETE FROM memberships WHERE customer_key = ANY ($1) AND left_batch IS NOT NULL),
            erased AS (DELETE FROM memberships WHERE customer_key = ANY ($1) AND left_batch IS NULL RETURNING segment_id, customer_key),
            sums AS (SELECT segment_id, count(*)::integer AS gone FROM erased GROUP BY segment_id),
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
                SELECT b.segment_id, b.id, e.customer_key, n.id, $2
                FROM erased e JOIN batches b ON b.segment_id = e.segment_id JOIN named n ON n.key = e.customer_key)
            SELECT min(id), max(id), (SELECT array_agg(id) FROM named) FROM batches
            """,
            connection, transaction)
        {
            Parameters =
            {
                SqlParameter.Create(keys, NpgsqlDbType.Array | NpgsqlDbType.Bigint),
                SqlParameter.Create(at, NpgsqlDbType.TimestampTz),
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
