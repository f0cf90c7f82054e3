using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Events;

namespace Segmentation.Api.Memberships;

/// <summary>How many customers in the change log wait for their evaluation; none where no segment's membership is stored.</summary>
internal sealed class MembershipBacklog(SegmentationDb db) : IEvaluationBacklog
{
    public Task<int> CountAsync(CancellationToken cancellation)
    {
        var states = db.MembershipStates;
        return db.ChangeLog
            .Where(e => e.Keys != null && e.SegmentId == null && !e.Created && states.Any())
            .SumAsync(e => e.Keys!.Length, cancellation);
    }
}
