namespace Segmentation.Api.Streams;

/// <summary>Writes a segment's changes as they happen.</summary>
public sealed class ChangeStream
{
    private readonly string segmentKey;
    private readonly int segmentId;
    private readonly ChangeStreams streams;
    private readonly TimeSpan heartbeat;
    private readonly bool isGap;

    // The last revision that was there when it was opened.
    private readonly long last;

    // Everything up to here is written.
    private ChangePosition position;

    /// <param name="isGap">Whether changes after the position to resume from are no longer stored, or no longer name someone.</param>
    internal ChangeStream(
        string segmentKey, int segmentId, ChangeStreams streams, ChangePosition start, long last, bool isGap, TimeSpan heartbeat)
    {
        (this.segmentKey, this.segmentId, this.streams) = (segmentKey, segmentId, streams);
        (position, this.last, this.isGap, this.heartbeat) = (start, last, isGap, heartbeat);
    }

    /// <summary>Writes until the segment is deleted, the service stops, or the stream is read too slowly.</summary>
    public async Task WriteToAsync(Stream body, CancellationToken cancellation)
    {
        var writer = new ServerSentEventWriter(body);
        await writer.WriteAsync("hello", position, new { segment = segmentKey }, cancellation);
        if (isGap)
        {
            await writer.WriteAsync("gap", position, new { segment = segmentKey }, cancellation);
        }

        await writer.FlushAsync(cancellation);

        // What was there before it is read for this stream alone, at its own speed; the little that came meanwhile as well.
        await CatchUpAsync(writer, last, cancellation);
        using var subscription = streams.Subscribe(segmentId);
        if (await WaitAsync(writer, subscription.Begun, null, cancellation) is { } begun)
        {
            await CatchUpAsync(writer, begun.Revision, cancellation);
        }

        await FollowAsync(writer, subscription, cancellation);
        if (subscription.IsBehind)
        {
            // What it missed is not told any more: it goes on from here.
            await writer.WriteAsync("gap", subscription.Published, new { segment = segmentKey }, cancellation);
        }
        else if (subscription.Deleted is { } end)
        {
            // Of the segment's history this is all that is left. A stream of one made anew under its key goes on from here.
            await writer.WriteAsync(
                "segment.deleted", ChangePosition.After(end.Revision), new { segment = segmentKey, at = end.At, version = end.Version },
                cancellation);
        }

        await writer.FlushAsync(cancellation);
    }

    private async Task CatchUpAsync(ServerSentEventWriter writer, long upTo, CancellationToken cancellation)
    {
        var changes = streams.Read(segmentId, position);
        while (await streams.NextAsync(changes, upTo, cancellation) is { Count: > 0 } page)
        {
            await writer.WriteAsync(new ChangePage(page).After(position), cancellation);
            position = changes.Position;
        }

        MoveTo(ChangePosition.After(upTo));
    }

    private async Task FollowAsync(ServerSentEventWriter writer, Subscription subscription, CancellationToken cancellation)
    {
        bool isMore;
        do
        {
            while (!subscription.IsBehind && subscription.TryRead(out var page))
            {
                if (page.After(position) is { Length: > 0 } events)
                {
                    await writer.WriteAsync(events, cancellation);
                    MoveTo(page.Last);
                }
            }

            isMore = !subscription.IsBehind
                && await WaitAsync(writer, subscription.WaitAsync(cancellation), subscription, cancellation);
        }
        while (isMore);
    }

    // Shows that the stream is alive while it waits.
    private async Task<T> WaitAsync<T>(
        ServerSentEventWriter writer, Task<T> waiting, Subscription? subscription, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return await waiting.WaitAsync(heartbeat, cancellation);
            }
            catch (TimeoutException)
            {
                // What is published was put before this stream first: while nothing waits for it, it is written.
                var published = subscription?.Published;
                if (published is { } quiet && subscription!.IsQuiet)
                {
                    MoveTo(quiet);
                }

                await writer.WriteHeartbeatAsync(position, cancellation);
                await writer.FlushAsync(cancellation);
            }
        }
    }

    private void MoveTo(ChangePosition to) => position = to.CompareTo(position) > 0 ? to : position;
}
