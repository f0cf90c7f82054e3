using System.Diagnostics;
using Segmentation.Api.Events;

namespace Segmentation.Api.Tests.Events;

public sealed class IngestThrottleTests : IDisposable
{
    private const int Behind = IngestThrottle.Behind;

    private readonly IngestThrottle turns = new();
    private int waiting;
    private int asked;

    [Fact]
    public async Task Take_ManyAtOnceWhileManyWait_OneAfterTheOther()
    {
        waiting = Behind + 1;
        var (now, most) = (0, 0);
        var storing = Enumerable.Range(0, 20).Select(i => turns.TakeAsync(CountAsync, async () =>
        {
            most = Math.Max(most, Interlocked.Increment(ref now));
            await Task.Delay(1);
            Interlocked.Decrement(ref now);
            return i;
        }, default)).ToList();
        waiting = 0;
        Assert.Equal(Enumerable.Range(0, 20), await Task.WhenAll(storing));
        Assert.Equal((1, 0), (most, now));
    }

    [Fact]
    public async Task Take_WhileFewWait_AtOnce()
    {
        waiting = Behind;
        await StoreAsync(1000);
        Assert.Equal((1, Behind + 1000), (asked, waiting));
    }

    [Fact]
    public async Task Take_WhileManyWait_WhenNearlyAllWereLookedAt()
    {
        waiting = Behind + 1;
        var next = StoreAsync(1000);
        await Task.Delay(100);
        Assert.False(next.IsCompleted);
        waiting = Behind;
        await next;
        Assert.True(asked > 2, $"It was asked {asked} times.");
    }

    [Fact]
    public async Task Take_WhereNobodyLooks_AfterASecond()
    {
        waiting = 10 * Behind;
        var began = Stopwatch.GetTimestamp();
        await StoreAsync(1000);
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task Take_AfterOneThatFailedOrWasCancelled_HasItsTurn()
    {
        waiting = Behind + 1;
        await Assert.ThrowsAsync<InvalidOperationException>(() => turns.TakeAsync<int>(CountAsync, () => throw new InvalidOperationException(), default));
        await Assert.ThrowsAsync<InvalidOperationException>(() => turns.TakeAsync(() => throw new InvalidOperationException(), () => Task.FromResult(0), default));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => turns.TakeAsync(CountAsync, () => Task.FromResult(0), new CancellationToken(true)));
        Assert.Equal(5, await turns.TakeAsync(CountAsync, () => Task.FromResult(5), default));
    }

    public void Dispose() => turns.Dispose();

    private Task<int> StoreAsync(int customers) => turns.TakeAsync(CountAsync, () => Task.FromResult(waiting += customers), default);

    private Task<int> CountAsync()
    {
        asked++;
        return Task.FromResult(waiting);
    }
}
