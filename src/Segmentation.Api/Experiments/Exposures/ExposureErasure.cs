using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Audit;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Idempotency;

namespace Segmentation.Api.Experiments;

/// <summary>Erases what is held of visitors, and of customers with what is linked to them.</summary>
public sealed class ExposureErasure(SegmentationDb db, AuditLog log, CustomerMarks marks) : IErasureObserver
{
    // Impressions that go at once. Of most customers that is all of them.
    private const int FirstImpressions = 1000;

    /// <summary>Erases what is held of a customer, of the visitors that are linked to it, and of a visitor with its id; a mass of
    /// impressions is left to go behind it.</summary>
    public async Task EraseAsync(Erasing erasing, CancellationToken cancellation)
    {
        var id = erasing.Id;
        var visitors = await db.FindVisitorsAsync(id, cancellation);
        erasing.Count(
            "exposures",
            await EraseImpressionsAsync(erasing, visitors, cancellation)
            + await db.ExperimentUnits.Where(u => u.CustomerId == id || u.Unit == id).ExecuteDeleteAsync(cancellation)
            + await EraseVisitorsAsync(visitors, cancellation));
    }

    private async Task<int> EraseImpressionsAsync(Erasing erasing, string[] visitors, CancellationToken cancellation)
    {
        if (erasing.Customer is null)
        {
            return await db.Impressions.Where(i => i.CustomerId == erasing.Id || visitors.Contains(i.VisitorId))
                .ExecuteDeleteAsync(cancellation);
        }

        var deleted = await db.Database.ExecuteSqlAsync(
            $"""
            DELETE FROM impressions WHERE id = ANY (ARRAY(
                (SELECT id FROM impressions WHERE customer_id = {erasing.Id} LIMIT {FirstImpressions})
                UNION (SELECT id FROM impressions WHERE visitor_id = ANY ({visitors}) LIMIT {FirstImpressions})))
            """, cancellation);
        if (deleted >= FirstImpressions && await db.Impressions.MaxAsync(i => (long?)i.Id, cancellation) is { } last)
        {
            erasing.Impressions = (visitors, last);
        }

        return deleted;
    }

    /// <summary>Erases what is held of a visitor, and how requests were answered that named it.</summary>
    public Task EraseVisitorAsync(string visitor, CancellationToken cancellation) => Retry.OnDeadlockAsync(
        async () =>
        {
            await using var transaction = await db.BeginAsync(cancellation);
            await db.Impressions.Where(i => i.VisitorId == visitor).ExecuteDeleteAsync(cancellation);
            await EraseVisitorsAsync([visitor], cancellation);
            await db.ForgetRequestsAsync([visitor], cancellation);
            var mark = CustomerMarks.Write(await marks.ComputeAsync(visitor, cancellation));
            await log.AppendAsync(db, "visitors.erase", $"visitors/{mark}", cancellation: cancellation);
            await transaction.CommitAsync(cancellation);
            return visitor;
        },
        cancellation);

    // But for impressions.
    private async Task<int> EraseVisitorsAsync(string[] visitors, CancellationToken cancellation) =>
        await db.ExperimentUnits.Where(u => visitors.Contains(u.VisitorId) || visitors.Contains(u.Unit)).ExecuteDeleteAsync(cancellation)
        + await db.ExposureReports.Where(r => visitors.Contains(r.VisitorId)).ExecuteDeleteAsync(cancellation)
        + await db.VisitorLinks.Where(l => visitors.Contains(l.VisitorId)).ExecuteDeleteAsync(cancellation);
}
