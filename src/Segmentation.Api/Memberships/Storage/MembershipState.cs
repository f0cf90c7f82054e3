using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>The state of the stored membership of a segment.</summary>
public sealed class MembershipState
{
    public int SegmentId { get; set; }
    public MembershipStatus Status { get; set; }

    /// <summary>What the stored membership was built from (<see cref="SegmentPlan.Fingerprint"/>); null before the first build.</summary>
    public string? Fingerprint { get; set; }

    /// <summary>Members.</summary>
    public int Size { get; set; }

    /// <summary>0 to 1, of the build that runs.</summary>
    public double Progress { get; set; }

    /// <summary>The build that runs, or that ended last, began.</summary>
    public DateTimeOffset? StartedAt { get; set; }
    public DateTimeOffset? FinishedAt { get; set; }

    /// <summary>Why the last build failed; null where it did not. Without any data.</summary>
    public string? Error { get; set; }

    /// <summary>Builds that have failed since one succeeded.</summary>
    public int Failures { get; set; }

    /// <summary>When a failed build is tried again.</summary>
    public DateTimeOffset? RetryAt { get; set; }

    /// <summary>What the last refresh found: members that were not stored.</summary>
    public int? DriftJoined { get; set; }

    /// <summary>What the last refresh found: customers stored that were no members.</summary>
    public int? DriftLeft { get; set; }

    /// <summary>
    /// Up to where what is stored is true, of a segment that is behind the others: one that is being rebuilt. Null where it is not.
    /// </summary>
    public DateTimeOffset? EvaluatedUntil { get; set; }

    /// <summary>The refresh is to be cancelled.</summary>
    public bool CancelRequested { get; set; }
}
