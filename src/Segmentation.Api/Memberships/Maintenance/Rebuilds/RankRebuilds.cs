using Segmentation.Api.Changes;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Rebuilds the segments that read ranks. Those move with every order, so the segments are rebuilt as a whole, as often as that takes a
/// quarter of one connection's time.
/// </summary>
internal sealed class RankRebuilds(SegmentRebuilds rebuilds)
{
    // By Environment.TickCount64.
    private long nextAt;

    /// <summary>Ranks have moved since the segments were rebuilt.</summary>
    public bool IsPending { get; private set; }

    public void MarkMoved(MembershipPlan plan) => IsPending = !plan.Rank.IsEmpty;

    /// <summary>Makes the next one wait for three times as long as a rebuild took.</summary>
    public void Delay(SegmentRebuild rebuild)
    {
        if (rebuild.Plan.NeedsRank)
        {
            nextAt = Environment.TickCount64 + (long)(3 * rebuild.Ms);
        }
    }

    /// <summary>Queues the segments, where ranks have moved and it is time.</summary>
    public void Enqueue(MembershipPlan plan)
    {
        if (!IsPending || Environment.TickCount64 < nextAt)
        {
            return;
        }

        IsPending = false;
        foreach (var segment in plan.Rank.Ordinals().Select(o => plan.Segments[o]))
        {
            if (rebuilds.IsBuilding(segment.Segment.Id))
            {
                // The rebuild may have read ranks before they moved.
                IsPending = true;
            }
            else if (rebuilds.IsReady(segment.Segment.Id))
            {
                rebuilds.Enqueue(segment, MembershipCause.Event);
            }
        }
    }
}
