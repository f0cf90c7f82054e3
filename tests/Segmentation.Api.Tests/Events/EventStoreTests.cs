using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Events;
using Segmentation.Api.Tests.Segments;

namespace Segmentation.Api.Tests.Events;

/// <summary>When events in bulk give way to those whose membership waits.</summary>
public sealed class EventStoreTests(RuleWorld world) : IClassFixture<RuleWorld>
{
    private const string Kept = "INSERT INTO membership_states (segment_id, status, size, progress, failures, cancel_requested) VALUES (1, 'Ready', 0, 1, 0, false);";
    private const string Customers = "INSERT INTO membership_work (cause, keys, created) VALUES (1, '{1,2}', false);";
    private const string NewCustomers = "INSERT INTO membership_work (cause, keys, created) VALUES (1, '{1,2,3,4}', true);";
    private const string OfOneSegment = "INSERT INTO membership_work (cause, segment_id, keys, created) VALUES (1, 1, '{1,2,3,4}', false);";
    private const string WholeSegment = "INSERT INTO membership_work (cause, segment_id, created) VALUES (1, 1, false);";

    [Theory]
    [InlineData(0, "")]
    [InlineData(0, Kept)]
    [InlineData(0, Customers + Customers)]
    [InlineData(2, Kept + Customers)]
    [InlineData(2, Kept + Customers + NewCustomers + OfOneSegment + WholeSegment)]
    [InlineData(4, Kept + Customers + Customers)]
    public async Task CountWaiting_OnlyWhereMembershipIsKept(int waiting, string sql)
    {
        await using var db = world.NewDb();
        await using var transaction = await db.Database.BeginTransactionAsync();
        if (sql.Length > 0)
        {
            await db.Database.ExecuteSqlRawAsync(sql.Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal));
        }

        Assert.Equal(waiting, await new EventStore(db, new RevenueOptions(), TimeProvider.System).CountWaitingAsync(default));
    }
}
