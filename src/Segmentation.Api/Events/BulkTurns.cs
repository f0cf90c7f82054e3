using System.Diagnostics;

namespace Segmentation.Api.Events;

/// <summary>
/// Where bulk waits for its turn while membership is behind: one batch at a time in this process, and a pause before each. Events of now would else wait
/// for their membership until all that was brought in bulk has been looked at.
/// </summary>
public sealed class BulkTurns : IDisposable
{
    // Of the time that the batch before has taken.
    private const double Pause = 0.3;
    private static readonly TimeSpan MostPause = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim turn = new(1);
    private TimeSpan took;

    public async Task<T> TakeAsync<T>(Func<Task<T>> store, CancellationToken cancellation)
    {
        await turn.WaitAsync(cancellation);
        try
        {
            var pause = took * Pause;
            await Task.Delay(pause < MostPause ? pause : MostPause, cancellation);
            var began = Stopwatch.GetTimestamp();
            var result = await store();
            took = Stopwatch.GetElapsedTime(began);
            return result;
        }
        finally
        {
            turn.Release();
        }
    }

    public void Dispose() => turn.Dispose();
}
