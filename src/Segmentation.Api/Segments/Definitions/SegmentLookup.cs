using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Http;

namespace Segmentation.Api.Segments;

/// <summary>
/// Finds stored segments. A definition alone is found in the cache: <see cref="DefinitionSet.Find"/>, <see cref="SegmentQuery.FindAsync"/>.
/// </summary>
internal static class SegmentLookup
{
    /// <summary>The one with this key, tracked unless the query says otherwise; null when there is none.</summary>
    public static Task<Segment?> FindByKeyAsync(this IQueryable<Segment> segments, string key, CancellationToken cancellation) =>
        segments.SingleOrDefaultAsync(s => s.Key == key, cancellation);

    /// <summary>The one with this key, tracked unless the query says otherwise.</summary>
    /// <exception cref="ApiProblem">404.</exception>
    public static async Task<Segment> GetByKeyAsync(this IQueryable<Segment> segments, string key, CancellationToken cancellation) =>
        await segments.FindByKeyAsync(key, cancellation) ?? throw NotFound();

    public static ApiProblem NotFound() => ApiProblem.NotFound("segment");
}
