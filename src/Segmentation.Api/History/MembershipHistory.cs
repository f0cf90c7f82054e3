using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;

namespace Segmentation.Api.History;

/// <summary>The past of membership: from instants to revisions.</summary>
internal static class MembershipHistory
{
    /// <summary>
    /// The first batch of any segment at or after each instant; <see cref="long.MaxValue"/> where there is none. Batches of later instants have
    /// greater ids, so that a period is a range of ids, for which the indexes are made.
    /// </summary>
    public static Task<List<long>> FirstBatchesAsync(SegmentationDb db, DateTimeOffset[] instants, CancellationToken cancellation) => db.Database.SqlQuery<long>(
        $"""
        SELECT coalesce((SELECT id FROM membership_batches WHERE at >= i.at ORDER BY at, id LIMIT 1), {long.MaxValue}) AS "Value"
        FROM unnest({instants}) WITH ORDINALITY AS i(at, n) ORDER BY i.n
        """).ToListAsync(cancellation);
}
