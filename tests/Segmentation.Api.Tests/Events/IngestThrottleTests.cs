using System.Diagnostics;
using Segmentation.Api.Events;

namespace Segmentation.Api.Tests.Events;

public sealed class IngestThrottleTests : IDisposable
{
    private const int Limit = IngestThrottle.BacklogLimit;

    private readonly IngestThrottle throttle = new();
    private int waiting;
    private int counted;

    // The count at which nearly all have been evaluated.
    private int? evaluatedAtCount;

    [Fact]
    public async Task Run_ManyAtOnceWhileManyWait_OneAfterTheOther()
    {
        waiting = Limit + 1;
        var (now, most) = (0, 0);
        var storing = Enumerable.Range(0, 20).Select(i => throttle.RunAsync(CountAsync, async () =>
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
    public async Task Run_WhileFewWait_AtOnce()
    {
        waiting = Limit;
        await StoreAsync(1000);
        Assert.Equal((1, Limit + 1000), (counted, waiting));
    }

    [Fact]
    public async Task Run_WhileManyWait_WhenNearlyAllWereEvaluated()
    {
        waiting = Limit + 1;
        evaluatedAtCount = 3;
        await StoreAsync(1000);
        Assert.Equal((3, Limit + 1000), (counted, waiting)); // It was stored after the first count that found few.
    }

    [Fact]
    public async Task Run_WhereNobodyEvaluates_AfterASecond()
    {
        waiting = 10 * Limit;
        var began = Stopwatch.GetTimestamp();
        await StoreAsync(1000);
        Assert.True(Stopwatch.GetElapsedTime(began) >= TimeSpan.FromSeconds(0.9));
    }

    [Fact]
    public async Task Run_AfterOneThatFailedOrWasCancelled_RunsNext()
    {
        waiting = Limit + 1;
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            throttle.RunAsync<int>(CountAsync, () => throw new InvalidOperationException(), default));
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            throttle.RunAsync(() => throw new InvalidOperationException(), () => Task.FromResult(0), default));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            throttle.RunAsync(CountAsync, () => Task.FromResult(0), new CancellationToken(true)));
        Assert.Equal(5, await throttle.RunAsync(CountAsync, () => Task.FromResult(5), default));
    }

    public void Dispose() => throttle.Dispose();

    private Task<int> StoreAsync(int customers) => throttle.RunAsync(CountAsync, () => Task.FromResult(waiting += customers), default);

    private Task<int> CountAsync()
    {
        counted++;
        waiting = counted == evaluatedAtCount ? Limit : waiting;
        return Task.FromResult(waiting);
    }
}
