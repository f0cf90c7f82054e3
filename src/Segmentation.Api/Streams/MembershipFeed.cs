using System.Threading.Channels;
using Npgsql;

namespace Segmentation.Api.Streams;

/// <summary>
/// Wakes streams when their segments change: one small query five times a second for all of them together, whichever process wrote the change; and
/// none while nobody listens.
/// </summary>
internal sealed partial class MembershipFeed(NpgsqlDataSource database, ILogger<MembershipFeed> logger) : BackgroundService
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(200);
    private readonly HashSet<Subscription> subscriptions = [];
    private readonly SemaphoreSlim somebody = new(0);

    /// <summary>Listens to one segment, until disposed. Wakes at once, and then whenever there is more.</summary>
    public Subscription Subscribe(int segmentId)
    {
        var subscription = new Subscription(this, segmentId);
        lock (subscriptions)
        {
            subscriptions.Add(subscription);
        }

        somebody.Release();
        return subscription;
    }

    public override void Dispose()
    {
        somebody.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        long? seen = null;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                Subscription[] listeners;
                lock (subscriptions)
                {
                    listeners = [.. subscriptions];
                }

                if (listeners.Length == 0)
                {
                    seen = null;
                    await somebody.WaitAsync(stoppingToken);
                    continue;
                }

                seen = await TellAsync(listeners, seen, stoppingToken);
                await Task.Delay(Poll, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (Exception failure)
            {
                LogFailed(failure);
                await Task.Delay(TimeSpan.FromSeconds(1), stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        lock (subscriptions)
        {
            foreach (var subscription in subscriptions)
            {
                subscription.End();
            }
        }
    }

    // Ids are in the order of commits: what has been seen has been seen whole.
    private async Task<long> TellAsync(Subscription[] listeners, long? seen, CancellationToken cancellation)
    {
        var segments = listeners.Select(l => l.SegmentId).Distinct().ToArray();
        await using var command = database.CreateCommand("""
            SELECT s.id, (SELECT max(b.id) FROM membership_batches b WHERE b.segment_id = s.id AND b.id > $2)
            FROM segments s WHERE s.id = ANY ($1)
            UNION ALL
            SELECT 0, max(id) FROM membership_batches
            """);
        command.Parameters.Add(new NpgsqlParameter<int[]> { TypedValue = segments });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = seen ?? long.MaxValue });
        Dictionary<int, long?> found = [];
        await using (var reader = await command.ExecuteReaderAsync(cancellation))
        {
            while (await reader.ReadAsync(cancellation))
            {
                found[reader.GetInt32(0)] = reader.IsDBNull(1) ? null : reader.GetInt64(1);
            }
        }

        // One snapshot: nothing lies between a segment's last batch and the last of all that this look did not see.
        var last = Math.Max(found[0] ?? 0, seen ?? 0);
        foreach (var listener in listeners)
        {
            if (!found.TryGetValue(listener.SegmentId, out var changed))
            {
                listener.End();
            }
            else
            {
                listener.Tell(last, changed is not null);
            }
        }

        return last;
    }

    private void Unsubscribe(Subscription subscription)
    {
        lock (subscriptions)
        {
            subscriptions.Remove(subscription);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Streams: new changes could not be looked for")]
    private partial void LogFailed(Exception failure);

    /// <summary>One who listens.</summary>
    internal sealed class Subscription(MembershipFeed feed, int segmentId) : IDisposable
    {
        // A single token: however often it was told, there is one thing to do.
        private readonly Channel<bool> wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        private long last;
        private bool told;

        public int SegmentId => segmentId;

        /// <summary>The last batch of any segment that the feed has seen; all of this segment up to it can be read.</summary>
        public long Last => Volatile.Read(ref last);

        /// <summary>Waits until there may be more to read.</summary>
        /// <returns>False once there will be no more: the segment has been deleted, or the service stops.</returns>
        public async Task<bool> WaitAsync(CancellationToken cancellation)
        {
            if (!await wake.Reader.WaitToReadAsync(cancellation))
            {
                return false;
            }

            wake.Reader.TryRead(out _);
            return true;
        }

        public void Tell(long batch, bool changed)
        {
            Volatile.Write(ref last, batch);
            if (changed || !told)
            {
                told = true;
                wake.Writer.TryWrite(true);
            }
        }

        public void End() => wake.Writer.TryComplete();

        public void Dispose() => feed.Unsubscribe(this);
    }
}
