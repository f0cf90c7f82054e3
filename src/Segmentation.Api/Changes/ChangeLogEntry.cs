namespace Segmentation.Api.Changes;

/// <summary>
/// What was written and has not been evaluated yet: in one row or some, stored by the transaction itself, so that neither a change nor the
/// need to evaluate it is ever lost.
/// </summary>
public sealed class ChangeLogEntry
{
    public long Id { get; set; }
    public MembershipCause Cause { get; set; }

    /// <summary>The only segment to evaluate; null for all that read what changed.</summary>
    public int? SegmentId { get; set; }

    /// <summary>The customers to evaluate, of which one may be here more than once; null for everyone.</summary>
    public long[]? Keys { get; set; }

    /// <summary>Of events: the type of each key's event, folded.</summary>
    public string[]? EventTypes { get; set; }

    /// <summary>Of events: the id of each key's event, the latest of its type; null for one whose id is gone.</summary>
    public string?[]? EventIds { get; set; }

    /// <summary>Of events: when the earliest of that type and customer occurred; null where that is not known.</summary>
    public DateTimeOffset[]? EventTimes { get; set; }

    /// <summary>
    /// The properties of <c>Customer</c> that changed (<c>Demographic.Gender</c>); null for any but those that events or scoring make.
    /// </summary>
    public string[]? Changed { get; set; }

    /// <summary>The customers are new, or anonymous since, so that any segment may have them.</summary>
    public bool Created { get; set; }

    /// <summary>Of an erasure: the id that the customer had, for those who follow the segments that it leaves. It goes with the entry.
    /// </summary>
    public string? ErasedId { get; set; }
}
