using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;

namespace Segmentation.Api.Memberships;

/// <summary>Counts an erased customer's times in segments. The leader deletes them as it reads the change log, and says who left.</summary>
internal sealed class MembershipErasure(SegmentationDb db) : IErasureObserver
{
    public async Task EraseAsync(Erasing erasing, CancellationToken cancellation)
    {
        if (erasing.Customer is { Key: var key })
        {
            erasing.Count("memberships", await db.Memberships.LongCountAsync(m => m.CustomerKey == key, cancellation));
        }
    }
}
