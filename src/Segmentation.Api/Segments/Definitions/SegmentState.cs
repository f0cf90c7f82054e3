namespace Segmentation.Api.Segments;

/// <summary>How far the stored membership of an active segment is.</summary>
public sealed record SegmentState
{
    /// <summary>
    /// <c>building</c>: answers are evaluated live until it is <c>ready</c>. <c>failed</c>: so they are, and it is tried again.
    /// </summary>
    public MembershipStatus Status { get; init; }

    /// <summary>0 to 1, of the build or refresh that runs; missing where none does.</summary>
    public double? Progress { get; init; }

    /// <summary>Members that are stored; with <c>failed</c>, those of the last build that succeeded.</summary>
    public int Kept { get; init; }

    /// <summary>The build or refresh that runs, or that ended last, began.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>The last one ended.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Why the last one failed.</summary>
    public string? Error { get; init; }

    /// <summary>When a failed one is tried again.</summary>
    public DateTimeOffset? RetryAt { get; init; }

    // Up to where it is true, where it is behind the others. (The segment's evaluatedAt says so.)
    internal DateTimeOffset? EvaluatedUntil { get; init; }

    /// <summary>What the last refresh that was asked for found.</summary>
    public SegmentDrift? Drift { get; init; }
}

/// <summary>
/// How stored membership differed from an evaluation of the rule. Anything but zeros is a fault of the service; it was mended.
/// </summary>
/// <param name="Joined">Members that were not stored as such.</param>
/// <param name="Left">Stored as members, and none.</param>
public sealed record SegmentDrift(int Joined, int Left);
