using System.Diagnostics;

namespace Segmentation.Api.Events;

/// <summary>
/// Where bulk waits for its turn while membership is behind: one batch at a time in this process, and one and a half times as fast as customers are
/// looked at. Events of now would else wait for their membership until all that was brought in bulk has been looked at.
/// </summary>
public sealed class BulkTurns : IDisposable
{
    /// <summary>While no more customers than these wait to be looked at, bulk need not wait.</summary>
    public const int Behind = 5_000;

    /// <summary>
    /// So many may come for each that was looked at. At half of what comes in bulk, all are to be looked at as they come, with room to spare. Not fewer than
    /// are looked at: what is very much piles up, until building segments anew is cheaper than looking.
    /// </summary>
    public const double Share = 1.5;

    // Nobody may be there to look.
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Asked = TimeSpan.FromMilliseconds(20);

    private readonly SemaphoreSlim turn = new(1);
    private int waiting;
    private double allowed;

    /// <summary>Stores a batch when its turn has come, after a second at the latest.</summary>
    /// <param name="customers">How many customers the batch is about.</param>
    /// <param name="countWaiting">How many customers wait to be looked at now.</param>
    public async Task<T> TakeAsync<T>(int customers, Func<Task<int>> countWaiting, Func<Task<T>> store, CancellationToken cancellation)
    {
        await turn.WaitAsync(cancellation);
        try
        {
            var began = Stopwatch.GetTimestamp();
            while (true)
            {
                var now = await countWaiting();
                allowed += Share * Math.Max(0, waiting - now);
                waiting = now;
                if (allowed >= customers || now <= Behind || Stopwatch.GetElapsedTime(began) > Most)
                {
                    break;
                }

                await Task.Delay(Asked, cancellation);
            }

            // What has been looked at while nothing came is not let in at once.
            allowed = Math.Clamp(allowed - customers, 0, Behind);
            var result = await store();
            waiting += customers;
            return result;
        }
        finally
        {
            turn.Release();
        }
    }

    public void Dispose() => turn.Dispose();
}
