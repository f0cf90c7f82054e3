using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;

namespace Segmentation.Api.History;

/// <summary>From when on it is known who was in a segment.</summary>
internal static class HistoryStart
{
    /// <summary>
    /// The instant at which the segment was first active, or first had a member if that was before; but not before what retention has
    /// deleted. Null where nothing has ever been stored.
    /// </summary>
    public static async Task<DateTimeOffset?> ReadAsync(SegmentationDb db, int segmentId, CancellationToken cancellation) =>
        await db.Database.SqlQuery<DateTimeOffset?>(
            $"""
            SELECT CASE WHEN s.first IS NOT NULL THEN greatest(s.first, l.purged_until) END AS "Value"
            FROM (SELECT least(
                (SELECT at FROM membership_batches WHERE segment_id = {segmentId} ORDER BY id LIMIT 1),
                (SELECT min(changed_at) FROM segment_versions WHERE segment_id = {segmentId} AND definition ->> 'status' = 'active'))
                AS first) s,
                membership_leader l
            """).SingleAsync(cancellation);
}
