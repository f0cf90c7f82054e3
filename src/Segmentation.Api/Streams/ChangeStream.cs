using Segmentation.Api.Changes;

namespace Segmentation.Api.Streams;

/// <summary>Writes a segment's changes as they happen.</summary>
public sealed class ChangeStream : IDisposable
{
    private readonly string segmentKey;
    private readonly Subscription subscription;
    private readonly MembershipChanges changes;
    private readonly bool isGap;
    private readonly TimeSpan heartbeat;

    // The last revision that can be read.
    private long last;

    /// <param name="isGap">Whether changes after the position to resume from are no longer stored, or no longer name someone.</param>
    internal ChangeStream(
        string segmentKey, Subscription subscription, MembershipChanges changes, long last, bool isGap, TimeSpan heartbeat)
    {
        this.segmentKey = segmentKey;
        this.subscription = subscription;
        this.changes = changes;
        this.last = last;
        this.isGap = isGap;
        this.heartbeat = heartbeat;
    }

    /// <summary>Writes until the segment is deleted or the service stops.</summary>
    public async Task WriteToAsync(Stream body, CancellationToken cancellation)
    {
        var writer = new ServerSentEventWriter(body);
        await writer.WriteAsync("hello", changes.Position, new { segment = segmentKey }, cancellation);
        if (isGap)
        {
            await writer.WriteAsync("gap", changes.Position, new { segment = segmentKey }, cancellation);
        }

        await writer.FlushAsync(cancellation);
        await FollowAsync(writer, cancellation);
        if (subscription.Deleted is { } end)
        {
            // Of the segment's history this is all that is left. A stream of one made anew under its key goes on from here.
            await writer.WriteAsync(
                "segment.deleted", ChangePosition.After(end.Revision), new { segment = segmentKey, at = end.At, version = end.Version },
                cancellation);
            await writer.FlushAsync(cancellation);
        }
    }

    public void Dispose() => subscription.Dispose();

    private async Task FollowAsync(ServerSentEventWriter writer, CancellationToken cancellation)
    {
        Task<bool>? waiting = null;
        var isAlive = true;
        while (isAlive)
        {
            var isQuiet = !await WriteChangesAsync(writer, cancellation);
            if (isQuiet && waiting is not null)
            {
                await writer.WriteHeartbeatAsync(changes.Position, cancellation);
                await writer.FlushAsync(cancellation);
            }

            waiting ??= subscription.WaitAsync(cancellation);
            try
            {
                isAlive = await waiting.WaitAsync(heartbeat, cancellation);
                waiting = null;
            }
            catch (TimeoutException)
            {
                // Still waiting.
            }

            last = Math.Max(last, subscription.Last);
        }
    }

    // Each page is read whole, and its connection returned, before it is written: the client may be slow.
    private async Task<bool> WriteChangesAsync(ServerSentEventWriter writer, CancellationToken cancellation)
    {
        var isAny = false;
        while (await changes.NextAsync(last, cancellation) is { Count: > 0 } page)
        {
            foreach (var change in page)
            {
                var type = change.Position.Kind == ChangePosition.Joined ? "joined" : "left";
                var data = new ChangeData(change.CustomerId, change.At, change.Cause, change.EventId, change.Version);
                await writer.WriteAsync(type, change.Position, data, cancellation);
            }

            await writer.FlushAsync(cancellation);
            isAny = true;
        }

        return isAny;
    }

    /// <param name="Version">The segment's version.</param>
    private sealed record ChangeData(string CustomerId, DateTimeOffset At, MembershipCause Cause, string? EventId, int Version);
}
