using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Privacy;

/// <summary>Reads a customer's consents from their records.</summary>
internal static class ConsentsOfCustomer
{
    /// <summary>The record of each purpose that stands, by purpose.</summary>
    public static async Task<IReadOnlyList<ConsentRecord>> ListStandingAsync(
        this SegmentationDb db, long customer, CancellationToken cancellation) => await db.ConsentRecords
        .FromSql(
            $"""
            SELECT DISTINCT ON (purpose) * FROM consent_records WHERE customer_key = {customer} ORDER BY purpose, at DESC, id DESC
            """)
        .AsNoTracking().ToListAsync(cancellation);

    /// <summary>The consents as they stand at an instant, by purpose: one that has expired is granted no longer.</summary>
    public static async Task<IReadOnlyList<ConsentRecordResource>> ShowStandingAsync(
        this SegmentationDb db, long customer, DateTimeOffset now, CancellationToken cancellation)
    {
        var records = await db.ListStandingAsync(customer, cancellation);
        var expiries = await db.Purposes.Where(p => p.ExpiresAfterDays != null)
            .ToDictionaryAsync(p => p.Name, p => p.ExpiresAfterDays, StringComparer.Ordinal, cancellation);
        return [.. records.Select(r => ConsentRecordResource.From(r, expiries.GetValueOrDefault(r.Purpose), now))];
    }

    /// <summary>All records of a purpose: the one that stands first, then the earlier ones.</summary>
    public static Task<Page<ConsentRecordResource>> ListHistoryAsync(
        this SegmentationDb db, long customer, string purpose, int? limit, string? cursor, CancellationToken cancellation)
    {
        var records = db.ConsentRecords.AsNoTracking().Where(r => r.CustomerKey == customer && r.Purpose == purpose);
        if (Paging.NumbersCursor(cursor, 2) is [var ticks, var id])
        {
            if (ticks < DateTimeOffset.MinValue.UtcTicks || ticks > DateTimeOffset.MaxValue.UtcTicks)
            {
                throw Paging.ForeignCursor();
            }

            var at = new DateTimeOffset(ticks, TimeSpan.Zero);
            records = records.Where(r => r.At < at || (r.At == at && r.Id < id));
        }

        return Paging.ReadAsync(
            records.OrderByDescending(r => r.At).ThenByDescending(r => r.Id), Paging.Limit(limit), ConsentRecordResource.From,
            r => [r.At.UtcTicks, r.Id], cancellation);
    }
}
