using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>Reads the states of stored membership.</summary>
public sealed class SegmentStates(SegmentationDb db)
{
    /// <summary>A segment's state; null where its membership is not stored.</summary>
    public async Task<SegmentState?> ReadAsync(Segment segment, CancellationToken cancellation) =>
        (await ReadAsync([segment], cancellation)).GetValueOrDefault(segment.Id);

    /// <summary>The states of those segments whose membership is stored, by id.</summary>
    public async Task<IReadOnlyDictionary<int, SegmentState>> ReadAsync(
        IReadOnlyCollection<Segment> segments, CancellationToken cancellation)
    {
        var active = segments.Where(s => s.Status == SegmentStatus.Active).Select(s => s.Id).ToArray();
        var states = await db.MembershipStates.AsNoTracking()
            .Where(s => active.Contains(s.SegmentId))
            .ToDictionaryAsync(s => s.SegmentId, cancellation);
        return active.ToDictionary(id => id, id => states.TryGetValue(id, out var state)
            ? Show(state)
            : new SegmentState { Status = MembershipStatus.Building, Progress = 0 });
    }

    private static SegmentState Show(MembershipState state) => new()
    {
        Status = state.Status,
        Progress = state.Status == MembershipStatus.Building || state.StartedAt > (state.FinishedAt ?? DateTimeOffset.MinValue)
            ? state.Progress
            : null,
        Kept = state.Size,
        StartedAt = state.StartedAt,
        FinishedAt = state.FinishedAt,
        Error = state.Error,
        RetryAt = state.RetryAt,
        EvaluatedUntil = state.EvaluatedUntil,
        Drift = state is { DriftJoined: { } joined, DriftLeft: { } left } ? new SegmentDrift(joined, left) : null,
    };
}
