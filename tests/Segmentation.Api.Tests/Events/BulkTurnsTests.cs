using System.Diagnostics;
using Segmentation.Api.Events;

namespace Segmentation.Api.Tests.Events;

public sealed class BulkTurnsTests
{
    [Fact]
    public async Task Take_ManyAtOnce_OneAfterTheOther()
    {
        using var turns = new BulkTurns();
        var (now, most) = (0, 0);
        var results = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => turns.TakeAsync(async () =>
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
    public async Task Take_AfterAnother_PausesForThreeTenthsOfItsTime()
    {
        using var turns = new BulkTurns();
        await turns.TakeAsync(async () =>
        {
            await Task.Delay(400);
            return 0;
        }, default);
        var began = Stopwatch.GetTimestamp();
        var waited = await turns.TakeAsync(() => Task.FromResult(Stopwatch.GetElapsedTime(began)), default);
        Assert.True(waited > TimeSpan.FromMilliseconds(110), $"{waited}");
    }

    [Fact]
    public async Task Take_AfterOneThatFailedOrWasCancelled_HasItsTurn()
    {
        using var turns = new BulkTurns();
        await Assert.ThrowsAsync<InvalidOperationException>(() => turns.TakeAsync<int>(() => throw new InvalidOperationException(), default));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => turns.TakeAsync(() => Task.FromResult(0), new CancellationToken(true)));
        Assert.Equal(5, await turns.TakeAsync(() => Task.FromResult(5), default));
    }
}
