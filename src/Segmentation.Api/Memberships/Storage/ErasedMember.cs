namespace Segmentation.Api.Memberships;

/// <summary>
/// A customer that was erased while it was in a segment: its membership period is gone, and this is what those who follow the segment are
/// told instead.
/// </summary>
public sealed class ErasedMember
{
    public int SegmentId { get; set; }

    /// <summary>The revision in which the customer left.</summary>
    public long LeftRevision { get; set; }

    /// <summary>The database's key, which no customer has any more.</summary>
    public long CustomerKey { get; set; }

    /// <summary>The customer's id; null after a day (<see cref="MembershipRetention.ForgetAsync"/>).</summary>
    public string? CustomerId { get; set; }

    /// <summary>The revision's instant.</summary>
    public DateTimeOffset At { get; set; }
}
