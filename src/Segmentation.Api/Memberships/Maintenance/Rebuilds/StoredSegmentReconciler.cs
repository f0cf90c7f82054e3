using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Brings the segments whose membership is stored in line with the definitions: queues those that differ, and
/// removes those that are no longer stored.
/// </summary>
internal sealed class StoredSegmentReconciler(MembershipWriter writer, SegmentRebuilds rebuilds)
{
    // Beyond that, rebuilding is cheaper than finding all that time has moved since.
    private static readonly TimeSpan MaxCatchUp = TimeSpan.FromDays(1);

    /// <param name="takeover">The watermark of the leader before, when this process has just taken over; null afterwards.</param>
    public async Task ReconcileAsync(
        SegmentationDb db, MembershipPlan plan, DateTimeOffset? takeover, DateTimeOffset at, CancellationToken cancellation)
    {
        var states = await db.MembershipStates.AsNoTracking().ToDictionaryAsync(s => s.SegmentId, cancellation);
        foreach (var deleted in await ReadDeletedAsync(db, plan, states.Keys, cancellation))
        {
            await rebuilds.InvalidateAsync(deleted);
            states.Remove(deleted);
            await writer.InTransactionAsync(
                null, at, (connection, transaction, written) =>
                    writer.DeleteSegmentAsync(connection, transaction, deleted, written, cancellation), cancellation);
        }

        foreach (var removed in states.Keys.Where(id => !plan.ById.ContainsKey(id)))
        {
            await RemoveAsync(removed, at, cancellation);
        }

        foreach (var segment in plan.Segments)
        {
            var id = segment.Segment.Id;
            var state = states.GetValueOrDefault(id);
            var isSame = state?.Fingerprint == segment.Fingerprint;
            if (isSame && state is { Status: MembershipStatus.Ready } && (takeover is not null || rebuilds.IsReady(id)))
            {
                rebuilds.SetReady(id);
                if (takeover is { } watermark && (segment.ReadsLocalTime || (segment.ReadsClock && at - watermark > MaxCatchUp)))
                {
                    rebuilds.Enqueue(segment, MembershipCause.Time);
                }
            }
            else if (isSame && state is { Status: MembershipStatus.Building } && rebuilds.IsReady(id))
            {
                // Changed, and changed back before the maintainer saw it: what is stored is still valid.
                await writer.SetReadyAsync(id, plan.Definitions.Version, cancellation);
            }
            else if (state is not null && takeover is null && rebuilds.IsUnderWay(segment))
            {
                // Another one's definition changed. Where its own was saved again, a failed build is not waited for.
                if (state.Status == MembershipStatus.Building)
                {
                    rebuilds.RetryNow(segment);
                }
            }
            else if (takeover is not null && state is { Status: MembershipStatus.Failed, RetryAt: { } retryAt } && retryAt > at)
            {
                var rebuild = rebuilds.Enqueue(segment, MembershipCause.Definition);
                (rebuild.Failures, rebuild.NotBefore) = (state.Failures, retryAt);
            }
            else
            {
                await rebuilds.InvalidateAsync(id);
                if (!isSame || state is not { Status: MembershipStatus.Building })
                {
                    await SetBuildingAsync(id, cancellation);
                }

                rebuilds.Enqueue(segment, MembershipCause.Definition);
            }
        }

        rebuilds.RemoveUnplanned(plan);
    }

    private async Task SetBuildingAsync(int segment, CancellationToken cancellation) =>
        await writer.InTransactionAsync(null, async (connection, transaction) =>
        {
            await using var command = new NpgsqlCommand(
                """
                INSERT INTO membership_states (segment_id, status, size, progress, failures, cancel_requested)
                VALUES ($1, 'Building', 0, 0, 0, false)
                ON CONFLICT (segment_id) DO UPDATE SET status = 'Building', progress = 0, failures = 0, error = NULL
                """,
                connection,
                transaction)
            { Parameters = { SqlParameter.Create(segment, NpgsqlDbType.Integer) } };
            await command.ExecuteNonQueryAsync(cancellation);
        }, cancellation);

    // Those that the plan's definitions no longer have. One that was deleted since they were read is found the next time.
    private static async Task<IReadOnlyList<int>> ReadDeletedAsync(
        SegmentationDb db, MembershipPlan plan, IEnumerable<int> stored, CancellationToken cancellation)
    {
        var deleted = await db.DeletedSegments.Where(d => d.Revision == null).Select(d => d.SegmentId).ToListAsync(cancellation);
        return [.. deleted.Union(stored).Except(plan.Definitions.Segments.Values.Select(s => s.Id)).Order()];
    }

    // No longer active: its members have left, its history stays.
    private async Task RemoveAsync(int segment, DateTimeOffset at, CancellationToken cancellation)
    {
        await rebuilds.InvalidateAsync(segment);
        await writer.InTransactionAsync(null, at, async (connection, transaction, written) =>
        {
            await using var command = new NpgsqlCommand(
                $"""
                WITH state AS (DELETE FROM membership_states WHERE segment_id = $1 RETURNING size),
                segment AS (SELECT id, version FROM segments WHERE id = $1),
                work AS ({ChangeLog.DeleteOfSegmentSql("$1")}),
                batch AS (
                    INSERT INTO membership_batches (segment_id, at, version, joined, "left", size)
                    SELECT s.id, $2, s.version, 0, state.size, 0 FROM segment s, state WHERE state.size > 0
                    RETURNING id),
                gone AS (
                    UPDATE memberships SET left_batch = batch.id, left_cause = $3 FROM batch WHERE segment_id = $1 AND left_batch IS NULL)
                SELECT id, id FROM batch
                """,
                connection,
                transaction)
            {
                CommandTimeout = 0,
                Parameters =
                {
                    SqlParameter.Create(segment, NpgsqlDbType.Integer),
                    SqlParameter.Create(written, NpgsqlDbType.TimestampTz),
                    SqlParameter.Create((short)MembershipCause.Definition, NpgsqlDbType.Smallint),
                },
            };
            await writer.NotifyAsync(command, cancellation);
        }, cancellation);
    }
}
