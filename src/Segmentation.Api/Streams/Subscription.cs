using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace Segmentation.Api.Streams;

/// <summary>A stream's part in one segment's changes, until disposed.</summary>
internal sealed class Subscription(MembershipFeed feed, SegmentFeed segment) : IDisposable
{
    /// <summary>Pages that wait for a stream at most. Each has up to a thousand changes, and all streams share it.</summary>
    public const int MaxPages = 256;

    private readonly Channel<ChangePage> pages = Channel.CreateBounded<ChangePage>(
        new BoundedChannelOptions(MaxPages) { SingleReader = true, SingleWriter = true });
    private volatile bool isBehind;
    private volatile SegmentEnd? deleted;

    /// <summary>From where on its pages come, once that is known; null where the segment was gone by then.</summary>
    public required Task<ChangePosition?> Begun { get; init; }

    /// <summary>Everything up to here has been put before this stream.</summary>
    public ChangePosition Published => segment.Published;

    /// <summary>Whether more than it may has waited for it: nothing more comes.</summary>
    public bool IsBehind => isBehind;

    /// <summary>That the segment was deleted; null while it is there, and where the stream ends for another reason.</summary>
    public SegmentEnd? Deleted => deleted;

    public SegmentFeed Segment => segment;

    /// <summary>Whether nothing waits for it.</summary>
    public bool IsQuiet => !pages.Reader.TryPeek(out _);

    public bool TryRead([NotNullWhen(true)] out ChangePage? page) => pages.Reader.TryRead(out page);

    /// <summary>Waits until there is more to read.</summary>
    /// <returns>False once there will be no more: it is behind, the segment has been deleted, or the service stops.</returns>
    public Task<bool> WaitAsync(CancellationToken cancellation) => pages.Reader.WaitToReadAsync(cancellation).AsTask();

    public void Publish(ChangePage page)
    {
        if (!pages.Writer.TryWrite(page))
        {
            isBehind = true;
            pages.Writer.TryComplete();
        }
    }

    /// <param name="end">That the segment was deleted; null where the service stops.</param>
    public void End(SegmentEnd? end)
    {
        deleted = end;
        pages.Writer.TryComplete();
    }

    public void Dispose() => feed.Unsubscribe(this);
}

/// <summary>The end of a deleted segment.</summary>
/// <param name="Revision">The revision in which all left.</param>
/// <param name="Version">The segment's last version.</param>
internal sealed record SegmentEnd(long Revision, DateTimeOffset At, int Version);
