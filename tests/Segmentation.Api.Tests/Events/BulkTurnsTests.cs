using System.Diagnostics;
using Segmentation.Api.Events;

namespace Segmentation.Api.Tests.Events;

public sealed class BulkTurnsTests : IDisposable
{
    private const int Behind = BulkTurns.Behind;

    private readonly BulkTurns turns = new();
    private int waiting;
    private int asked;

    [Fact]
    public async Task Take_ManyAtOnce_OneAfterTheOther()
    {
        var (now, most) = (0, 0);
        var results = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => turns.TakeAsync(1, CountAsync, async () =>
        {
            most = Math.Max(most, Interlocked.Increment(ref now));
            await Task.Delay(1);
            Interlocked.Decrement(ref now);
            return i;
        }, default)));
        Assert.Equal((1, 0), (most, now));
        Assert.Equal(Enumerable.Range(0, 20), results);
    }

    [Fact]
    public async Task Take_WhileFewWait_AtOnce()
    {
        waiting = Behind - 1000;
        await StoreAsync(1000);
        await StoreAsync(1000);
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task Take_WhileManyWait_InProportionToThoseLookedAt()
    {
        waiting = 10 * Behind;
        await turns.TakeAsync(1, CountAsync, () => Task.FromResult(0), default); // After a second: nobody looks.
        var (looked, stored) = (0, 0);
        while (stored < 4 * Behind)
        {
            var next = StoreAsync(1000);
            while (!next.IsCompleted)
            {
                waiting -= 100;
                looked += 100;
                await Task.WhenAny(next, Task.Delay(5));
            }

            await next;
            stored += 1000;
        }

        // What is looked at between two questions is known to the next: some hundreds.
        Assert.InRange(looked * BulkTurns.Share, 4 * Behind, 8 * Behind);
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
        await Assert.ThrowsAsync<InvalidOperationException>(() => turns.TakeAsync<int>(1, CountAsync, () => throw new InvalidOperationException(), default));
        await Assert.ThrowsAsync<InvalidOperationException>(() => turns.TakeAsync(1, () => throw new InvalidOperationException(), () => Task.FromResult(0), default));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => turns.TakeAsync(1, CountAsync, () => Task.FromResult(0), new CancellationToken(true)));
        Assert.Equal(5, await turns.TakeAsync(1, CountAsync, () => Task.FromResult(5), default));
    }

    public void Dispose() => turns.Dispose();

    private Task<int> StoreAsync(int customers) => turns.TakeAsync(customers, CountAsync, () => Task.FromResult(waiting += customers), default);

    private Task<int> CountAsync()
    {
        asked++;
        return Task.FromResult(waiting);
    }
}
