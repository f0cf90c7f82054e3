using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Idempotency;

namespace Segmentation.Api.Experiments;

/// <summary>Erases what is held of visitors, and of customers with what is linked to them.</summary>
public sealed class ExposureErasure(SegmentationDb db) : IErasureObserver
{
    /// <summary>Erases what is held of a customer, of the visitors that are linked to it, and of a visitor with its id.</summary>
    public async Task EraseAsync(Erasing erasing, CancellationToken cancellation)
    {
        var id = erasing.Id;
        var visitors = await db.FindVisitorsAsync(id, cancellation);
        erasing.Count(
            "exposures",
            await db.ExperimentUnits.Where(u => u.CustomerId == id || u.Unit == id).ExecuteDeleteAsync(cancellation)
            + await db.Impressions.Where(i => i.CustomerId == id).ExecuteDeleteAsync(cancellation)
            + await EraseVisitorsAsync(visitors, cancellation));
    }

    /// <summary>Erases what is held of a visitor, and how requests were answered that named it.</summary>
    public Task EraseVisitorAsync(string visitor, CancellationToken cancellation) => Retry.OnDeadlockAsync(
        async () =>
        {
            await using var transaction = await db.BeginAsync(cancellation);
            await EraseVisitorsAsync([visitor], cancellation);
            await db.ForgetRequestsAsync([visitor], cancellation);
            await transaction.CommitAsync(cancellation);
            return visitor;
        },
        cancellation);

    private async Task<int> EraseVisitorsAsync(string[] visitors, CancellationToken cancellation) =>
        await db.ExperimentUnits.Where(u => visitors.Contains(u.VisitorId) || visitors.Contains(u.Unit)).ExecuteDeleteAsync(cancellation)
        + await db.Impressions.Where(i => visitors.Contains(i.VisitorId)).ExecuteDeleteAsync(cancellation)
        + await db.ExposureReports.Where(r => visitors.Contains(r.VisitorId)).ExecuteDeleteAsync(cancellation)
        + await db.VisitorLinks.Where(l => visitors.Contains(l.VisitorId)).ExecuteDeleteAsync(cancellation);
}
