using Segmentation.Api.Changes;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>A segment to be built, or being built.</summary>
internal sealed class SegmentRebuild(SegmentPlan plan)
{
    /// <summary>The segment; while it waits, the latest.</summary>
    public SegmentPlan Plan { get; set; } = plan;

    public required MembershipCause Cause { get; set; }

    /// <summary>The rows of work that it does.</summary>
    public List<long> Rows { get; } = [];

    /// <summary>How often in a row it has failed.</summary>
    public int Failures { get; set; }

    /// <summary>It is not tried again before.</summary>
    public DateTimeOffset NotBefore { get; set; } = DateTimeOffset.MinValue;

    /// <summary>From its start on.</summary>
    public CancellationTokenSource Cancellation { get; set; } = null!;

    public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Nothing is stored of it that holds.</summary>
    public bool Fresh { get; set; }

    /// <summary>Customers that were erased while it ran, and that it may have read before.</summary>
    public List<long> Erased { get; } = [];

    /// <summary>Those that refer to it.</summary>
    public int[] Users { get; set; } = [];

    /// <summary>Cancelled for good.</summary>
    public bool Forget { get; set; }

    /// <summary>It has ended, and what it built is stored.</summary>
    public bool IsBuilt => Ended.Task.IsCompletedSuccessfully;

    /// <summary>The batch that it wrote, and of how many customers.</summary>
    public (long Batch, int Customers) Written { get; set; }

    /// <summary>One before it ended in a way that leaves open whether what it wrote is stored.</summary>
    public bool IsDoubtful { get; set; }

    /// <summary>The instant that it was built of.</summary>
    public DateTimeOffset At { get; set; }

    /// <summary>How long it took, in milliseconds.</summary>
    public double Ms { get; set; }

    /// <summary>Those that it began with.</summary>
    public DefinitionSet Definitions { get; set; } = null!;
}
