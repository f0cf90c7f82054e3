using Segmentation.Api.Changes;

namespace Segmentation.Api.Segments;

/// <summary>
/// A customer's membership of a segment, from joining to leaving: current membership and its history in one row, so that a change writes
/// one row, and joined − left is the size whatever happens. Here, and not in Memberships, since rules read it: the field <c>segment</c>.
/// </summary>
/// <remarks>Written by <c>MembershipWriter</c> alone. The revisions say when.</remarks>
public sealed class MembershipPeriod
{
    public int SegmentId { get; set; }
    public long CustomerKey { get; set; }

    /// <summary>The revision in which the customer joined.</summary>
    public long JoinedRevision { get; set; }

    /// <summary>The revision in which the customer left; null for a member.</summary>
    public long? LeftRevision { get; set; }
    public MembershipCause JoinedCause { get; set; }
    public MembershipCause? LeftCause { get; set; }

    /// <summary>The id of the event that made the customer join, where an event did.</summary>
    public string? JoinedEvent { get; set; }

    /// <summary>The id of the event that made the customer leave, where an event did.</summary>
    public string? LeftEvent { get; set; }
}
