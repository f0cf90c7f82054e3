using System.Diagnostics;

namespace Segmentation.Api.Events;

/// <summary>
/// Where bulk waits for its turn while membership is behind: one batch at a time in this process, each when no more than <see cref="Behind"/> customers
/// wait to be looked at. Events of now would else wait for their membership until all that was brought in bulk has been looked at.
/// </summary>
public sealed class IngestThrottle : IDisposable
{
    /// <summary>
    /// While no more customers than these wait to be looked at, bulk need not wait. That is how late events of now may be beside bulk: 20,000 are looked at
    /// in two to four seconds.
    /// </summary>
    public const int Behind = 20_000;

    // Nobody may be there to look; and what is looked at very slowly piles up, until building segments anew is cheaper.
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Asked = TimeSpan.FromMilliseconds(20);

    private readonly SemaphoreSlim turn = new(1);

    /// <summary>Stores a batch when its turn has come, after a second at the latest.</summary>
    /// <param name="countWaiting">How many customers wait to be looked at now.</param>
    public async Task<T> TakeAsync<T>(Func<Task<int>> countWaiting, Func<Task<T>> store, CancellationToken cancellation)
    {
        if (await countWaiting() <= Behind)
        {
            return await store();
        }

        await turn.WaitAsync(cancellation);
        try
        {
            var began = Stopwatch.GetTimestamp();
            while (await countWaiting() > Behind && Stopwatch.GetElapsedTime(began) < Most)
            {
                await Task.Delay(Asked, cancellation);
            }

            return await store();
        }
        finally
        {
            turn.Release();
        }
    }

    public void Dispose() => turn.Dispose();
}
