using Segmentation.Api.Webhooks;

namespace Segmentation.Api.Tests.Webhooks;

public sealed class DeliverySlotsTests
{
    private readonly DeliverySlots slots = new();

    [Fact]
    public async Task Take_SharedAreGone_EachHasItsOwnAndFreedOnesGoToWhoHasTheFewest()
    {
        var greedy = await TakeAsync(1, 1 + DeliverySlots.Shared);
        var more = slots.TakeAsync(1, CancellationToken.None);
        Assert.False(more.IsCompleted);

        // The others' own are there all the same; for a second they wait, and before the one that has waited longest but has most.
        var two = await TakeAsync(2, 1);
        var three = await TakeAsync(3, 1);
        var waiting = new[] { 2, 3, 2 }.Select(w => slots.TakeAsync(w, CancellationToken.None)).ToArray();
        Assert.All(waiting, w => Assert.False(w.IsCompleted));
        for (var i = 0; i < waiting.Length; i++)
        {
            greedy[i].Dispose();
            await waiting[i];
        }

        Assert.False(more.IsCompleted);
        greedy[3].Dispose();
        await more;
        greedy[3].Dispose(); // Once is enough.
        Assert.False(slots.TakeAsync(1, CancellationToken.None).IsCompleted);
        Assert.Equal(2, two.Count + three.Count);
    }

    [Fact]
    public async Task Take_CancelledWhileItWaits_TakesNone()
    {
        var held = await TakeAsync(1, 1 + DeliverySlots.Shared);
        using var cancel = new CancellationTokenSource();
        var cancelled = slots.TakeAsync(1, cancel.Token);
        var next = slots.TakeAsync(1, CancellationToken.None);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        held[0].Dispose();
        (await next).Dispose();
        held.ForEach(h => h.Dispose());

        // All are back.
        var again = await TakeAsync(7, 1 + DeliverySlots.Shared);
        Assert.False(slots.TakeAsync(7, CancellationToken.None).IsCompleted);
        Assert.Equal(1 + DeliverySlots.Shared, again.Count);
    }

    [Theory]
    [InlineData(1, 16)]
    [InlineData(5, 16)]
    [InlineData(5.1, 8)]
    [InlineData(15, 8)]
    public void Capacity_SlowAnswers_IsHalf(double seconds, int capacity)
    {
        var health = new ReceiverHealth();
        var now = DateTimeOffset.UnixEpoch;
        Assert.Equal(16, health.Capacity(now, 16));
        for (var i = 0; i < 5; i++)
        {
            health.Record(new WebhookOutcome(200, null, TimeSpan.FromSeconds(seconds)), now);
        }

        Assert.Equal((capacity, 1), (health.Capacity(now, 16), health.Capacity(now, 1)));

        // One slow answer among quick ones is none.
        var quick = new ReceiverHealth();
        quick.Record(new WebhookOutcome(200, null, TimeSpan.FromMilliseconds(20)), now);
        quick.Record(new WebhookOutcome(200, null, TimeSpan.FromSeconds(15)), now);
        Assert.Equal(16, quick.Capacity(now, 16));
    }

    private async Task<List<IDisposable>> TakeAsync(int webhook, int count)
    {
        List<IDisposable> taken = [];
        for (var i = 0; i < count; i++)
        {
            taken.Add(await slots.TakeAsync(webhook, CancellationToken.None));
        }

        return taken;
    }
}
