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
        Assert.Equal(5, await db.WebhookDeliveries.CountAsync(d => d.CustomerId.StartsWith("outbox-")));
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
        var key = await MembershipSql.CustomersAsync(world.Database, "erased", 2);
        await MembershipSql.ChangeAsync(world.Database, a, [key, key + 1], []);
        await MembershipSql.ChangeAsync(world.Database, b, [key], []);
        await MembershipSql.ChangeAsync(world.Database, b, [], [key]);
        await world.WebhookAsync("https://x.example");
        await using var connection = await world.Database.OpenConnectionAsync();
        await using (var transaction = await connection.BeginTransactionAsync())
        {
            await new WebhookOutbox().ErasingAsync(connection, transaction, key, DateTimeOffset.UtcNow, CancellationToken.None);
            await transaction.CommitAsync();
        }

        await using var db = world.Context();
        var row = Assert.Single(await db.WebhookDeliveries.ToListAsync());
        Assert.Equal(("erased-1", false, MembershipCause.Erased), (row.CustomerId, row.Joined, row.Cause));
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
