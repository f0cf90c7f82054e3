using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>Has segments whose definition changed evaluated live until their membership is rebuilt.</summary>
internal sealed class MembershipInvalidation(SegmentationDb db) : IDefinitionObserver
{
    public Task DefinitionsChangedAsync(int[] segments, CancellationToken cancellation) => db.MembershipStates
        .Where(s => segments.Contains(s.SegmentId))
        .ExecuteUpdateAsync(s => s.SetProperty(x => x.Status, MembershipStatus.Building).SetProperty(x => x.Progress, 0), cancellation);
}
