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
internal sealed partial class SegmentRebuilds(
    RebuildRunner runner, MembershipWriter writer, MembershipOptions options, TimeProvider time, ILogger logger, CancellationToken stop)
    : IDisposable
{
    // Groups that run at the same time: one builder is kept for those that are not long.
    private const int MaxRunning = 2;

    private readonly HashSet<int> ready = [];
    private readonly Dictionary<int, SegmentRebuild> building = [];
    private readonly OrderedDictionary<int, SegmentRebuild> waiting = [];
    private readonly List<RunningBuilds> running = [];

    // By the segment's id.
    private readonly Dictionary<int, LongBuild> longBuilds = [];
    private double averageMs = 300;

    public bool IsEmpty => building.Count + waiting.Count == 0;

    /// <summary>The segments that are to be rebuilt, or are being rebuilt.</summary>
    public int[] Segments => [.. building.Keys, .. waiting.Keys];

    /// <summary>The ends of those that run.</summary>
    public IEnumerable<Task> Ends => building.Values.Select(b => b.Ended.Task);

    /// <summary>All that runs.</summary>
    public IEnumerable<Task> Running => running.Select(r => r.Task);

    /// <summary>Whether the stored membership of a segment is valid.</summary>
    public bool IsReady(int segment) => ready.Contains(segment);

    public bool IsBuilding(int segment) => building.ContainsKey(segment);

    /// <summary>Whether a segment waits to be rebuilt because customers were written; that can't be cancelled.</summary>
    public bool IsAwaited(int segment) =>
        waiting.TryGetValue(segment, out var rebuild) && rebuild is { Cause: not MembershipCause.Refresh, Entries.Count: > 0 };

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
    public void RemoveUnplanned(MembershipPlan plan)
    {
        foreach (var id in waiting.Keys.Where(id => !plan.ById.ContainsKey(id)).ToList())
        {
            waiting.Remove(id);
        }
    }

    /// <summary>An entry of the change log is no longer done with a rebuild.</summary>
    public void RemoveEntry(long entry)
    {
        foreach (var rebuild in waiting.Values)
        {
            rebuild.Entries.Remove(entry);
        }
    }

    /// <summary>Customers no longer exist that those that run may have read before.</summary>
    public void Erase(IEnumerable<long> keys)
    {
        foreach (var rebuild in building.Values)
        {
            rebuild.Erased.AddRange(keys);
        }
    }

    /// <summary>Whether what a segment means by now is being built, or waits for it.</summary>
    public bool IsUnderWay(SegmentPlan segment) =>
        FindWaiting(segment)?.Plan.Fingerprint == segment.Fingerprint
        || (building.TryGetValue(segment.Segment.Id, out var rebuild) && rebuild.Plan.Fingerprint == segment.Fingerprint
            && !rebuild.Cancellation.IsCancellationRequested);

    /// <summary>Has a segment that failed, and waits for that, rebuilt as soon as possible.</summary>
    public void RetryNow(SegmentPlan segment)
    {
        if (FindWaiting(segment) is { } rebuild)
        {
            rebuild.NotBefore = DateTimeOffset.MinValue;
        }
    }

    /// <summary>Has a segment rebuilt as soon as possible, once.</summary>
    public SegmentRebuild Enqueue(SegmentPlan segment, MembershipCause cause)
    {
        var rebuild = FindWaiting(segment);
        if (rebuild is not null && rebuild.Plan.Fingerprint != segment.Fingerprint)
        {
            (rebuild.Failures, rebuild.NotBefore) = (0, DateTimeOffset.MinValue);
        }

        if (rebuild is null)
        {
            waiting.Add(segment.Segment.Id, rebuild = new SegmentRebuild(segment) { Cause = cause });
        }
        else if (!ready.Contains(segment.Segment.Id))
        {
            rebuild.Cause = MembershipCause.Definition;
        }

        rebuild.Plan = segment;
        return rebuild;
    }

    /// <summary>Starts as many as may run, each after those that it refers to.</summary>
    /// <param name="reached">The instant up to which everything committed has been evaluated.</param>
    public async Task StartAsync(MembershipPlan plan, DateTimeOffset at, DateTimeOffset reached)
    {
        foreach (var ended in running.FindAll(r => r.Task.IsCompleted))
        {
            running.Remove(ended);
            ended.Dispose();
        }

        foreach (var rebuild in waiting.Values)
        {
            var before = longBuilds.GetValueOrDefault(rebuild.Plan.Segment.Id);
            rebuild.Before = before?.Fingerprint == rebuild.Plan.Fingerprint ? before : null;
        }

        await MakeRoomAsync();
        for (var i = 0; i < waiting.Count && running.Count < MaxRunning; i++)
        {
            var first = waiting.GetAt(i).Value;
            if (!MayStart(first))
            {
                continue;
            }

            // Rules over nothing but customers' own columns read all customers, whatever they are: one scan serves many. One that failed is
            // tried alone, so that it doesn't fail the others.
            List<SegmentRebuild> group = MayShare(first)
                ? [.. waiting.Values.Skip(i).Where(b => MayShare(b) && MayStart(b)).Take(RebuildRunner.MaxShared)]
                : [first];
            group.ForEach(b => waiting.Remove(b.Plan.Segment.Id));
            i--;
            var alone = waiting.Count + building.Count == 0;
            var builds = new RunningBuilds(group, options, stop);
            foreach (var rebuild in group)
            {
                rebuild.Cancellation = CancellationTokenSource.CreateLinkedTokenSource(builds.Token);
                rebuild.Builds = builds;
                rebuild.Reached = reached;
                rebuild.IsInitial = !ready.Contains(rebuild.Plan.Segment.Id);
                rebuild.Definitions = plan.Definitions;
                rebuild.Users =
                    [.. plan.Segments.Where(s => s.References.Contains(rebuild.Plan.Segment.Key)).Select(s => s.Segment.Id)];
                building.Add(rebuild.Plan.Segment.Id, rebuild);
            }

            builds.Task = Task.Run(() => runner.RunAsync(group, alone, builds.Token), CancellationToken.None);
            running.Add(builds);
        }

        static bool MayShare(SegmentRebuild rebuild) => rebuild is { Failures: 0, Before: null, Plan.ReadsColumnsAlone: true };

        // What takes long holds up only what does: one such goes on; a second one goes on until another could start, and then waits.
        // Of many it is not known which of them does: each is built by itself.
        async Task MakeRoomAsync()
        {
            foreach (var builds in running.Where(r => r is { IsLong: false, HasTakenLong: true } or { IsHeldUp: true }).ToList())
            {
                var hasRoom = builds.IsLong || HasRoomForLong();
                if (hasRoom || waiting.Values.Any(w => !w.IsLong && MayStart(w)))
                {
                    builds.MarkLong(longBuilds);
                    await (!hasRoom || builds.IsHeldUp ? builds.StopAsync() : Task.CompletedTask);
                }
            }
        }

        bool HasRoomForLong() => running.Count(r => r.IsLong) < MaxRunning - 1;

        bool MayStart(SegmentRebuild rebuild) => !building.ContainsKey(rebuild.Plan.Segment.Id) && rebuild.NotBefore <= at
            && (!rebuild.IsLong || HasRoomForLong())
            && rebuild.Plan.References.Select(k => plan.Definitions.Segments[k]).Where(s => s.Status == SegmentStatus.Active)
                .All(s => ready.Contains(s.Id) && !building.ContainsKey(s.Id) && !waiting.ContainsKey(s.Id));
    }

    /// <summary>Cancels a segment's refresh, whether it waits or runs.</summary>
    public async Task CancelRefreshAsync(int segment, CancellationToken cancellation)
    {
        if (waiting.GetValueOrDefault(segment)?.Cause == MembershipCause.Refresh)
        {
            waiting.Remove(segment);
        }

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

    public void Dispose() => running.ForEach(r => r.Dispose());

    private SegmentRebuild? FindWaiting(SegmentPlan segment) => waiting.GetValueOrDefault(segment.Segment.Id);
}
