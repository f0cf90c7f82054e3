namespace Segmentation.Api.Segments;

/// <summary>How many customers match.</summary>
/// <param name="Share">0 to 1 of all customers; 0 when there are none.</param>
public sealed record SegmentCount(long Count, long Total, decimal Share, DateTimeOffset EvaluatedAt);
