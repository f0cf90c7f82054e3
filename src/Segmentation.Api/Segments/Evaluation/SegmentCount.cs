namespace Segmentation.Api.Segments;

/// <summary>How many customers match.</summary>
/// <param name="Count">How many match.</param>
/// <param name="Total">All customers.</param>
/// <param name="Share">0 to 1 of all customers; 0 when there are none.</param>
/// <param name="EvaluatedAt">The instant that this was true at.</param>
public sealed record SegmentCount(long Count, long Total, decimal Share, DateTimeOffset EvaluatedAt);
