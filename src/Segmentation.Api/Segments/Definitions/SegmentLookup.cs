using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
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

    /// <summary>
    /// Those with a tag, of a status, or with a text in their key, name, description or goal; null for no such condition.
    /// </summary>
    /// <exception cref="ApiProblem">400: a text that no statement can hold.</exception>
    public static IQueryable<Segment> Filter(this IQueryable<Segment> segments, string? tag, SegmentStatus? status, string? q)
    {
        segments = tag is null ? segments : segments.Where(s => s.Tags.Contains(Paging.Text(tag, nameof(tag))));
        segments = status is null ? segments : segments.Where(s => s.Status == status);
        if (q is null)
        {
            return segments;
        }

        var pattern = LikePattern.Contains(Paging.Text(q, nameof(q)));
        return segments.Where(s => EF.Functions.ILike(s.Key, pattern, LikePattern.Escape)
            || EF.Functions.ILike(s.Name, pattern, LikePattern.Escape)
            || EF.Functions.ILike(s.Description!, pattern, LikePattern.Escape)
            || EF.Functions.ILike(s.Goal!, pattern, LikePattern.Escape));
    }

    public static ApiProblem NotFound() => ApiProblem.NotFound("segment");
}
