using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Memberships;

/// <summary>Brings the stored membership of one segment to what a query says.</summary>
internal sealed class RebuildWriter(MembershipWriter writer, EvaluationSchedule schedule, TimeProvider time)
{
    /// <param name="members">Selects the keys of the segment's members; without a connection.</param>
    /// <param name="at">The instant that it evaluates them at.</param>
    public async Task WriteAsync(
        SegmentRebuild rebuild, NpgsqlConnection connection, NpgsqlCommand members, DateTimeOffset at, CancellationToken cancellation)
    {
        // One transaction with the final writes: a temporary table and its statistics need not reach the disk.
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        (members.Connection, members.Transaction) = (connection, transaction);
        members.CommandText = $"CREATE TEMPORARY TABLE fresh_members ON COMMIT DROP AS {members.CommandText}";
        members.CommandTimeout = 0;
        await members.ExecuteNonQueryAsync(cancellation);
        await using (var analyze = new NpgsqlCommand("ANALYZE fresh_members", connection, transaction))
        {
            await analyze.ExecuteNonQueryAsync(cancellation);
        }

        await writer.SetStateAsync(rebuild.Plan.Segment.Id, "progress = 0.5", cancellation);
        await writer.InTransactionAsync(transaction, LocalTime.Truncate(time.GetUtcNow()), async (_, _, written) =>
        {
            // The statistics may be from when nothing was stored: expecting one row, the planner would scan the other side once for each.
            await MembershipWriter.SetNestedLoopsAsync(connection, transaction, "off", cancellation);
            await SkipChangedAsync(rebuild, connection, transaction, at, cancellation);
            var (revision, joined, left) =
                await writer.WriteAsync(connection, transaction, rebuild.Plan, "fresh_members", rebuild.Cause, written, cancellation);
            rebuild.Written = (revision, joined + left);
            if (joined + left > 0 && rebuild.Users.Length > 0)
            {
                // They were evaluated with what it was before. Appended in this transaction, so that the next leader knows it too.
                await ChangeLog.AppendSegmentsAsync(connection, transaction, rebuild.Cause, rebuild.Users, [], cancellation);
            }

            await SetReadyAsync(rebuild, connection, transaction, joined, left, cancellation);
        }, cancellation);
    }

    // Customers that were written meanwhile, or are due, may have been read before or after that, and erased ones before: of those, what is
    // stored stays, and where it differs, the customer is evaluated by itself.
    private async Task SkipChangedAsync(
        SegmentRebuild rebuild, NpgsqlConnection connection, NpgsqlTransaction transaction, DateTimeOffset at,
        CancellationToken cancellation)
    {
        await using var skip = new NpgsqlCommand(
            $"""
            WITH skip AS MATERIALIZED (
                SELECT DISTINCT unnest(keys) AS key FROM membership_work WHERE keys IS NOT NULL AND (segment_id IS NULL OR segment_id = $1)
                UNION SELECT unnest($2) UNION SELECT unnest($4)),
            stored AS (
                SELECT m.customer_key AS key FROM memberships m JOIN skip ON skip.key = m.customer_key
                WHERE m.segment_id = $1 AND m.left_batch IS NULL),
            dropped AS (DELETE FROM fresh_members f USING skip WHERE f.key = skip.key RETURNING f.key),
            kept AS (INSERT INTO fresh_members SELECT key FROM stored),
            differing AS ((TABLE stored EXCEPT TABLE dropped) UNION (TABLE dropped EXCEPT TABLE stored))
            {ChangeLog.AppendForSegmentSql("$3", "$1", "differing")}
            """,
            connection,
            transaction)
        {
            CommandTimeout = 0,
            Parameters =
            {
                SqlParameter.Create(rebuild.Plan.Segment.Id, NpgsqlDbType.Integer),
                SqlParameter.Create(rebuild.IsInitial ? [] : schedule.Overdue(at), NpgsqlDbType.Array | NpgsqlDbType.Bigint),
                SqlParameter.Create((short)rebuild.Cause, NpgsqlDbType.Smallint),
                SqlParameter.Create(rebuild.Erased.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bigint),
            },
        };
        await skip.ExecuteNonQueryAsync(cancellation);
    }

    private async Task SetReadyAsync(
        SegmentRebuild rebuild, NpgsqlConnection connection, NpgsqlTransaction transaction, int joined, int left,
        CancellationToken cancellation)
    {
        var isRefresh = rebuild.Cause == MembershipCause.Refresh;
        await using var state = new NpgsqlCommand(
            $"""
            WITH rows AS ({ChangeLog.DeleteSql("$6")}),
            state AS (
                UPDATE membership_states SET
                    status = CASE WHEN (SELECT stamp FROM definition_stamp) = $7 THEN 'Ready' ELSE status END,
                    fingerprint = $2, progress = 1, finished_at = $3,
                    evaluated_until = CASE WHEN $9 THEN least(evaluated_until, $8) ELSE $8 END,
                    error = NULL, failures = 0, retry_at = NULL, cancel_requested = false,
                    drift_joined = coalesce($4, drift_joined), drift_left = coalesce($5, drift_left)
                WHERE segment_id = $1 RETURNING evaluated_until)
            UPDATE membership_leader SET kept_until = least(kept_until, (SELECT evaluated_until FROM state))
            """,
            connection,
            transaction)
        {
            Parameters =
            {
                SqlParameter.Create(rebuild.Plan.Segment.Id, NpgsqlDbType.Integer),
                SqlParameter.Create(rebuild.Plan.Fingerprint, NpgsqlDbType.Text),
                SqlParameter.Create(LocalTime.Truncate(time.GetUtcNow()), NpgsqlDbType.TimestampTz),
                new NpgsqlParameter { Value = isRefresh ? joined : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Integer },
                new NpgsqlParameter { Value = isRefresh ? left : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Integer },
                SqlParameter.Create(rebuild.Entries.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bigint),

                // Definitions may have changed since it started; the next tick finds out.
                SqlParameter.Create(rebuild.Definitions.Version, NpgsqlDbType.Bigint),

                // Customers that wait for evaluation were skipped, and may have been written before it started.
                SqlParameter.Create(rebuild.Reached, NpgsqlDbType.TimestampTz),
                SqlParameter.Create(rebuild.HasDeferred, NpgsqlDbType.Boolean),
            },
        };
        await state.ExecuteNonQueryAsync(cancellation);
    }
}
