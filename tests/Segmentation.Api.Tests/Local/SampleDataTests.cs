using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Endpoints.OpenApi;
using Segmentation.Api.Events;
using Segmentation.Api.History;
using Segmentation.Api.Memberships;
using Segmentation.Api.Predictions;
using Segmentation.Api.Segments;
using Segmentation.Local;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Tests.Local;

public sealed class SampleDataTests(TestDatabase databases) : IClassFixture<TestDatabase>
{
    // Each counter against what the events themselves add up to.
    private const string Wrong =
        """
        SELECT count(*)::integer AS "Value" FROM customers c LEFT JOIN (
            SELECT customer_key, count(*) AS events, min(occurred_at) AS first, max(occurred_at) AS last,
                count(*) FILTER (WHERE type = 'order_completed') AS orders,
                sum(amount) FILTER (WHERE type = 'order_completed') AS amount,
                sum(abs(amount)) FILTER (WHERE type = 'order_refunded') AS refunded,
                min(occurred_at) FILTER (WHERE type = 'order_completed') AS first_order,
                max(occurred_at) FILTER (WHERE type = 'order_completed') AS last_order,
                max(occurred_at) FILTER (WHERE type = 'feedback') AS last_feedback
            FROM events GROUP BY customer_key) e ON e.customer_key = c.key
        WHERE c.event_count <> coalesce(e.events, 0)
            OR c.first_event_at IS DISTINCT FROM e.first OR c.last_event_at IS DISTINCT FROM e.last
            OR c.order_count <> coalesce(e.orders, 0) OR c.order_amount <> coalesce(e.amount, 0)
            OR c.lifetime_value <> coalesce(e.amount, 0) - coalesce(e.refunded, 0)
            OR c.first_order_at IS DISTINCT FROM e.first_order OR c.last_order_at IS DISTINCT FROM e.last_order
            OR c.last_feedback_at IS DISTINCT FROM e.last_feedback
            OR c.first_seen_at > e.first OR c.last_seen_at IS DISTINCT FROM e.last
        """;

    private static readonly string WrongSentiment =
        $"""
        SELECT count(*)::integer AS "Value" FROM customers c
        LEFT JOIN ({RecentSentiment.Sql("SELECT customer_key, occurred_at, sentiment FROM events WHERE sentiment IS NOT NULL")}) r
            ON r.customer_key = c.key
        WHERE c.sentiment_at1 IS DISTINCT FROM r.at1 OR c.sentiment_mean1 IS DISTINCT FROM r.mean1
            OR c.sentiment_at5 IS DISTINCT FROM r.at5 OR c.sentiment_mean5 IS DISTINCT FROM r.mean5
        """;

    [Fact]
    public async Task Load_Twice_LoadsOnceWithRightCounters()
    {
        var connectionString = await databases.CreateDatabaseAsync();
        await using var db = await MigratedAsync(connectionString);
        List<string> said = [];
        Assert.True(await LoadAsync(db, said.Add));

        Assert.Contains("Sample: 120,000 of 200,000 events", said);
        Assert.Equal((SampleData.Customers, SampleData.Events, 18, 18), (
            await db.Customers.CountAsync(),
            await db.Events.CountAsync(e => e.Type != "content_clicked"),
            await db.Segments.CountAsync(),
            await db.SegmentVersions.CountAsync()));
        Assert.Equal(SampleData.Customers, (await db.CustomerTotals.SingleAsync()).Customers);
        Assert.Equal(0, await db.Database.SqlQueryRaw<int>(Wrong).SingleAsync());
        Assert.Equal(0, await db.Database.SqlQueryRaw<int>(WrongSentiment).SingleAsync());
        Assert.Equal(["feedback", "lifetimeValue", "orders-again"], await db.ModelVersions.Select(v => v.ModelKey).Order().ToListAsync());
        Assert.True(await db.Database.SqlQuery<float>(
            $"SELECT min(reltuples) AS \"Value\" FROM pg_class WHERE relname IN ('customers', 'events')").SingleAsync() > 0);

        var query = new SegmentQuery(db, Definitions(), TimeProvider.System);
        foreach (var sample in ExampleSegments.All)
        {
            var (all, segment) = await query.FindAsync(sample.Key, default);
            Assert.InRange((await query.CountAsync(query.CreatePredicate(all, segment, null), default)).Share, 0.005m, 0.8m);
        }

        Assert.False(await LoadAsync(db));
        Assert.Equal(SampleData.Events, await db.Events.CountAsync(e => e.Type != "content_clicked"));
    }

    [Fact]
    public async Task Load_Past_IsWhatAsOfSays()
    {
        await using var db = await MigratedAsync(await databases.CreateDatabaseAsync());
        Assert.True(await LoadAsync(db));
        var query = new SegmentQuery(db, Definitions(), TimeProvider.System);
        var trends = new TrendReader(db, TimeProvider.System);
        var random = new Random(16);
        var since = (await db.Segments.FirstAsync()).CreatedAt;
        var now = DateTimeOffset.UtcNow;
        Assert.Equal(SampleGenerator.Days, (int)(now - since).TotalDays);
        foreach (var key in ExampleSegments.All.Select(s => s.Key))
        {
            var (all, segment) = await query.FindAsync(key, default);
            var month = await trends.ReadAsync(segment, since, now, CalendarUnit.Month, default);
            Assert.Equal(since, month.HistorySince);

            // Ends of days by the segment's clock, and any instants, which no event shares: those are at whole seconds. Where customers
            // are compared with each other, the past is by days.
            var ends = month.Items.SkipLast(1).Select(i => i.End).Where((_, i) => i % 4 == 1);
            var some = Enumerable.Range(0, 4).Select(_ => since.AddSeconds(Math.Floor(random.NextDouble() * 86_400 * 729) + 0.5));
            foreach (var at in key == "top-decile" ? ends : ends.Concat(some))
            {
                var trend = await trends.ReadAsync(segment, at.AddDays(-1), at, CalendarUnit.Day, default);
                var count = (await query.CountAsync(query.CreatePredicate(all, segment, at), default)).Count;
                Assert.True(count == trend.Items[^1].Size, $"{key} at {at:O}: {count} by asOf, {trend.Items[^1].Size} stored.");
            }

            var live = await query.Members(query.CreatePredicate(all, segment, since.AddDays(400))).Select(c => c.Key).ToListAsync();
            Assert.Equal(live.Order(), await db.Database.SqlQuery<long>($"""
                SELECT m.customer_key AS "Value" FROM memberships m JOIN membership_batches j ON j.id = m.joined_batch
                LEFT JOIN membership_batches l ON l.id = m.left_batch
                WHERE m.segment_id = {segment.Id} AND j.at < {since.AddDays(400)} AND (l.at IS NULL OR l.at >= {since.AddDays(400)})
                ORDER BY 1
                """).ToListAsync());
        }

        // What the maintainer goes on from is as it would have left it.
        Assert.Equal(0, await db.Database.SqlQueryRaw<int>(
            """
            SELECT (
                    SELECT count(*) FROM (SELECT at, lag(at) OVER (ORDER BY id) AS before FROM membership_batches) b WHERE at < before
                )::integer
                + (SELECT count(*) FROM membership_batches b WHERE joined + "left" = 0 OR (joined, "left") <> (
                    (SELECT count(*) FROM memberships m WHERE m.segment_id = b.segment_id AND m.joined_batch = b.id),
                    (SELECT count(*) FROM memberships m WHERE m.segment_id = b.segment_id AND m.left_batch = b.id)))::integer
                + (SELECT count(*) FROM membership_states s WHERE status <> 'Ready' OR size <> (
                    SELECT size FROM membership_batches b WHERE b.segment_id = s.segment_id ORDER BY id DESC LIMIT 1))::integer
                + (SELECT count(*) FROM memberships WHERE left_batch <= joined_batch)::integer
                + (SELECT count(*) FROM membership_batches WHERE id >= nextval(pg_get_serial_sequence('membership_batches', 'id')))::integer
                AS "Value"
            """).SingleAsync());
    }

    [Fact]
    public async Task Load_WhereMembersAreStored_BeginsNow()
    {
        await using var db = await MigratedAsync(await databases.CreateDatabaseAsync());
        await db.Database.ExecuteSqlAsync($"""
            INSERT INTO membership_batches (segment_id, at, version, joined, "left", size) VALUES (1, now(), 1, 1, 0, 1)
            """);
        Assert.True(await LoadAsync(db));
        Assert.Equal(0, await db.Memberships.CountAsync());
        Assert.All(await db.Segments.Select(s => s.CreatedAt).ToListAsync(), at => Assert.True(at > DateTimeOffset.UtcNow.AddDays(-1)));
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

    // As the service does, which does not run meanwhile.
    private static async Task<bool> LoadAsync(SegmentationDb db, Action<string>? say = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.AddSegmentation(db.Database.GetConnectionString()!);
        await using var app = builder.Build();
        await using var scope = app.Services.CreateAsyncScope();
        return await ActivatorUtilities.CreateInstance<SampleData>(
            scope.ServiceProvider, new OwnerConnection(db.Database.GetConnectionString()!)).LoadAsync(say: say);
    }

    private static async Task<SegmentationDb> MigratedAsync(string connectionString)
    {
        var db = new SegmentationDb(new DbContextOptionsBuilder<SegmentationDb>()
            .UseNpgsql(connectionString).ConfigureWarnings(TestDatabase.ManyHosts).Options);
        await db.Database.MigrateAsync();
        return db;
    }

    private static DefinitionCache Definitions() =>
        new(new CustomerFields(new RevenueOptions(), new FeedbackOptions()), new RuleLimits(), new ScoreSources());
}
