using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;

namespace Segmentation.Api.Memberships;

/// <summary>How rebuilds end: stored, or to be tried again.</summary>
internal sealed partial class SegmentRebuilds
{
    private static readonly TimeSpan MaxRetryDelay = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan FirstLongDelay = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan MaxLongDelay = TimeSpan.FromHours(24);

    /// <summary>Takes up those that have ended: what was not built is queued again, unless it was cancelled for good.</summary>
    /// <returns>Those that have ended, in whatever way.</returns>
    public async Task<IReadOnlyList<SegmentRebuild>> FinishAsync(MembershipPlan plan, DateTimeOffset at, CancellationToken cancellation)
    {
        List<SegmentRebuild> ended = [.. building.Values.Where(b => b.Ended.Task.IsCompleted)];
        foreach (var rebuild in ended)
        {
            var id = rebuild.Plan.Segment.Id;
            building.Remove(id);
            rebuild.Cancellation.Dispose();
            try
            {
                await rebuild.Ended.Task;
                ready.Add(id);
                averageMs = (0.9 * averageMs) + (0.1 * rebuild.Ms);
                if (rebuild.Ms < options.LongBuild.TotalMilliseconds)
                {
                    longBuilds.Remove(id);
                }

                if (plan.ById.TryGetValue(id, out var latest))
                {
                    await ConfirmAsync(rebuild, latest, plan, cancellation);
                }
            }
            catch (Exception failed) when (failed is not LeadershipLostException && !cancellation.IsCancellationRequested)
            {
                await RetryAsync(rebuild, failed, plan, at, cancellation);
            }
        }

        return ended;
    }

    private async Task RetryAsync(
        SegmentRebuild rebuild, Exception failed, MembershipPlan plan, DateTimeOffset at, CancellationToken cancellation)
    {
        if (rebuild.Builds.IsOverdue)
        {
            rebuild.Builds.MarkLong(longBuilds);
            failed = rebuild.Builds.AreMany ? new OperationCanceledException() : new TimeoutException();
        }

        if (!plan.ById.TryGetValue(rebuild.Plan.Segment.Id, out var latest) || rebuild.IsAbandoned)
        {
            return;
        }

        if (failed is OperationCanceledException || latest.Fingerprint != rebuild.Plan.Fingerprint)
        {
            EnqueueAgain(rebuild, latest);
        }
        else
        {
            await FailAsync(rebuild, failed, latest, at, cancellation);
        }
    }

    // Definitions may have changed while it was built: its own, or another's, which leaves what was built as it is.
    private async Task ConfirmAsync(SegmentRebuild rebuild, SegmentPlan latest, MembershipPlan plan, CancellationToken cancellation)
    {
        if (latest.Fingerprint != rebuild.Plan.Fingerprint)
        {
            ready.Remove(latest.Segment.Id);
            Enqueue(latest, MembershipCause.Definition);
        }
        else if (rebuild.Definitions.Version != plan.Definitions.Version)
        {
            await writer.SetReadyAsync(latest.Segment.Id, plan.Definitions.Version, cancellation);
        }
    }

    private async Task FailAsync(
        SegmentRebuild rebuild, Exception failed, SegmentPlan segment, DateTimeOffset at, CancellationToken cancellation)
    {
        rebuild.Failures++;
        var (first, max) = failed is TimeoutException ? (FirstLongDelay, MaxLongDelay) : (TimeSpan.FromSeconds(5), MaxRetryDelay);
        var delay = TimeSpan.FromSeconds(Math.Min(max.TotalSeconds, first.TotalSeconds * Math.Pow(2, rebuild.Failures - 1)));
        logger.LogError(failed, "A segment could not be rebuilt; next attempt in {Delay}", delay);
        await writer.SetStateAsync(
            segment.Segment.Id,
            "status = CASE WHEN status = 'Ready' THEN status ELSE 'Failed' END, error = $2, failures = $3, retry_at = $4, finished_at = $5",
            cancellation,
            SqlParameter.Create(RebuildError.Describe(failed, options.BuildLimit), NpgsqlDbType.Text),
            SqlParameter.Create(rebuild.Failures, NpgsqlDbType.Integer),
            SqlParameter.Create(at + delay, NpgsqlDbType.TimestampTz),
            SqlParameter.Create(at, NpgsqlDbType.TimestampTz));
        var next = EnqueueAgain(rebuild, segment);
        (next.Failures, next.NotBefore) = (rebuild.Failures, at + delay);
    }

    private SegmentRebuild EnqueueAgain(SegmentRebuild rebuild, SegmentPlan segment)
    {
        var next = Enqueue(segment, rebuild.Cause);
        next.Entries.AddRange(rebuild.Entries);
        next.IsDoubtful |= rebuild.IsDoubtful || rebuild.Written.Customers > 0;
        return next;
    }
}
