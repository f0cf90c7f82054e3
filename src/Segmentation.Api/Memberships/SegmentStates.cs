using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>How far the stored membership of an active segment is.</summary>
public sealed record SegmentState
{
    /// <summary><c>building</c>: answers are evaluated live until it is <c>ready</c>. <c>failed</c>: so they are, and it is tried again.</summary>
    public MembershipStatus Status { get; init; }

    /// <summary>0 to 1, of the build or refresh that runs; missing where none does.</summary>
    public double? Progress { get; init; }

    /// <summary>Members that are stored; with <c>failed</c>, those of the last build that succeeded.</summary>
    public int Kept { get; init; }

    /// <summary>The build or refresh that runs, or that ended last, began.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>The last one ended.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Why the last one failed.</summary>
    public string? Error { get; init; }

    /// <summary>When a failed one is tried again.</summary>
    public DateTimeOffset? RetryAt { get; init; }

    /// <summary>What the last refresh that was asked for found.</summary>
    public SegmentDrift? Drift { get; init; }
}

/// <summary>How stored membership differed from an evaluation of the rule. Anything but zeros is a fault of the service; it was mended.</summary>
/// <param name="Joined">Members that were not stored as such.</param>
/// <param name="Left">Stored as members, and none.</param>
public sealed record SegmentDrift(int Joined, int Left);

/// <summary>Reads how far stored membership is, and says of segments that it no longer holds.</summary>
public sealed class SegmentStates(SegmentationDb db)
{
    /// <summary>A segment's state; null where its membership is not stored.</summary>
    public async Task<SegmentState?> OfAsync(Segment segment, CancellationToken cancellation) => (await OfAsync([segment], cancellation)).GetValueOrDefault(segment.Id);

    /// <summary>The states of those segments whose membership is stored, by id.</summary>
    public async Task<IReadOnlyDictionary<int, SegmentState>> OfAsync(IReadOnlyCollection<Segment> segments, CancellationToken cancellation)
    {
        var kept = segments.Where(s => s.Status == SegmentStatus.Active).Select(s => s.Id).ToArray();
        var states = await db.MembershipStates.AsNoTracking().Where(s => kept.Contains(s.SegmentId)).ToDictionaryAsync(s => s.SegmentId, cancellation);
        return kept.ToDictionary(id => id, id => states.TryGetValue(id, out var state) ? Of(state) : new SegmentState { Status = MembershipStatus.Building, Progress = 0 });
    }

    /// <summary>Has these segments evaluated live until their membership is built anew; to be called in the transaction that changes what they mean.</summary>
    public static Task InvalidateAsync(SegmentationDb db, int[] segments, CancellationToken cancellation) =>
        db.MembershipStates.Where(s => segments.Contains(s.SegmentId)).ExecuteUpdateAsync(s => s.SetProperty(x => x.Status, MembershipStatus.Building).SetProperty(x => x.Progress, 0), cancellation);

    private static SegmentState Of(MembershipState state) => new()
    {
        Status = state.Status,
        Progress = state.Status == MembershipStatus.Building || state.StartedAt > (state.FinishedAt ?? DateTimeOffset.MinValue) ? state.Progress : null,
        Kept = state.Size,
        StartedAt = state.StartedAt,
        FinishedAt = state.FinishedAt,
        Error = state.Error,
        RetryAt = state.RetryAt,
        Drift = state is { DriftJoined: { } joined, DriftLeft: { } left } ? new SegmentDrift(joined, left) : null,
    };
}
