using System.Diagnostics;

namespace Segmentation.Api.Webhooks;

/// <summary>
/// Sends one webhook's messages until none is due: several customers' in parallel, of each customer one at a time, and a later one only
/// when the earlier is delivered or given up.
/// </summary>
internal sealed class WebhookLane(
    int webhook, ReceiverHealth health, WebhookQueue queue, WebhookSender sender, DeliverySlots slots, WebhookOptions options,
    TimeProvider time)
{
    private static readonly TimeSpan RecordEvery = TimeSpan.FromMilliseconds(100);

    private readonly Queue<QueuedMessage> ready = [];
    private readonly List<Task<DeliveryAttempt>> sending = [];
    private readonly List<DeliveryAttempt> done = [];

    // The messages that are ready, being sent, or not recorded yet, by what orders them: of each customer one.
    private readonly Dictionary<long, QueuedMessage> busy = [];
    private WebhookTarget? target;

    // Timestamps; 0 makes the next poll happen at once.
    private long targetReadAt, fetchedAt, recordedAt = Stopwatch.GetTimestamp();

    private bool IsFetchDue => ready.Count < options.Parallelism
        && (ready.Count + sending.Count == 0 || Stopwatch.GetElapsedTime(fetchedAt) > WebhookDispatcher.PollInterval);

    private bool IsRecordDue => done.Count >= WebhookQueue.Batch
        || (done.Count > 0 && (ready.Count == 0 || sending.Count == 0 || Stopwatch.GetElapsedTime(recordedAt) > RecordEvery));

    public async Task RunAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            var now = time.GetUtcNow();
            var capacity = health.Capacity(now, options.Parallelism);
            if (Stopwatch.GetElapsedTime(targetReadAt) > WebhookDispatcher.PollInterval)
            {
                target = await queue.ReadTargetAsync(webhook, now, cancellation);
                targetReadAt = Stopwatch.GetTimestamp();
            }

            var isStopped = target is null || capacity == 0;
            if (isStopped)
            {
                ReleaseReady();
            }
            else if (IsFetchDue)
            {
                await FetchAsync(now, cancellation);
                if (ready.Count + sending.Count + done.Count == 0)
                {
                    return;
                }
            }

            Send(capacity, cancellation);
            await CollectAsync();
            if (IsRecordDue)
            {
                await RecordAsync(cancellation);
            }

            if (sending.Count + done.Count == 0 && (target is null || capacity == 0))
            {
                return;
            }
        }

        await FinishAsync();
    }

    private void ReleaseReady()
    {
        Release(ready);
        ready.Clear();
    }

    private async Task FetchAsync(DateTimeOffset now, CancellationToken cancellation)
    {
        foreach (var message in await queue.ReadDueMessagesAsync(webhook, busy.Keys, now, cancellation))
        {
            // That a segment was deleted comes after all that is about it: what was queued is gone, and this is what is under way.
            if (!message.IsEnd || busy.Values.All(m => m.SegmentKey != message.SegmentKey))
            {
                busy.Add(message.OrderKey, message);
                ready.Enqueue(message);
            }
        }

        fetchedAt = Stopwatch.GetTimestamp();
    }

    private void Release(IEnumerable<QueuedMessage> messages)
    {
        foreach (var message in messages)
        {
            busy.Remove(message.OrderKey);
        }
    }

    private void Send(int capacity, CancellationToken cancellation)
    {
        while (sending.Count < capacity && ready.TryDequeue(out var next))
        {
            sending.Add(SendAsync(target!, next, cancellation));
        }
    }

    private async Task<DeliveryAttempt> SendAsync(WebhookTarget to, QueuedMessage message, CancellationToken cancellation)
    {
        using var slot = await slots.TakeAsync(webhook, cancellation);
        return new(
            message,
            await sender.SendAsync(to.Url, to.Secrets, WebhookDelivery.MessageName(message.MessageId), message.Body, cancellation));
    }

    // Waits a moment for an attempt to end, and takes those that did.
    private async Task CollectAsync()
    {
        if (sending.Count == 0)
        {
            return;
        }

        await Task.WhenAny(sending.Append(Task.Delay(RecordEvery, CancellationToken.None)));
        foreach (var ended in sending.Where(s => s.IsCompleted).ToList())
        {
            sending.Remove(ended);
            if (ended.IsCompletedSuccessfully)
            {
                done.Add(ended.Result);
                health.Record(ended.Result.Outcome, time.GetUtcNow());
            }
        }
    }

    private async Task RecordAsync(CancellationToken cancellation)
    {
        await queue.RecordAsync(webhook, done, cancellation);
        Release(done.Select(a => a.Message));
        recordedAt = Stopwatch.GetTimestamp();
        if (done.Any(a => a.Outcome.Delivered))
        {
            fetchedAt = 0; // Messages that waited for these may go.
        }

        if (done.Any(a => a.Outcome.IsGone))
        {
            target = null;
        }

        if (target is null)
        {
            targetReadAt = 0;
        }

        done.Clear();
    }

    // What has been delivered should not be delivered again, even though another process may lead by now: recording
    // it is right whoever did it.
    private async Task FinishAsync()
    {
        await ((Task)Task.WhenAll(sending)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        done.AddRange(sending.Where(s => s.IsCompletedSuccessfully).Select(s => s.Result));
        if (done.Count > 0)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            await queue.RecordAsync(webhook, done, limit.Token);
        }
    }
}
