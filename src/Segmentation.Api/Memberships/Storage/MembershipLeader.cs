namespace Segmentation.Api.Memberships;

/// <summary>One row: the process that maintains membership, and how far it is.</summary>
public sealed class MembershipLeader
{
    public bool Single { get; set; }

    /// <summary>Grows with each process that takes over; one that has lost leadership can write no more.</summary>
    public long FencingToken { get; set; }

    /// <summary>Everything that was committed before this instant is in stored membership.</summary>
    public DateTimeOffset Watermark { get; set; }

    /// <summary>The same for the segments that are not behind (<see cref="MembershipState.EvaluatedUntil"/>): it may be later.</summary>
    public DateTimeOffset? AheadUntil { get; set; }

    /// <summary>Retention has deleted history before this instant; null where it has not deleted any.</summary>
    public DateTimeOffset? PurgedUntil { get; set; }

    /// <summary>The version of the definitions of which all membership is stored; null while any is being built.</summary>
    public long? ReadyVersion { get; set; }
}
