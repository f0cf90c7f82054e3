using Npgsql;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Maintains stored membership for as long as this process leads: customers that were written, or that time may move, are evaluated in
/// memory, a set at a time (<see cref="CustomerEvaluator"/>); whole segments are rebuilt in PostgreSQL where a definition is new or too
/// many customers were written (<see cref="SegmentRebuilds"/>).
/// </summary>
/// <remarks>
/// All of it depends on state, not on history: a customer is evaluated as it is now, and what is stored is brought to that. So a change may
/// be processed twice, late or in any order, and the outcome is the same.
/// </remarks>
internal sealed class MembershipMaintainer : IDisposable
{
    private readonly DefinitionCache definitions;
    private readonly IServiceScopeFactory scopes;
    private readonly RevenueOptions revenue;
    private readonly FeedbackOptions feedback;
    private readonly TimeProvider time;
    private readonly CancellationTokenSource stop = new();
    private readonly MembershipWriter writer;
    private readonly MembershipProgress progress;
    private readonly SegmentRebuilds rebuilds;
    private readonly RankRebuilds ranks;
    private readonly TransitionTracker transitions;
    private readonly CustomerEvaluator evaluator;
    private readonly ChangeLogReader changes;
    private readonly ChangeLogDispatcher dispatcher;
    private readonly BulkChanges bulk;
    private readonly StoredSegmentReconciler stored;
    private readonly HistoryPurge purge;
    private MembershipPlan? plan;
    private bool isIncomplete;

    /// <param name="fencingToken">Of this term of leadership: what is written is written only while it is the latest.</param>
    /// <param name="watermark">The instant up to which all stored membership was true before.</param>
    public MembershipMaintainer(
        IServiceScopeFactory scopes,
        [FromKeyedServices(MembershipLeadership.Source)] NpgsqlDataSource source,
        DefinitionCache definitions,
        CustomerRowReaders readers,
        RevenueOptions revenue,
        FeedbackOptions feedback,
        MembershipOptions options,
        IEnumerable<IRevisionObserver> observers,
        TimeProvider time,
        ILogger logger,
        long fencingToken,
        DateTimeOffset watermark)
    {
        (this.scopes, this.definitions, this.revenue, this.feedback, this.time) = (scopes, definitions, revenue, feedback, time);
        var schedule = new EvaluationSchedule();
        writer = new MembershipWriter(source, observers, fencingToken);
        progress = new MembershipProgress(writer, watermark);
        var runner = new RebuildRunner(scopes, writer, new RebuildWriter(writer, schedule, time), options, time);
        rebuilds = new SegmentRebuilds(runner, writer, options, time, logger, stop.Token);
        ranks = new RankRebuilds(rebuilds);
        transitions = new TransitionTracker(new TransitionScan(scopes, options), schedule, rebuilds, logger, stop.Token);
        evaluator = new CustomerEvaluator(scopes, source, new CustomerReader(source, readers), writer, rebuilds, schedule, options);
        changes = new ChangeLogReader(source);
        dispatcher = new ChangeLogDispatcher(writer, rebuilds, ranks);
        bulk = new BulkChanges(source, writer, rebuilds, ranks, logger);
        stored = new StoredSegmentReconciler(writer, rebuilds);
        purge = new HistoryPurge(source, options, logger, stop.Token);
    }

    /// <summary>Whether nothing is left of what it knows of.</summary>
    public bool IsSettled => rebuilds.IsEmpty && transitions.IsIdle && !ranks.IsPending;

    /// <summary>Does what there is to do now.</summary>
    /// <returns>Whether there was anything.</returns>
    /// <exception cref="LeadershipLostException">Another process maintains membership now.</exception>
    public async Task<bool> TickAsync(CancellationToken cancellation)
    {
        var at = LocalTime.Truncate(time.GetUtcNow());
        if (plan is not null)
        {
            await FinishRebuildsAsync(plan, at, cancellation);
        }

        var pending = await changes.ReadAsync(rebuilds.Segments, cancellation);
        if (plan is null || plan.Definitions.Version != pending.DefinitionsVersion)
        {
            plan = await ReloadAsync(plan, at, cancellation);
        }

        foreach (var segment in pending.Cancelled)
        {
            await rebuilds.CancelRefreshAsync(segment, cancellation);
        }

        isIncomplete = false;
        var evaluated = await EvaluateChangesAsync(plan, pending, at, cancellation);
        evaluated |= await EvaluateDueAsync(plan, at, cancellation);
        ranks.Enqueue(plan);
        await rebuilds.StartAsync(plan, at, progress.Ahead);
        purge.Start(at);

        var isReady = plan.Segments.All(s => rebuilds.IsReady(s.Segment.Id));
        await progress.RecordAsync(
            at,
            FindBehind(plan, at),
            pending.HasMore || transitions.HasMore || isIncomplete,
            isReady ? plan.Definitions.Version : null,
            cancellation);

        return evaluated || pending.HasMore;
    }

    /// <summary>Waits for that long, or until a rebuild has ended, so that the next one starts at once.</summary>
    public async Task WaitAsync(TimeSpan max, CancellationToken cancellation)
    {
        await Task.WhenAny([Task.Delay(max, cancellation), .. rebuilds.Ends]);
        cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>Ends all that runs beside the ticks; what rebuilds have not written is done again by the next leader.</summary>
    public async Task StopAsync()
    {
        await stop.CancelAsync();
        foreach (var running in (Task[])[.. rebuilds.Running, purge.Running, transitions.Running])
        {
            await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public void Dispose()
    {
        rebuilds.Dispose();
        stop.Dispose();
        writer.Dispose();
    }

    // The segments whose stored membership may lack what was written, or what time has moved, up to now.
    private HashSet<int> FindBehind(MembershipPlan current, DateTimeOffset at)
    {
        var behind = new SegmentSet(current.Segments.Count);
        foreach (var id in rebuilds.Segments.Concat(transitions.FindBehind(current, at)))
        {
            if (current.ById.TryGetValue(id, out var segment))
            {
                behind.Add(current.Following(segment));
            }
        }

        if (ranks.IsPending)
        {
            behind.Add(current.Rank);
        }

        return [.. behind.Ordinals().Select(o => current.Segments[o].Segment.Id)];
    }

    private async Task FinishRebuildsAsync(MembershipPlan current, DateTimeOffset at, CancellationToken cancellation)
    {
        foreach (var rebuild in await rebuilds.FinishAsync(current, at, cancellation))
        {
            await evaluator.UpdateCacheAsync(rebuild, current, cancellation);
            if (rebuild.IsBuilt)
            {
                ranks.Delay(rebuild);
                transitions.Resume(rebuild, current);
            }
        }
    }

    private async Task<MembershipPlan> ReloadAsync(MembershipPlan? previous, DateTimeOffset at, CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
        var current = new MembershipPlan(await definitions.GetAsync(db, cancellation), revenue, feedback, previous);
        await stored.ReconcileAsync(db, current, previous is null ? progress.Watermark : null, at, cancellation);
        evaluator.ClearCache(current);
        if (previous is null || current.HasNewScores(previous))
        {
            // Whoever led before may not have got to it.
            foreach (var ordinal in current.Scores.Ordinals())
            {
                rebuilds.Enqueue(current.Segments[ordinal], MembershipCause.Score);
            }
        }

        if (previous is null)
        {
            if (!current.Segments.Any(s => rebuilds.IsReady(s.Segment.Id)))
            {
                // Where nothing stored is valid, all that will be stored is of now or later.
                progress.AdvanceTo(at);
            }

            // What had moved ranks may have been evaluated, and deleted from the change log, without the rebuild that follows from it.
            ranks.MarkMoved(current);
            transitions.Start(current, progress.Watermark);
        }

        return current;
    }

    private async Task<bool> EvaluateChangesAsync(
        MembershipPlan current, PendingChanges pending, DateTimeOffset at, CancellationToken cancellation)
    {
        if (pending.Entries.Count == 0)
        {
            return false;
        }

        if (!pending.HasMore || !await bulk.RebuildInsteadAsync(current, cancellation))
        {
            // Who was erased leaves first: another customer may have the id by now, and join.
            var (requests, done) = await dispatcher.DispatchAsync(current, pending.Entries, cancellation);
            var erased = requests.Where(r => r.Value.Erased).ToDictionary();
            if (erased.Count > 0 && erased.Count < requests.Count)
            {
                await EvaluateAsync(current, erased, [], at, cancellation);
                requests = requests.Where(r => !r.Value.Erased).ToDictionary();
            }

            await EvaluateAsync(current, requests, done, at, cancellation);
        }

        return true;
    }

    private async Task<bool> EvaluateDueAsync(MembershipPlan current, DateTimeOffset at, CancellationToken cancellation)
    {
        var keys = await transitions.TakeDueAsync(current, at, cancellation);
        if (keys.Count == 0)
        {
            return false;
        }

        var requests = keys.ToDictionary(
            k => k, _ => new EvaluationRequest(current.Clock) { Cause = MembershipCause.Time, Since = DateTimeOffset.MinValue });
        await EvaluateAsync(current, requests, [], at, cancellation);
        return true;
    }

    private async Task EvaluateAsync(
        MembershipPlan current,
        IReadOnlyDictionary<long, EvaluationRequest> requests,
        IReadOnlyList<ChangeLogEntry> done,
        DateTimeOffset at,
        CancellationToken cancellation)
    {
        var segments = new SegmentsAt(current, rebuilds, transitions.Watermarks, progress.Watermark, at);
        await evaluator.EvaluateAsync(requests, done, segments, cancellation);
        isIncomplete |= segments.IsIncomplete;
        if (segments.RanksMoved)
        {
            ranks.MarkMoved(current);
        }
    }
}
