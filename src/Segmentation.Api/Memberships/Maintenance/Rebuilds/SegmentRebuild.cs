using Segmentation.Api.Changes;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>A segment that waits to be rebuilt, or is being rebuilt.</summary>
internal sealed class SegmentRebuild(SegmentPlan plan)
{
    /// <summary>The segment; while it waits, the latest.</summary>
    public SegmentPlan Plan { get; set; } = plan;

    public required MembershipCause Cause { get; set; }

    /// <summary>The entries of the change log that are done with it.</summary>
    public List<long> Entries { get; } = [];

    /// <summary>Failures in a row.</summary>
    public int Failures { get; set; }

    /// <summary>It does not start before.</summary>
    public DateTimeOffset NotBefore { get; set; } = DateTimeOffset.MinValue;

    /// <summary>It, or what was built with it, has taken long; null where it has not.</summary>
    public LongBuild? Before { get; set; }

    /// <summary>It has taken long before: it leaves a builder to the others.</summary>
    public bool IsLong => Before is { IsKnown: true };

    /// <summary>Those that it runs with; set when it starts.</summary>
    public RunningBuilds Builds { get; set; } = null!;

    /// <summary>Set when it starts.</summary>
    public CancellationTokenSource Cancellation { get; set; } = null!;

    public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Nothing valid is stored of the segment yet.</summary>
    public bool IsInitial { get; set; }

    /// <summary>Customers that were erased while it ran, and that it may have read before.</summary>
    public List<long> Erased { get; } = [];

    /// <summary>The ids of the segments that refer to this one.</summary>
    public int[] Users { get; set; } = [];

    /// <summary>Cancelled for good: not to be queued again.</summary>
    public bool IsAbandoned { get; set; }

    /// <summary>It has ended, and its outcome is stored.</summary>
    public bool IsBuilt => Ended.Task.IsCompletedSuccessfully;

    /// <summary>The revision that it wrote, and how many customers joined or left.</summary>
    public (long Revision, int Customers) Written { get; set; }

    /// <summary>An earlier attempt ended so that it is unknown whether its outcome is stored.</summary>
    public bool IsDoubtful { get; set; }

    /// <summary>When it started, all committed before this instant had been evaluated, or left to a rebuild of its segment.</summary>
    public DateTimeOffset Reached { get; set; }

    /// <summary>When it started, customers were left to be evaluated after a rebuild of its segment that had started earlier.</summary>
    public bool HasDeferred { get; set; }

    /// <summary>The instant that its members were evaluated at.</summary>
    public DateTimeOffset At { get; set; }

    /// <summary>How long it took, in milliseconds.</summary>
    public double Ms { get; set; }

    /// <summary>The definitions as it started.</summary>
    public DefinitionSet Definitions { get; set; } = null!;
}
