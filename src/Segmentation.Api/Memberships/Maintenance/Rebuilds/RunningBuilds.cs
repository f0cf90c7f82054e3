using System.Diagnostics;

namespace Segmentation.Api.Memberships;

/// <summary>A definition whose build has taken long.</summary>
/// <param name="IsKnown">It was its own; else one of those that were built by the same scan.</param>
internal sealed record LongBuild(string Fingerprint, bool IsKnown);

/// <summary>Builds that one connection makes, and for how long it has.</summary>
internal sealed class RunningBuilds : IDisposable
{
    private readonly long started = Stopwatch.GetTimestamp();
    private readonly IReadOnlyList<SegmentRebuild> builds;
    private readonly MembershipOptions options;
    private readonly CancellationTokenSource overdue;
    private readonly CancellationTokenSource stop;

    public RunningBuilds(IReadOnlyList<SegmentRebuild> builds, MembershipOptions options, CancellationToken stopping)
    {
        (this.builds, this.options) = (builds, options);
        IsLong = builds.Any(b => b.IsLong);
        overdue = new CancellationTokenSource(options.BuildLimit);
        stop = CancellationTokenSource.CreateLinkedTokenSource(stopping, overdue.Token);
        Token = stop.Token;
    }

    /// <summary>Ends them.</summary>
    public CancellationToken Token { get; }

    public Task Task { get; set; } = Task.CompletedTask;

    /// <summary>They take long: the other builder is for those that don't.</summary>
    public bool IsLong { get; private set; }

    public bool HasTakenLong => Stopwatch.GetElapsedTime(started) > options.LongBuild;

    /// <summary>The scan that serves several takes longer than that many should: a slow one holds up the others.</summary>
    public bool IsHeldUp => AreMany && !stop.IsCancellationRequested
        && Stopwatch.GetElapsedTime(started) > options.LongBuild * (1 + (builds.Count / 8.0));

    /// <summary>They have taken longer than they may.</summary>
    public bool IsOverdue => overdue.IsCancellationRequested;

    /// <summary>One scan serves several of them.</summary>
    public bool AreMany => builds.Count > 1;

    /// <summary>Notes that they take long, now and the next time, where one that did not share a scan is known to.</summary>
    public void MarkLong(Dictionary<int, LongBuild> longBuilds)
    {
        IsLong = true;
        foreach (var build in builds)
        {
            longBuilds[build.Plan.Segment.Id] = new LongBuild(build.Plan.Fingerprint, !AreMany);
        }
    }

    /// <summary>Ends them, to be built again.</summary>
    public Task StopAsync() => stop.CancelAsync();

    public void Dispose()
    {
        stop.Dispose();
        overdue.Dispose();
    }
}
