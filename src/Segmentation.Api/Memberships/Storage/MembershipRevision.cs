namespace Segmentation.Api.Memberships;

/// <summary>
/// What one transaction changed in one segment. Ids grow in the order in which the transactions commit, since one process at a time writes
/// one transaction at a time: a reader that has seen an id has seen all before it.
/// </summary>
public sealed class MembershipRevision
{
    public long Id { get; set; }
    public int SegmentId { get; set; }

    /// <summary>The instant of the evaluation; never before that of a revision with a smaller id, of any segment.</summary>
    public DateTimeOffset At { get; set; }

    /// <summary>The segment's version.</summary>
    public int Version { get; set; }
    public int Joined { get; set; }
    public int Left { get; set; }

    /// <summary>Members after it.</summary>
    public int Size { get; set; }
}
