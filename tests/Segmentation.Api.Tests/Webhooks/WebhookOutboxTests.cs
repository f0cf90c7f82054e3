using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Changes;
using Segmentation.Api.Webhooks;

namespace Segmentation.Api.Tests.Webhooks;

public sealed class WebhookOutboxTests(WebhookWorld world) : IClassFixture<WebhookWorld>, IAsyncLifetime
{
    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() =>
        await MembershipSql.RunAsync(world.Database, "DELETE FROM webhooks; DELETE FROM webhook_deliveries");

    [Fact]
    public async Task Write_JoinedAndLeft_ReachTheWebhooksOfTheSegment()
    {
        var at = new DateTimeOffset(2026, 5, 1, 10, 0, 0, TimeSpan.Zero);
        var (a, b) = (await world.SegmentAsync("outbox-a"), await world.SegmentAsync("outbox-b"));
        var key = await MembershipSql.CustomersAsync(world.Database, "outbox", 3);
        await MembershipSql.ChangeAsync(world.Database, a, [key], []); // Before there was a webhook.
        var (all, one, off) = (
            await world.WebhookAsync("https://x.example"),
            await world.WebhookAsync("https://y.example", "{outbox-b,gone}"),
            await world.WebhookAsync("https://z.example", enabled: false));
        await ChangeAsync(a, [key + 1, key + 2], [key], at);
        await ChangeAsync(b, [key], [], at.AddSeconds(1));

        await using var db = world.Context();
        var rows = await db.WebhookDeliveries.OrderBy(d => d.Id).ToListAsync();
        Assert.Equal(
            [(all, "outbox-a", "outbox-1", false), (all, "outbox-a", "outbox-2", true), (all, "outbox-a", "outbox-3", true)],
            rows.Where(r => r.SegmentKey == "outbox-a").Select(r => (r.WebhookKey, r.SegmentKey, r.CustomerId, r.Joined)));
        Assert.Equal(new[] { all, one }.Order(), rows.Where(r => r.SegmentKey == "outbox-b").Select(r => r.WebhookKey).Order());
        Assert.DoesNotContain(rows, r => r.WebhookKey == off);
        var (left, joined) = (rows[0], rows[1]);
        Assert.Equal(
            (MembershipCause.Time, null, 7, "Name of outbox-a", at, at, at),
            (left.Cause, left.EventId, left.SegmentVersion, left.SegmentName, left.At, left.QueuedAt, left.NextAttemptAt!.Value));
        Assert.Equal((MembershipCause.Event, $"e-{key + 1}"), (joined.Cause, joined.EventId));
        Assert.Equal(rows.Count, rows.Select(r => r.MessageId).Distinct().Count());

        // What is queued outlives the customer and the segment.
        await MembershipSql.RunAsync(
            world.Database, $"DELETE FROM customers WHERE key >= {key}; DELETE FROM segments WHERE id IN ({a}, {b})");
        Assert.Equal(5, await db.WebhookDeliveries.CountAsync(d => d.CustomerId!.StartsWith("outbox-")));
    }

    [Fact]
    public async Task Write_RolledBack_LeavesNoMessage()
    {
        var segment = await world.SegmentAsync();
        var key = await MembershipSql.CustomersAsync(world.Database, "undone", 1);
        await world.WebhookAsync("https://x.example");
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            MembershipSql.ChangeAsync(world.Database, segment, [key], [], also: async (connection, transaction, revision) =>
            {
                await new WebhookOutbox().RevisionsWrittenAsync(connection, transaction, revision, revision, CancellationToken.None);
                throw new InvalidOperationException();
            }));
        await using var db = world.Context();
        Assert.False(await db.WebhookDeliveries.AnyAsync());
    }

    [Fact]
    public async Task WriteErased_Customer_LeavesAllItIsIn()
    {
        var (a, b) = (await world.SegmentAsync(), await world.SegmentAsync());
        await world.WebhookAsync("https://x.example");
        foreach (var segment in new[] { a, b })
        {
            var revision = await MembershipSql.ChangeAsync(world.Database, segment, [], []);
            await MembershipSql.RunAsync(world.Database, $"""
                INSERT INTO erased_members (segment_id, left_batch, customer_key, customer_id, at)
                VALUES ({segment}, {revision}, 1234567, 'erased-1', now()), ({segment}, {revision - 1}, 1234567, 'erased-before', now())
                """);
            await WriteAsync(revision);
        }

        await using var db = world.Context();
        var rows = await db.WebhookDeliveries.OrderBy(d => d.Id).ToListAsync();
        Assert.Equal(2, rows.Count);
        Assert.All(rows, r => Assert.Equal(
            ("erased-1", false, MembershipCause.Erased, null, rows[0].OrderKey), (r.CustomerId, r.Joined, r.Cause, r.EventId, r.OrderKey)));
    }

    [Fact]
    public async Task Forget_Erased_OnlyThatItLeftIsLeft()
    {
        var segment = await world.SegmentAsync();
        var key = await MembershipSql.CustomersAsync(world.Database, "forget", 2);
        var hook = await world.WebhookAsync("https://x.example");
        var at = DateTimeOffset.UtcNow;
        await ChangeAsync(segment, [key, key + 1], [], at);
        await ChangeAsync(segment, [], [key, key + 1], at);
        await MembershipSql.RunAsync(world.Database, $"UPDATE webhook_deliveries SET state = 1 + id % 2 WHERE joined");
        await ChangeAsync(segment, [key, key + 1], [], at);
        await ChangeAsync(segment, [], [key], at);
        await ChangeAsync(segment, [key], [], at);
        await EraseAsync(key);
        await ForgetAsync("forget-1");

        await using var db = world.Context();
        var rows = await db.WebhookDeliveries.Where(d => d.WebhookKey == hook).OrderBy(d => d.Id).ToListAsync();
        var left = Assert.Single(rows, r => r.CustomerId == "forget-1");
        Assert.Equal((false, MembershipCause.Erased, DeliveryState.Pending), (left.Joined, left.Cause, left.State));
        Assert.Equal([true, false, true], rows.Where(r => r.CustomerId == "forget-2").Select(r => r.Joined));
    }

    [Fact]
    public async Task Forget_ErasedWhoseIdAnotherHas_LeavesWhatIsAboutThatOne()
    {
        var segment = await world.SegmentAsync();
        var old = await MembershipSql.CustomersAsync(world.Database, "again", 1);
        var hook = await world.WebhookAsync("https://x.example");
        var at = DateTimeOffset.UtcNow;
        await ChangeAsync(segment, [old], [], at);
        await EraseAsync(old);

        // The erasure waits; meanwhile one with the same id has joined, left and joined, of which the first is told.
        var key = await MembershipSql.CustomersAsync(world.Database, "again", 1);
        await ChangeAsync(segment, [key], [], at.AddSeconds(1));
        await MembershipSql.RunAsync(
            world.Database, "UPDATE webhook_deliveries SET state = 1 WHERE id = (SELECT max(id) FROM webhook_deliveries)");
        await ChangeAsync(segment, [], [key], at.AddSeconds(2));
        await ChangeAsync(segment, [key], [], at.AddSeconds(3));
        await ForgetAsync("again-1");

        await using var db = world.Context();
        var rows = await db.WebhookDeliveries.Where(d => d.WebhookKey == hook).OrderBy(d => d.Id).ToListAsync();
        Assert.Equal([1, 2, 3], rows.Select(r => (int)Math.Round((r.At - at).TotalSeconds)));
        Assert.Equal([DeliveryState.Delivered, DeliveryState.Pending, DeliveryState.Pending], rows.Select(r => r.State));
        Assert.DoesNotContain(rows, r => r.Cause == MembershipCause.Erased);
    }

    [Fact]
    public async Task WriteDeleted_Segment_TakesThePlaceOfWhatIsNotSent()
    {
        var segment = await world.SegmentAsync("outbox-gone");
        var other = await world.SegmentAsync("outbox-stays");
        var key = await MembershipSql.CustomersAsync(world.Database, "gone", 2);
        var (all, one, off) = (
            await world.WebhookAsync("https://x.example"),
            await world.WebhookAsync("https://y.example", "{outbox-gone}"),
            await world.WebhookAsync("https://z.example", "{outbox-stays}"));
        await ChangeAsync(segment, [key, key + 1], [], DateTimeOffset.UtcNow);
        await ChangeAsync(other, [key], [], DateTimeOffset.UtcNow);
        await MembershipSql.RunAsync(world.Database, $"UPDATE webhook_deliveries SET state = 1 WHERE customer_id = 'gone-2'");
        await MembershipSql.RunAsync(world.Database, $"""
            UPDATE webhook_deliveries SET joined = false, cause = 8, customer_id = 'erased'
            WHERE webhook_key = {one} AND segment_key = 'outbox-gone' AND customer_id = 'gone-1'
            """);
        var at = new DateTimeOffset(2027, 1, 2, 3, 4, 5, TimeSpan.Zero);
        var revision = await MembershipSql.ChangeAsync(world.Database, segment, [], [key, key + 1], at);
        await MembershipSql.RunAsync(world.Database, $"""
            DELETE FROM segments WHERE id = {segment};
            INSERT INTO deleted_segments (segment_id, key, name, version, batch) VALUES ({segment}, 'outbox-gone', 'Gone', 4, {revision})
            """);
        await using (var connection = await world.Database.OpenConnectionAsync())
        {
            await using var transaction = await connection.BeginTransactionAsync();
            await new WebhookOutbox().SegmentDeletedAsync(connection, transaction, segment, CancellationToken.None);
            await transaction.CommitAsync();
        }

        await using var db = world.Context();
        var rows = await db.WebhookDeliveries.OrderBy(d => d.Id).ToListAsync();
        var ends = rows.Where(r => r.CustomerId is null).ToList();
        Assert.Equal(new[] { all, one }.Order(), ends.Select(r => r.WebhookKey).Order());
        Assert.All(ends, r => Assert.Equal(("outbox-gone", "Gone", 4, at, at, (DateTimeOffset?)at, false), (
            r.SegmentKey, r.SegmentName, r.SegmentVersion, r.At, r.QueuedAt, r.NextAttemptAt, r.Joined)));
        Assert.DoesNotContain(rows, r => r is { SegmentKey: "outbox-gone", CustomerId: "gone-1" });
        Assert.Equal(DeliveryState.Pending, Assert.Single(rows, r => r.CustomerId == "erased").State);
        Assert.Equal(new[] { all, off }.Order(), rows.Where(r => r.SegmentKey == "outbox-stays").Select(r => r.WebhookKey).Order());
        Assert.Equal(2, rows.Count(r => r.CustomerId == "gone-2"));
    }

    [Fact]
    public async Task Write_HundredThousand_OnlyForTheWebhooksOfTheSegment()
    {
        const int Count = 100_000;
        var segment = await world.SegmentAsync("outbox-large");
        var key = await MembershipSql.CustomersAsync(world.Database, "large", Count);
        var keys = Enumerable.Range(0, Count).Select(n => key + n).ToArray();
        var revision = await MembershipSql.ChangeAsync(world.Database, segment, keys, []);
        await WriteAsync(revision);
        await world.WebhookAsync("https://x.example", enabled: false);
        await world.WebhookAsync("https://x.example", "{other}");
        await WriteAsync(revision);
        await using var db = world.Context();
        Assert.False(await db.WebhookDeliveries.AnyAsync());

        await world.WebhookAsync("https://x.example", "{outbox-large}");
        await WriteAsync(revision);
        Assert.Equal(Count, await db.WebhookDeliveries.CountAsync());
    }

    private Task EraseAsync(long key) => MembershipSql.RunAsync(
        world.Database, $"DELETE FROM memberships WHERE customer_key = {key}; DELETE FROM customers WHERE key = {key}");

    private async Task ForgetAsync(string id)
    {
        await using var connection = await world.Database.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await new WebhookOutbox().CustomersErasedAsync(connection, transaction, [id], CancellationToken.None);
        await transaction.CommitAsync();
    }

    private Task<long> ChangeAsync(int segment, long[] join, long[] leave, DateTimeOffset at) => MembershipSql.ChangeAsync(
        world.Database, segment, join, leave, at, (connection, transaction, revision) =>
            new WebhookOutbox().RevisionsWrittenAsync(connection, transaction, revision, revision, CancellationToken.None));

    private async Task WriteAsync(long revision)
    {
        await using var connection = await world.Database.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await new WebhookOutbox().RevisionsWrittenAsync(connection, transaction, revision, revision, CancellationToken.None);
        await transaction.CommitAsync();
    }
}
