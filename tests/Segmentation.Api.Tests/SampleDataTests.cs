using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Sample;
using Segmentation.Api.Segments;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Tests;

public sealed class SampleDataTests(TestDatabase databases) : IClassFixture<TestDatabase>
{
    // What rules.md says of each counter, asked of the events themselves.
    private const string Wrong =
        """
        SELECT count(*)::integer AS "Value" FROM customers c LEFT JOIN (
            SELECT customer_key, count(*) AS events, min(occurred_at) AS first, max(occurred_at) AS last,
                count(*) FILTER (WHERE type = 'order_completed') AS orders,
                sum(amount) FILTER (WHERE type = 'order_completed') AS amount,
                sum(abs(amount)) FILTER (WHERE type = 'order_refunded') AS refunded,
                min(occurred_at) FILTER (WHERE type = 'order_completed') AS first_order,
                max(occurred_at) FILTER (WHERE type = 'order_completed') AS last_order
            FROM events GROUP BY customer_key) e ON e.customer_key = c.key
        WHERE c.event_count <> coalesce(e.events, 0)
            OR c.first_event_at IS DISTINCT FROM e.first OR c.last_event_at IS DISTINCT FROM e.last
            OR c.order_count <> coalesce(e.orders, 0) OR c.order_amount <> coalesce(e.amount, 0)
            OR c.lifetime_value <> coalesce(e.amount, 0) - coalesce(e.refunded, 0)
            OR c.first_order_at IS DISTINCT FROM e.first_order OR c.last_order_at IS DISTINCT FROM e.last_order
            OR c.first_seen_at > e.first OR c.last_seen_at IS DISTINCT FROM e.last
        """;

    [Fact]
    public async Task Load_Twice_LoadsOnceWithRightCounters()
    {
        var connectionString = await databases.CreateDatabaseAsync();
        await using var db = await MigratedAsync(connectionString);
        Assert.True(await LoadAsync(db));

        Assert.Equal((SampleData.Customers, SampleData.Events, 12, 12), (await db.Customers.CountAsync(), await db.Events.CountAsync(), await db.Segments.CountAsync(), await db.SegmentVersions.CountAsync()));
        Assert.Equal(SampleData.Customers, (await db.CustomerTotals.SingleAsync()).Customers);
        Assert.Equal(0, await db.Database.SqlQueryRaw<int>(Wrong).SingleAsync());
        Assert.True(await db.Database.SqlQuery<float>($"SELECT min(reltuples) AS \"Value\" FROM pg_class WHERE relname IN ('customers', 'events')").SingleAsync() > 0);

        var query = new SegmentQuery(db, new DefinitionCache(new CustomerFields(new RevenueOptions()), new RuleLimits()), TimeProvider.System);
        foreach (var sample in SampleSegments.All)
        {
            var (all, segment) = await query.FindAsync(sample.Key, default);
            Assert.InRange((await query.CountAsync(query.CreatePredicate(all, segment, null), default)).Share, 0.005m, 0.8m);
        }

        Assert.False(await LoadAsync(db));
        Assert.Equal(SampleData.Events, await db.Events.CountAsync());
    }

    [Fact]
    public async Task Load_SomethingElseUnderItsNames_ChangesNothing()
    {
        await using var db = await MigratedAsync(await databases.CreateDatabaseAsync());
        db.Attributes.Add(new CustomerAttribute { Name = "nps", Type = "text", Kind = "value" });
        await db.SaveChangesAsync();
        Assert.False(await LoadAsync(db));

        await db.Attributes.ExecuteDeleteAsync();
        db.Customers.Add(new Customer { Id = SampleGenerator.IdPrefix + "mine", Version = 1 });
        await db.SaveChangesAsync();
        Assert.False(await LoadAsync(db));

        Assert.Equal((1, 0, 0), (await db.Customers.CountAsync(), await db.Attributes.CountAsync(), await db.Segments.CountAsync()));
    }

    private static async Task<bool> LoadAsync(SegmentationDb db) =>
        await new SampleData(db, new RevenueOptions(), TimeProvider.System, NullLogger<SampleData>.Instance).LoadAsync();

    private static async Task<SegmentationDb> MigratedAsync(string connectionString)
    {
        var db = new SegmentationDb(new DbContextOptionsBuilder<SegmentationDb>()
            .UseNpgsql(connectionString).ConfigureWarnings(TestDatabase.ManyHosts).Options);
        await db.Database.MigrateAsync();
        return db;
    }
}
