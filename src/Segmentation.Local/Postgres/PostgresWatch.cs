namespace Segmentation.Local;

/// <summary>Starts a private server again that has ended by itself: killed, or for want of memory.</summary>
internal sealed partial class PostgresWatch : IAsyncDisposable
{
    /// <summary>How often within an hour: a server that ends more often is not mended by that.</summary>
    public const int MaxStarts = 5;

    /// <summary>How often it is looked at.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    /// <summary>After how long a start that failed is tried again: for want of room on the disk, say.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private readonly Func<bool> isRunning;
    private readonly Func<CancellationToken, Task> start;
    private readonly ILogger logger;
    private readonly string folder;
    private readonly TimeProvider time;
    private readonly CancellationTokenSource stop = new();
    private readonly Queue<DateTimeOffset> starts = new();
    private readonly Task watching;
    private bool isGivenUp;

    /// <param name="isRunning">Whether the server runs.</param>
    /// <param name="start">Starts it.</param>
    /// <param name="folder">Where its data is, for the log.</param>
    public PostgresWatch(Func<bool> isRunning, Func<CancellationToken, Task> start, ILogger logger, string folder, TimeProvider time)
    {
        (this.isRunning, this.start, this.logger, this.folder, this.time) = (isRunning, start, logger, folder, time);
        watching = Task.Run(WatchAsync);
    }

    /// <summary>Ends the watch; a start that has begun is waited for.</summary>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await watching;
        stop.Dispose();
    }

    /// <summary>For tests: ends it as the death of this process would.</summary>
    internal void Abandon() => stop.Cancel();

    // Never fails: what keeps the server from starting is logged, and it is tried again.
    private async Task WatchAsync()
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stop.Token))
            {
                try
                {
                    if (!isRunning() && MayStart(time.GetUtcNow()))
                    {
                        Ended(logger, folder);
                        await start(stop.Token);
                        starts.Enqueue(time.GetUtcNow());
                    }
                }
                catch (Exception failed) when (failed is EmbeddedPostgresException or IOException or UnauthorizedAccessException)
                {
                    NotStarted(logger, failed, folder);
                    await Task.Delay(Pause, time, stop.Token);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // It was disposed of.
        }
    }

    private bool MayStart(DateTimeOffset now)
    {
        while (starts.TryPeek(out var first) && now - first > Hour)
        {
            starts.Dequeue();
        }

        var may = starts.Count < MaxStarts;
        if (!may && !isGivenUp)
        {
            EndsTooOften(logger, folder, MaxStarts);
        }

        isGivenUp = !may;
        return may;
    }

    [LoggerMessage(LogLevel.Error, "The private PostgreSQL on {Folder} has ended by itself: starting it again")]
    private static partial void Ended(ILogger logger, string folder);

    [LoggerMessage(LogLevel.Error, "The private PostgreSQL on {Folder} did not start; it is tried again in a minute")]
    private static partial void NotStarted(ILogger logger, Exception failed, string folder);

    [LoggerMessage(
        LogLevel.Critical,
        "The private PostgreSQL on {Folder} was started again {Times} times within an hour, and is left until that is over")]
    private static partial void EndsTooOften(ILogger logger, string folder, int times);
}
