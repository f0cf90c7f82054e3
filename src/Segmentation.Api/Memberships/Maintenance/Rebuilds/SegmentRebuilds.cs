using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Rebuilds whole segments in PostgreSQL, beside everything else: which wait, which run, and of which the stored membership is valid.
/// </summary>
internal sealed class SegmentRebuilds(
    RebuildRunner runner, MembershipWriter writer, TimeProvider time, ILogger logger, CancellationToken stop)
{
    private static readonly TimeSpan MaxRetryDelay = TimeSpan.FromMinutes(10);

    // Groups that run at the same time.
    private const int MaxRunning = 2;

    private readonly HashSet<int> ready = [];
    private readonly Dictionary<int, SegmentRebuild> building = [];
    private readonly List<SegmentRebuild> waiting = [];
    private readonly List<Task> running = [];
    private double averageMs = 300;

    public bool IsEmpty => building.Count + waiting.Count == 0;

    /// <summary>The segments that are to be rebuilt, or are being rebuilt.</summary>
    public int[] Segments => [.. building.Keys, .. waiting.Select(w => w.Plan.Segment.Id)];

    /// <summary>The ends of those that run.</summary>
    public IEnumerable<Task> Ends => building.Values.Select(b => b.Ended.Task);

    /// <summary>All that runs.</summary>
    public IEnumerable<Task> Running => running;

    /// <summary>Whether the stored membership of a segment is valid.</summary>
    public bool IsReady(int segment) => ready.Contains(segment);

    public bool IsBuilding(int segment) => building.ContainsKey(segment);

    /// <summary>An estimate of how long rebuilding that many segments takes, in milliseconds.</summary>
    public double EstimateMs(int segments) => segments * averageMs / MaxRunning;

    /// <summary>The stored membership of a segment is valid.</summary>
    public void SetReady(int segment) => ready.Add(segment);

    /// <summary>The stored membership of a segment is no longer valid, nor is what is being built.</summary>
    public async Task InvalidateAsync(int segment)
    {
        ready.Remove(segment);
        if (building.TryGetValue(segment, out var rebuild))
        {
            await rebuild.Cancellation.CancelAsync();
        }
    }

    /// <summary>Removes waiting segments that are no longer stored.</summary>
    public void RemoveUnplanned(MembershipPlan plan) => waiting.RemoveAll(w => !plan.ById.ContainsKey(w.Plan.Segment.Id));

    /// <summary>An entry of the change log is no longer done with a rebuild.</summary>
    public void RemoveEntry(long entry) => waiting.ForEach(w => w.Entries.Remove(entry));

    /// <summary>Customers no longer exist that those that run may have read before.</summary>
    public void Erase(IEnumerable<long> keys)
    {
        foreach (var rebuild in building.Values)
        {
            rebuild.Erased.AddRange(keys);
        }
    }

    /// <summary>Has a segment rebuilt as soon as possible, once.</summary>
    public SegmentRebuild Enqueue(SegmentPlan segment, MembershipCause cause)
    {
        var rebuild = waiting.FirstOrDefault(w => w.Plan.Segment.Id == segment.Segment.Id);
        if (rebuild is null)
        {
            waiting.Add(rebuild = new SegmentRebuild(segment) { Cause = cause });
        }
        else if (!ready.Contains(segment.Segment.Id))
        {
            rebuild.Cause = MembershipCause.Definition;
        }

        rebuild.Plan = segment;
        return rebuild;
    }

    /// <summary>Starts as many as may run, each after those that it refers to.</summary>
    public void Start(MembershipPlan plan, DateTimeOffset at)
    {
        running.RemoveAll(b => b.IsCompleted);
        for (var i = 0; i < waiting.Count && running.Count < MaxRunning; i++)
        {
            if (!MayStart(waiting[i]))
            {
                continue;
            }

            // Rules over nothing but customers' own columns read all customers, whatever they are: one scan serves many. One that failed is
            // tried alone, so that it doesn't fail the others.
            List<SegmentRebuild> group = MayShare(waiting[i])
                ? [.. waiting.Skip(i).Where(b => MayShare(b) && MayStart(b)).Take(RebuildRunner.MaxShared)]
                : [waiting[i]];
            waiting.RemoveAll(group.Contains);
            i--;
            var alone = waiting.Count + building.Count == 0;
            foreach (var rebuild in group)
            {
                rebuild.Cancellation = CancellationTokenSource.CreateLinkedTokenSource(stop);
                rebuild.IsInitial = !ready.Contains(rebuild.Plan.Segment.Id);
                rebuild.Definitions = plan.Definitions;
                rebuild.Users =
                    [.. plan.Segments.Where(s => s.References.Contains(rebuild.Plan.Segment.Key)).Select(s => s.Segment.Id)];
                building.Add(rebuild.Plan.Segment.Id, rebuild);
            }

            running.Add(Task.Run(() => runner.RunAsync(group, alone, stop), CancellationToken.None));
        }

        static bool MayShare(SegmentRebuild rebuild) => rebuild is { Failures: 0, Plan.ReadsColumnsAlone: true };

        bool MayStart(SegmentRebuild rebuild) => !building.ContainsKey(rebuild.Plan.Segment.Id) && rebuild.NotBefore <= at
            && rebuild.Plan.References.Select(k => plan.Definitions.Segments[k]).Where(s => s.Status == SegmentStatus.Active)
                .All(s => ready.Contains(s.Id) && !building.ContainsKey(s.Id) && !waiting.Any(w => w.Plan.Segment.Id == s.Id));
    }

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
                if (plan.ById.TryGetValue(id, out var latest) && latest.Fingerprint != rebuild.Plan.Fingerprint)
                {
                    ready.Remove(id);
                    Enqueue(latest, MembershipCause.Definition);
                }
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                if (plan.ById.TryGetValue(id, out var again) && !rebuild.IsAbandoned)
                {
                    EnqueueAgain(rebuild, again);
                }
            }
            catch (Exception failed) when (failed is not LeadershipLostException && !cancellation.IsCancellationRequested)
            {
                await FailAsync(rebuild, failed, plan, at, cancellation);
            }
        }

        return ended;
    }

    /// <summary>Cancels a segment's refresh, whether it waits or runs.</summary>
    public async Task CancelRefreshAsync(int segment, CancellationToken cancellation)
    {
        waiting.RemoveAll(w => w.Plan.Segment.Id == segment && w.Cause == MembershipCause.Refresh);
        if (building.TryGetValue(segment, out var current) && current.Cause == MembershipCause.Refresh)
        {
            current.IsAbandoned = true;
            await current.Cancellation.CancelAsync();
        }

        await writer.InTransactionAsync(null, async (connection, transaction) =>
        {
            await using var command = new NpgsqlCommand(
                $"""
                WITH rows AS ({ChangeLog.DeleteBuildsOfSegmentSql("$1", "$2")})
                UPDATE membership_states
                SET cancel_requested = false, finished_at = CASE WHEN $3 THEN greatest(started_at, $4) ELSE finished_at END
                WHERE segment_id = $1
                """,
                connection,
                transaction)
            {
                Parameters =
                {
                    SqlParameter.Create(segment, NpgsqlDbType.Integer),
                    SqlParameter.Create((short)MembershipCause.Refresh, NpgsqlDbType.Smallint),
                    SqlParameter.Create(current is { IsAbandoned: true }, NpgsqlDbType.Boolean),
                    SqlParameter.Create(LocalTime.Truncate(time.GetUtcNow()), NpgsqlDbType.TimestampTz),
                },
            };
            await command.ExecuteNonQueryAsync(cancellation);
        }, cancellation);
    }

    private async Task FailAsync(
        SegmentRebuild rebuild, Exception failed, MembershipPlan plan, DateTimeOffset at, CancellationToken cancellation)
    {
        var id = rebuild.Plan.Segment.Id;
        rebuild.Failures++;
        var delay = TimeSpan.FromSeconds(Math.Min(MaxRetryDelay.TotalSeconds, 5 * Math.Pow(2, rebuild.Failures - 1)));
        logger.LogError(failed, "A segment could not be rebuilt; next attempt in {Delay}", delay);
        await writer.SetStateAsync(
            id,
            "status = CASE WHEN status = 'Ready' THEN status ELSE 'Failed' END, error = $2, failures = $3, retry_at = $4, finished_at = $5",
            cancellation,
            SqlParameter.Create(RebuildError.Describe(failed), NpgsqlDbType.Text),
            SqlParameter.Create(rebuild.Failures, NpgsqlDbType.Integer),
            SqlParameter.Create(at + delay, NpgsqlDbType.TimestampTz),
            SqlParameter.Create(at, NpgsqlDbType.TimestampTz));
        if (plan.ById.TryGetValue(id, out var again))
        {
            var next = EnqueueAgain(rebuild, again);
            (next.Failures, next.NotBefore) = (rebuild.Failures, at + delay);
        }
    }

    private SegmentRebuild EnqueueAgain(SegmentRebuild rebuild, SegmentPlan segment)
    {
        var next = Enqueue(segment, rebuild.Cause);
        next.Entries.AddRange(rebuild.Entries);
        next.IsDoubtful |= rebuild.IsDoubtful || rebuild.Written.Customers > 0;
        return next;
    }
}
