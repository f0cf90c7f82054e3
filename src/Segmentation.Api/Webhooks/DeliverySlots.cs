using Segmentation.Api.Data;

namespace Segmentation.Api.Webhooks;

/// <summary>
/// Who may send now: each webhook has a slot of its own, so that it never waits for others, and the rest is shared by who has the fewest.
/// </summary>
/// <remarks>By age, as a semaphore gives them, they would all end at the receivers that take longest to answer.</remarks>
internal sealed class DeliverySlots
{
    /// <summary>Messages under way at once.</summary>
    public const int Total = 256;

    /// <summary>Those beyond a webhook's own.</summary>
    public const int Shared = Total - Limits.MaxWebhooks;

    private readonly Lock gate = new();
    private readonly Dictionary<int, Holder> holders = [];
    private int shared;
    private long turns;

    /// <summary>Waits for a slot.</summary>
    /// <returns>The slot; disposing gives it back.</returns>
    public async Task<IDisposable> TakeAsync(int webhook, CancellationToken cancellation)
    {
        Waiter waiter;
        lock (gate)
        {
            if (!holders.TryGetValue(webhook, out var holder))
            {
                holders[webhook] = holder = new Holder();
            }

            if (TryGrant(holder))
            {
                return new Slot(this, webhook);
            }

            waiter = new Waiter();
            holder.Waiting.Enqueue(waiter);
        }

        await using var cancelled = cancellation.Register(() => waiter.TrySetCanceled(cancellation));
        await waiter.Task;
        return new Slot(this, webhook);
    }

    private bool TryGrant(Holder holder)
    {
        var isOwn = holder.Held == 0;
        if (!isOwn && shared >= Shared)
        {
            return false;
        }

        shared += isOwn ? 0 : 1;
        holder.Held++;
        holder.Turn = ++turns;
        return true;
    }

    private void Release(int webhook)
    {
        lock (gate)
        {
            Return(holders[webhook]);
            while (holders.Values.Where(h => h.Waiting.Count > 0).MinBy(h => (h.Held, h.Turn)) is { } next && TryGrant(next))
            {
                // One that was cancelled while it waited takes none.
                if (!next.Waiting.Dequeue().TrySetResult())
                {
                    Return(next);
                }
            }

            if (holders[webhook] is { Held: 0, Waiting.Count: 0 })
            {
                holders.Remove(webhook);
            }
        }
    }

    private void Return(Holder holder)
    {
        holder.Held--;
        shared -= holder.Held == 0 ? 0 : 1;
    }

    private sealed class Waiter() : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class Holder
    {
        public int Held { get; set; }

        /// <summary>When it was last given one: of those with the same number, who had to wait longest comes first.</summary>
        public long Turn { get; set; }

        public Queue<Waiter> Waiting { get; } = [];
    }

    private sealed class Slot(DeliverySlots slots, int webhook) : IDisposable
    {
        private int released;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref released, 1) == 0)
            {
                slots.Release(webhook);
            }
        }
    }
}
