using Npgsql;

namespace Segmentation.Api.Streams;

/// <summary>One segment's changes, read once in this process for all streams that follow it.</summary>
internal sealed partial class SegmentFeed(MembershipFeed feed, NpgsqlDataSource database, int segmentId, ILogger logger)
{
    private readonly Lock state = new();
    private readonly List<Subscription> subscriptions = [];
    private readonly TaskCompletionSource<ChangePosition?> begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private MembershipChanges changes = new(database, segmentId, default);
    private ChangePosition published;

    // The last revision that can be read; and whether it is being read up to.
    private long target;
    private bool isReading;

    public int Id => segmentId;

    /// <summary>Everything up to here has been put before all its streams.</summary>
    public ChangePosition Published
    {
        get
        {
            lock (state)
            {
                return published;
            }
        }
    }

    public Subscription Add()
    {
        lock (state)
        {
            // Before the first notification none is published: it begins for all of them where that says.
            var subscription = new Subscription(feed, this)
            {
                Begun = begun.Task.IsCompleted ? Task.FromResult<ChangePosition?>(published) : begun.Task,
            };
            subscriptions.Add(subscription);
            return subscription;
        }
    }

    /// <returns>Whether it was the last one.</returns>
    public bool Remove(Subscription subscription)
    {
        lock (state)
        {
            subscriptions.Remove(subscription);
            return subscriptions.Count == 0;
        }
    }

    /// <summary>Begins, the first time; then reads and publishes what is new, beside the caller.</summary>
    /// <param name="revision">The last revision of any segment; all of this one's up to it can be read.</param>
    /// <param name="isChanged">Whether there are new ones of this segment.</param>
    public void Notify(long revision, bool isChanged, CancellationToken stopping)
    {
        lock (state)
        {
            if (!begun.Task.IsCompleted)
            {
                MoveTo(revision);
                begun.SetResult(published);
                return;
            }

            var isBehind = published.CompareTo(ChangePosition.After(target)) < 0;
            target = revision;
            if (isReading)
            {
                return;
            }

            if (!isChanged && !isBehind)
            {
                MoveTo(revision);
                return;
            }

            isReading = true;
        }

        _ = ReadAsync(stopping);
    }

    /// <summary>Puts a page before all its streams.</summary>
    public void Publish(ChangePage? page, ChangePosition end)
    {
        lock (state)
        {
            if (page is not null)
            {
                foreach (var subscription in subscriptions)
                {
                    subscription.Publish(page);
                }
            }

            published = end;
        }
    }

    /// <param name="end">That the segment was deleted; null where it is not there, or the service stops.</param>
    public void End(SegmentEnd? end)
    {
        lock (state)
        {
            foreach (var subscription in subscriptions)
            {
                subscription.End(end);
            }

            begun.TrySetResult(null);
        }
    }

    // Nothing of this segment lies before it that is not published.
    private void MoveTo(long revision)
    {
        (target, published) = (revision, ChangePosition.After(revision));
        changes = new MembershipChanges(database, segmentId, published);
    }

    private async Task ReadAsync(CancellationToken stopping)
    {
        try
        {
            while (FindTarget() is { } upTo)
            {
                var page = await changes.NextAsync(upTo, stopping);
                Publish(page.Count == 0 ? null : new ChangePage(page), page.Count == 0 ? ChangePosition.After(upTo) : changes.Position);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The service stops.
        }
        catch (Exception failure)
        {
            // Read again from what was published, with the next notification.
            LogFailed(failure);
            lock (state)
            {
                changes = new MembershipChanges(database, segmentId, published);
                isReading = false;
            }
        }
    }

    // Null: all is read, or nobody is there any more.
    private long? FindTarget()
    {
        lock (state)
        {
            isReading = subscriptions.Count > 0 && published.CompareTo(ChangePosition.After(target)) < 0;
            return isReading ? target : null;
        }
    }

    [LoggerMessage(LogLevel.Warning, "Streams: reading a segment's changes failed and is repeated")]
    private partial void LogFailed(Exception failure);
}
