using Npgsql;
using Segmentation.Api.Data;

namespace Segmentation.Api.Streams;

/// <summary>
/// Wakes streams when their segments change: one small query five times a second for all of them together, whichever process wrote the
/// change; and none while nobody listens.
/// </summary>
public sealed partial class MembershipFeed(NpgsqlDataSource database, ILogger<MembershipFeed> logger) : BackgroundService
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(1);
    private readonly HashSet<Subscription> subscriptions = [];
    private readonly SemaphoreSlim subscribed = new(0);

    /// <summary>Listens to one segment, until disposed. Wakes at once, and then whenever there is more.</summary>
    public Subscription Subscribe(int segmentId)
    {
        var subscription = new Subscription(this, segmentId);
        lock (subscriptions)
        {
            subscriptions.Add(subscription);
        }

        subscribed.Release();
        return subscription;
    }

    public void Unsubscribe(Subscription subscription)
    {
        lock (subscriptions)
        {
            subscriptions.Remove(subscription);
        }
    }

    public override void Dispose()
    {
        subscribed.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        long? seen = null;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var listeners = CopySubscriptions();
                if (listeners.Length == 0)
                {
                    seen = null;
                    await subscribed.WaitAsync(stoppingToken);
                    continue;
                }

                seen = await PollAsync(listeners, seen, stoppingToken);
                await Task.Delay(PollInterval, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (Exception failure)
            {
                LogFailed(failure);
                await Task.Delay(FailurePause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        foreach (var subscription in CopySubscriptions())
        {
            subscription.End();
        }
    }

    private Subscription[] CopySubscriptions()
    {
        lock (subscriptions)
        {
            return [.. subscriptions];
        }
    }

    // Ids are in the order of commits: what has been seen has been seen whole.
    private async Task<long> PollAsync(Subscription[] listeners, long? seen, CancellationToken cancellation)
    {
        var segments = listeners.Select(l => l.SegmentId).Distinct().ToArray();
        var rows = await database.QueryAsync(
            """
            SELECT s.id, (SELECT max(b.id) FROM membership_batches b WHERE b.segment_id = s.id AND b.id > $2), NULL, NULL
            FROM segments s WHERE s.id = ANY ($1)
            UNION ALL
            SELECT d.segment_id, d.batch, b.at, d.version
            FROM deleted_segments d LEFT JOIN membership_batches b ON b.id = d.batch WHERE d.segment_id = ANY ($1)
            UNION ALL
            SELECT 0, max(id), NULL, NULL FROM membership_batches
            """,
            r => (
                SegmentId: r.GetInt32(0), Revision: r.IsDBNull(1) ? (long?)null : r.GetInt64(1),
                End: r.IsDBNull(2) ? null : new SegmentEnd(r.GetInt64(1), r.GetFieldValue<DateTimeOffset>(2), r.GetInt32(3))),
            cancellation,
            SqlParameter.Create(segments),
            SqlParameter.Create(seen ?? long.MaxValue));
        var bySegment = rows.ToDictionary(r => r.SegmentId);

        // One snapshot: nothing lies between a segment's last revision and the last of all that this poll did not see.
        var last = Math.Max(bySegment[0].Revision ?? 0, seen ?? 0);
        foreach (var listener in listeners)
        {
            if (!bySegment.TryGetValue(listener.SegmentId, out var found))
            {
                listener.End();
            }
            else if (found.End is { } end)
            {
                listener.End(end);
            }
            else
            {
                listener.Notify(last, found.Revision is not null);
            }
        }

        return last;
    }

    [LoggerMessage(LogLevel.Warning, "Streams: polling for changes failed and is repeated")]
    private partial void LogFailed(Exception failure);
}
