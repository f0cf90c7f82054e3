using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Privacy;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Counts an erased customer's times in segments. The leader deletes them as it reads the change log, and says who left. Those of an
/// anonymous one stay.
/// </summary>
internal sealed class MembershipErasure(SegmentationDb db) : IErasureObserver
{
    public async Task EraseAsync(Erasing erasing, CancellationToken cancellation)
    {
        if (erasing is { Customer.Key: var key, Kind: ErasureKind.Erase })
        {
            erasing.Count("memberships", await db.Memberships.LongCountAsync(m => m.CustomerKey == key, cancellation));
        }
    }
}
