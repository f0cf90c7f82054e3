using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using Segmentation.Api.Webhooks;

namespace Segmentation.Api.Tests.Webhooks;

/// <summary>How long messages are stored, by a clock of the test's own.</summary>
public sealed class WebhookRetentionTests(WebhookWorld world) : IClassFixture<WebhookWorld>, IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly WebhookRetention retention = new(world.Database, new WebhookOptions(), new FakeTimeProvider(Start));

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => MembershipSql.RunAsync(world.Database, "DELETE FROM webhooks; DELETE FROM webhook_deliveries");

    [Fact]
    public async Task Sweep_OldRows_GoByTheirState()
    {
        var hook = await world.WebhookAsync("https://receiver.example");
        async Task<long> Row(int customer, int state, int daysAgo, int? webhook = null)
        {
            var id = await world.QueueAsync(webhook ?? hook, customer, Start);
            await MembershipSql.RunAsync(world.Database, $"""
                UPDATE webhook_deliveries SET state = {state}, next_attempt_at = NULL, done_at = '{Start.AddDays(-daysAgo):O}'
                WHERE id = {id}
                """);
            return id;
        }

        long[] retained = [await Row(1, 1, 2), await Row(2, 2, 29)];
        _ = (await Row(3, 1, 4), await Row(4, 2, 31), await Row(5, 1, 0, webhook: int.MaxValue));
        await retention.SweepAsync([], CancellationToken.None);
        await using var db = world.Context();
        Assert.Equal(retained, await db.WebhookDeliveries.Select(d => d.Id).OrderBy(d => d).ToListAsync());
    }

    [Fact]
    public async Task Sweep_ErasedCustomers_AreForgottenOnceToldAndAfterADay()
    {
        var hook = await world.WebhookAsync("https://receiver.example");
        async Task<long> Row(int state, double hoursAgo, int cause)
        {
            var id = await world.QueueAsync(hook, 1, Start.AddHours(-hoursAgo), joined: false);
            await MembershipSql.RunAsync(world.Database, $"""
                UPDATE webhook_deliveries SET state = {state}, cause = {cause}, done_at = CASE WHEN {state} > 0 THEN queued_at END
                WHERE id = {id}
                """);
            return id;
        }

        long[] retained = [await Row(0, 23.9, 8), await Row(0, 23.9, 1), await Row(1, 2, 1), await Row(2, 25, 1)];
        _ = (await Row(0, 24.1, 8), await Row(1, 0.1, 8), await Row(2, 0.1, 8));
        await retention.SweepAsync([], CancellationToken.None);
        await using var db = world.Context();
        Assert.Equal(retained, await db.WebhookDeliveries.Select(d => d.Id).OrderBy(d => d).ToListAsync());
    }
}
