using Npgsql;
using Segmentation.Api.Data;

namespace Segmentation.Api.Streams;

/// <summary>
/// Tells of changes in the segments that streams follow: one small query five times a second for all of them together, whichever process
/// wrote the change; and none while nobody listens. What changed is read once a segment (<see cref="SegmentFeed"/>).
/// </summary>
public sealed partial class MembershipFeed(
    [FromKeyedServices(WorkClass.Stream)] NpgsqlDataSource database, ILogger<MembershipFeed> logger) : BackgroundService
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(1);
    private readonly Dictionary<int, SegmentFeed> segments = [];
    private readonly SemaphoreSlim subscribed = new(0);

    /// <summary>Follows one segment from now on, until disposed.</summary>
    internal Subscription Subscribe(int segmentId)
    {
        Subscription subscription;
        lock (segments)
        {
            if (!segments.TryGetValue(segmentId, out var segment))
            {
                segments.Add(segmentId, segment = new SegmentFeed(this, database, segmentId, logger));
            }

            subscription = segment.Add();
        }

        subscribed.Release();
        return subscription;
    }

    internal void Unsubscribe(Subscription subscription)
    {
        lock (segments)
        {
            if (segments.TryGetValue(subscription.Segment.Id, out var segment) && segment.Remove(subscription))
            {
                segments.Remove(subscription.Segment.Id);
            }
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
                int[] followed;
                lock (segments)
                {
                    followed = [.. segments.Keys];
                }

                if (followed.Length == 0)
                {
                    seen = null;
                    await subscribed.WaitAsync(stoppingToken);
                    continue;
                }

                seen = await PollAsync(followed, seen, stoppingToken);
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

        lock (segments)
        {
            foreach (var segment in segments.Values)
            {
                segment.End(null);
            }
        }
    }

    // Ids are in the order of commits: what has been seen has been seen whole.
    private async Task<long> PollAsync(int[] followed, long? seen, CancellationToken cancellation)
    {
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
            SqlParameter.Create(followed),
            SqlParameter.Create(seen ?? long.MaxValue));
        var bySegment = rows.ToDictionary(r => r.SegmentId);

        // One snapshot: nothing lies between a segment's last revision and the last of all that this poll did not see.
        var last = Math.Max(bySegment[0].Revision ?? 0, seen ?? 0);
        lock (segments)
        {
            foreach (var id in followed.Where(segments.ContainsKey))
            {
                if (bySegment.TryGetValue(id, out var found) && found.End is null)
                {
                    segments[id].Notify(last, found.Revision is not null, cancellation);
                }
                else
                {
                    // Whoever comes after this begins anew, and is told so as well.
                    segments.Remove(id, out var gone);
                    gone!.End(found.End);
                }
            }
        }

        return last;
    }

    [LoggerMessage(LogLevel.Warning, "Streams: polling for changes failed and is repeated")]
    private partial void LogFailed(Exception failure);
}
