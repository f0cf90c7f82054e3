using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;

namespace Segmentation.Api.History;

/// <summary>
/// A period as a range of revision ids, for which the indexes are made: revisions of later instants have greater ids, of whatever segment.
/// </summary>
/// <param name="First">The first revision of the period.</param>
/// <param name="After">The first revision after the period.</param>
internal readonly record struct RevisionRange(long First, long After)
{
    public static async Task<RevisionRange> ReadAsync(
        SegmentationDb db, DateTimeOffset from, DateTimeOffset to, CancellationToken cancellation)
    {
        var revisions = await ReadFirstAsync(db, [from, to], cancellation);
        return new RevisionRange(revisions[0], revisions[1]);
    }

    /// <summary>The first revision of any segment at or after each instant; <see cref="long.MaxValue"/> where there is none.</summary>
    public static Task<List<long>> ReadFirstAsync(SegmentationDb db, DateTimeOffset[] instants, CancellationToken cancellation) =>
        db.Database.SqlQuery<long>(
            $"""
            SELECT coalesce((SELECT id FROM membership_batches WHERE at >= i.at ORDER BY at, id LIMIT 1), {long.MaxValue}) AS "Value"
            FROM unnest({instants}) WITH ORDINALITY AS i(at, n) ORDER BY i.n
            """).ToListAsync(cancellation);
}
