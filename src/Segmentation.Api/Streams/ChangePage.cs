using System.Buffers;
using System.Text;
using Segmentation.Api.Changes;

namespace Segmentation.Api.Streams;

/// <summary>Changes of a segment as streams write them: encoded once, however many streams there are.</summary>
internal sealed class ChangePage
{
    private readonly byte[] events;

    // Where each change's event begins.
    private readonly (ChangePosition Position, int Start)[] changes;

    public ChangePage(IReadOnlyList<StreamChange> page)
    {
        var bytes = new ArrayBufferWriter<byte>(page.Count * 256);
        changes = new (ChangePosition, int)[page.Count];
        foreach (var (i, change) in page.Index())
        {
            changes[i] = (change.Position, bytes.WrittenCount);
            var type = change.Position.Kind == ChangePosition.Joined ? "joined" : "left";
            var data = new ChangeData(change.CustomerId, change.At, change.Cause, change.EventId, change.Version);
            Encoding.UTF8.GetBytes(ServerSentEventWriter.Format(type, change.Position, data), bytes);
        }

        events = bytes.WrittenSpan.ToArray();
    }

    /// <summary>The position of its last change.</summary>
    public ChangePosition Last => changes[^1].Position;

    /// <summary>The events after a position, which may lie within the page.</summary>
    public ReadOnlyMemory<byte> After(ChangePosition position)
    {
        var first = Array.FindIndex(changes, c => c.Position.CompareTo(position) > 0);
        return first < 0 ? default : events.AsMemory(changes[first].Start);
    }

    /// <param name="Version">The segment's version.</param>
    private sealed record ChangeData(string CustomerId, DateTimeOffset At, MembershipCause Cause, string? EventId, int Version);
}
