namespace Segmentation.Api.Memberships;

/// <param name="Segments">In the order of the request.</param>
/// <param name="Pairs">Each two of them once.</param>
public sealed record Overlap(IReadOnlyList<OverlapSegment> Segments, IReadOnlyList<OverlapPair> Pairs, DateTimeOffset EvaluatedAt);

/// <param name="Size">Members.</param>
public sealed record OverlapSegment(string Key, long Size);

/// <param name="A">A segment's key.</param>
/// <param name="B">Another's.</param>
/// <param name="Intersection">Customers that are in both.</param>
/// <param name="Jaccard">0 to 1: those in both, of those in either; 0 where nobody is in either.</param>
public sealed record OverlapPair(string A, string B, long Intersection, decimal Jaccard);
