namespace Segmentation.Api.Segments;

/// <summary>
/// Remembers what an expensive look at the data found, and looks again when 20 times as long has passed as the look took: it is new where
/// that is cheap, and never takes more than a twentieth of one connection.
/// </summary>
/// <param name="read">Looks. It may time out: then what was found before stands.</param>
internal sealed class Look<T>(Func<Task<T>> read, T nothing, TimeProvider time)
    where T : class
{
    private const int Pause = 20;

    // Longer than this nobody waits who can be given what was found before.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    private readonly Lock sync = new();
    private T? latest;
    private TimeSpan took;
    private DateTimeOffset next;
    private Task<T>? running;

    /// <summary>What was found last.</summary>
    public Task<T> GetAsync(CancellationToken cancellation)
    {
        Task<T> look;
        lock (sync)
        {
            if (latest is { } known && time.GetUtcNow() < next)
            {
                return Task.FromResult(known);
            }

            look = running ??= Task.Run(RunAsync, CancellationToken.None);
            if (latest is { } before && took > Patience)
            {
                return Task.FromResult(before);
            }
        }

        return look.WaitAsync(cancellation);
    }

    private async Task<T> RunAsync()
    {
        var started = time.GetTimestamp();
        T? found = null;
        try
        {
            found = await read();
        }
        catch (Exception slow) when (Data.StatementTimeout.IsCause(slow))
        {
            found = latest ?? nothing;
        }
        finally
        {
            lock (sync)
            {
                running = null;
                if (found is not null)
                {
                    (latest, took) = (found, time.GetElapsedTime(started));
                    next = time.GetUtcNow() + (Pause * took);
                }
            }
        }

        return found;
    }
}
