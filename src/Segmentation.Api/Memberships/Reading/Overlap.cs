namespace Segmentation.Api.Memberships;

/// <summary>How many customers segments have in common.</summary>
/// <param name="Segments">The segments, in the order of the request.</param>
/// <param name="Pairs">Every two of them, once.</param>
/// <param name="EvaluatedAt">The instant that this was true at.</param>
public sealed record Overlap(IReadOnlyList<OverlapSegment> Segments, IReadOnlyList<OverlapPair> Pairs, DateTimeOffset EvaluatedAt);

/// <summary>The size of a segment.</summary>
/// <param name="Key">The segment's key.</param>
/// <param name="Size">How many members it has.</param>
public sealed record OverlapSegment(string Key, long Size);

/// <summary>What two segments have in common.</summary>
/// <param name="A">A segment's key.</param>
/// <param name="B">Another's.</param>
/// <param name="Intersection">Customers that are in both.</param>
/// <param name="Jaccard">0 to 1: those in both, of those in either; 0 where nobody is in either.</param>
public sealed record OverlapPair(string A, string B, long Intersection, decimal Jaccard);
