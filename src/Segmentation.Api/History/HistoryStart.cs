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
        (await ReadAsync(db, [segmentId], cancellation)).TryGetValue(segmentId, out var since) ? since : null;

    /// <summary>The same of several segments, by their ids; without those of which nothing has ever been stored.</summary>
    public static async Task<Dictionary<int, DateTimeOffset>> ReadAsync(
        SegmentationDb db, int[] segmentIds, CancellationToken cancellation)
    {
        var rows = await db.Database.SqlQuery<Row>(
            $"""
            SELECT s.id AS "Id", greatest(s.first, l.purged_until) AS "Since"
            FROM (SELECT i.id, least(
                (SELECT at FROM membership_batches WHERE segment_id = i.id ORDER BY id LIMIT 1),
                (SELECT min(changed_at) FROM segment_versions WHERE segment_id = i.id AND definition ->> 'status' = 'active'))
                AS first FROM unnest({segmentIds}) AS i(id)) s,
                membership_leader l
            WHERE s.first IS NOT NULL
            """).ToListAsync(cancellation);
        return rows.ToDictionary(r => r.Id, r => r.Since);
    }

    private sealed record Row(int Id, DateTimeOffset Since);
}
