using System.Diagnostics;

namespace Segmentation.Api.Events;

/// <summary>
/// Holds events in bulk back while membership is behind: one batch at a time in this process, each when no more than
/// <see cref="BacklogLimit"/> customers wait for their evaluation. Otherwise events of now would wait for their membership until all that
/// came in bulk had been evaluated.
/// </summary>
public sealed class IngestThrottle : IDisposable
{
    /// <summary>
    /// While no more customers than these wait for their evaluation, bulk need not wait. That is how late events of now may be beside bulk:
    /// 20,000 are evaluated in two to four seconds.
    /// </summary>
    public const int BacklogLimit = 20_000;

    // There may be nobody who evaluates; and what is evaluated very slowly piles up, until building segments anew is cheaper.
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(20);

    private readonly SemaphoreSlim oneAtATime = new(1);

    /// <summary>Stores a batch once the backlog is below its limit, or a second after the batch before.</summary>
    /// <param name="countBacklog">How many customers wait for their evaluation now.</param>
    public async Task<T> RunAsync<T>(Func<Task<int>> countBacklog, Func<Task<T>> store, CancellationToken cancellation)
    {
        if (await countBacklog() <= BacklogLimit)
        {
            return await store();
        }

        await oneAtATime.WaitAsync(cancellation);
        try
        {
            var began = Stopwatch.GetTimestamp();
            while (await countBacklog() > BacklogLimit && Stopwatch.GetElapsedTime(began) < MaxWait)
            {
                await Task.Delay(PollInterval, cancellation);
            }

            return await store();
        }
        finally
        {
            oneAtATime.Release();
        }
    }

    public void Dispose() => oneAtATime.Dispose();
}
