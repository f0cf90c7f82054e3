namespace Segmentation.Api.Memberships;

/// <summary>
/// A customer's stay in a segment, from joining to leaving: membership and its history in one row, so that a change writes one row, and
/// joined − left is the size whatever happens.
/// </summary>
/// <remarks>Written by <see cref="MembershipWriter"/> alone. The <see cref="MembershipBatch"/>es say when.</remarks>
public sealed class SegmentMembership
{
    public int SegmentId { get; set; }
    public long CustomerKey { get; set; }

    /// <summary>The batch in which the customer joined.</summary>
    public long JoinedBatch { get; set; }

    /// <summary>The batch in which the customer left; null for a member.</summary>
    public long? LeftBatch { get; set; }
    public MembershipCause JoinedCause { get; set; }
    public MembershipCause? LeftCause { get; set; }

    /// <summary>The id of the event that made the customer join, where an event did.</summary>
    public string? JoinedEvent { get; set; }

    /// <summary>The id of the event that made the customer leave, where an event did.</summary>
    public string? LeftEvent { get; set; }
}

/// <summary>Why a customer joined or left.</summary>
public enum MembershipCause : short
{
    /// <summary>An event was stored.</summary>
    Event = 1,

    /// <summary>The customer's profile, consents or attributes were written.</summary>
    Profile = 2,

    /// <summary>Time passed.</summary>
    Time = 3,

    /// <summary>The segment's definition, or one that it refers to, changed; its version is the batch's.</summary>
    Definition = 4,

    /// <summary>Someone put the customer in, or took it out.</summary>
    Manual = 5,

    /// <summary>An import wrote the customer, or more events than are looked at one by one.</summary>
    Import = 6,

    /// <summary>A refresh found drift, which should never be seen.</summary>
    Refresh = 7,

    /// <summary>The customer was erased. Of this only the number is kept.</summary>
    Erased = 8,
}

/// <summary>
/// What one transaction changed in one segment. Ids grow in the order in which the transactions commit, since one process at a time writes
/// one transaction at a time: a reader that has seen an id has seen all before it.
/// </summary>
public sealed class MembershipBatch
{
    public long Id { get; set; }
    public int SegmentId { get; set; }

    /// <summary>The instant that was looked at; never before that of a batch with a smaller id, of whatever segment.</summary>
    public DateTimeOffset At { get; set; }

    /// <summary>The segment's version.</summary>
    public int Version { get; set; }
    public int Joined { get; set; }
    public int Left { get; set; }

    /// <summary>Members after it.</summary>
    public int Size { get; set; }
}

/// <summary>
/// What was written, and has not been looked at yet: in one row or some, stored by the transaction itself, so that neither a change nor
/// the need to look at it is ever lost.
/// </summary>
public sealed class MembershipWork
{
    public long Id { get; set; }
    public MembershipCause Cause { get; set; }

    /// <summary>The only segment to look at; null for all that read what changed.</summary>
    public int? SegmentId { get; set; }

    /// <summary>The customers to look at, of which one may stand here more than once; null for everyone.</summary>
    public long[]? Keys { get; set; }

    /// <summary>Of events: the type of each key's event, folded.</summary>
    public string[]? EventTypes { get; set; }

    /// <summary>Of events: the id of each key's event, the latest of its type.</summary>
    public string[]? EventIds { get; set; }

    /// <summary>Of events: when the earliest of that type and customer occurred; null where that is not known.</summary>
    public DateTimeOffset[]? EventTimes { get; set; }

    /// <summary>The properties of <see cref="Customers.Customer"/> that changed (<c>Demographic.Gender</c>); null for any but those that events make.</summary>
    public string[]? Changed { get; set; }

    /// <summary>The customers are new, so that any segment may have them.</summary>
    public bool Created { get; set; }
}

/// <summary>How far the stored membership of a segment is.</summary>
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

    /// <summary>Builds that failed since one succeeded.</summary>
    public int Failures { get; set; }

    /// <summary>When a failed build is tried again.</summary>
    public DateTimeOffset? RetryAt { get; set; }

    /// <summary>What the last refresh found: members that were not stored.</summary>
    public int? DriftJoined { get; set; }

    /// <summary>What the last refresh found: customers stored that were no members.</summary>
    public int? DriftLeft { get; set; }

    /// <summary>Whoever runs the refresh is asked to end it.</summary>
    public bool CancelRequested { get; set; }
}

public enum MembershipStatus { Building, Ready, Failed }

/// <summary>One row: who keeps membership, and up to when it is kept.</summary>
public sealed class MembershipLeader
{
    public bool Single { get; set; }

    /// <summary>Grows with each process that takes over; one that has been overtaken can write no more.</summary>
    public long Epoch { get; set; }

    /// <summary>Everything that was committed before this instant has been looked at.</summary>
    public DateTimeOffset KeptUntil { get; set; }

    /// <summary>The stamp of the definitions of which all membership is stored; null while any is being built.</summary>
    public long? ReadyStamp { get; set; }
}
