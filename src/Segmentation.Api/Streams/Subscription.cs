using System.Threading.Channels;

namespace Segmentation.Api.Streams;

/// <summary>A stream's interest in one segment, until disposed.</summary>
public sealed class Subscription(MembershipFeed feed, int segmentId) : IDisposable
{
    // A single token: however often the feed notifies, there is one thing to do.
    private readonly Channel<bool> wake = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private long last;
    private bool isNotified;
    private SegmentEnd? end;

    public int SegmentId => segmentId;

    /// <summary>The last revision of any segment that the feed has seen; everything of this segment up to it can be read.</summary>
    public long Last => Volatile.Read(ref last);

    /// <summary>That the segment was deleted; null while it is there, and where the stream ends for another reason.</summary>
    public SegmentEnd? Deleted => Volatile.Read(ref end);

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

    /// <summary>Wakes the stream if its segment changed, and the first time.</summary>
    public void Notify(long revision, bool isChanged)
    {
        Volatile.Write(ref last, revision);
        if (isChanged || !isNotified)
        {
            isNotified = true;
            wake.Writer.TryWrite(true);
        }
    }

    /// <param name="deleted">That the segment was deleted; null where the service stops.</param>
    public void End(SegmentEnd? deleted = null)
    {
        Volatile.Write(ref end, deleted);
        wake.Writer.TryComplete();
    }

    public void Dispose() => feed.Unsubscribe(this);
}

/// <summary>The end of a deleted segment.</summary>
/// <param name="Revision">The revision in which all left.</param>
/// <param name="Version">The segment's last version.</param>
public sealed record SegmentEnd(long Revision, DateTimeOffset At, int Version);
