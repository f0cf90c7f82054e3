namespace Segmentation.Api.Memberships;

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
