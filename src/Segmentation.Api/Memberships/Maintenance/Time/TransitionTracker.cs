using Segmentation.Api.Changes;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Knows which customers time may bring in or out. They are found an hour ahead, beside everything else: evaluated
/// at once, and again when they are due.
/// </summary>
internal sealed class TransitionTracker(
    TransitionScan scan, EvaluationSchedule schedule, SegmentRebuilds rebuilds, ILogger logger, CancellationToken stop)
{
    private static readonly TimeSpan Horizon = TimeSpan.FromHours(1);

    // The next hour is scanned before this one ends.
    private static readonly TimeSpan HorizonMargin = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Quarter = TimeSpan.FromMinutes(15);

    private const int MaxDue = 4000;

    private readonly Dictionary<int, DateTimeOffset> watermarks = [];
    private readonly Queue<long> found = new();
    private (Dictionary<int, DateTimeOffset> From, Task<HashSet<long>> Found)? running;
    private DateTimeOffset nextQuarter = DateTimeOffset.MinValue;

    /// <summary>Whether nobody that was found waits for evaluation, and no scan runs.</summary>
    public bool IsIdle => found.Count == 0 && running is null;

    /// <summary>Whether more were due, or found, than have been taken.</summary>
    public bool HasMore { get; private set; }

    public Task Running => running?.Found ?? Task.CompletedTask;

    /// <summary>Up to when transitions are known, by the segment's id.</summary>
    public IReadOnlyDictionary<int, DateTimeOffset> Watermarks => watermarks;

    /// <summary>Starts the search for transitions from an instant on.</summary>
    public void Start(MembershipPlan plan, DateTimeOffset from)
    {
        foreach (var segment in plan.Segments.Where(s => s.ReadsClock))
        {
            watermarks[segment.Segment.Id] = from;
        }
    }

    /// <summary>Goes on from where a rebuild has ended.</summary>
    public void Resume(SegmentRebuild rebuild, MembershipPlan plan)
    {
        var id = rebuild.Plan.Segment.Id;
        if (rebuild.IsInitial)
        {
            watermarks[id] = rebuild.At;
        }

        if (rebuild.Plan.ReadsLocalTime && rebuild.At < nextQuarter - Quarter && rebuilds.IsReady(id))
        {
            rebuilds.Enqueue(plan.ById[id], MembershipCause.Time);
        }
    }

    /// <summary>The segments of which it is not known yet whom time has moved up to an instant.</summary>
    public IEnumerable<int> FindBehind(MembershipPlan plan, DateTimeOffset at) => watermarks.Concat(running?.From ?? [])
        .Where(w => w.Value < at && plan.ById.GetValueOrDefault(w.Key) is { ReadsClock: true })
        .Select(w => w.Key);

    /// <summary>Takes customers that are to be evaluated now.</summary>
    public async Task<IReadOnlySet<long>> TakeDueAsync(MembershipPlan plan, DateTimeOffset at, CancellationToken cancellation)
    {
        EnqueueQuarter(plan, at);
        await EndScanAsync(cancellation);
        StartScan(plan, at);
        var keys = new HashSet<long>(schedule.Take(at, MaxDue));
        while (keys.Count < MaxDue && found.TryDequeue(out var key))
        {
            keys.Add(key);
        }

        HasMore = keys.Count >= MaxDue;
        return keys;
    }

    // Customers' own time of day changes at full quarters of an hour, for all of a time zone at once.
    private void EnqueueQuarter(MembershipPlan plan, DateTimeOffset at)
    {
        if (at < nextQuarter)
        {
            return;
        }

        if (nextQuarter != DateTimeOffset.MinValue)
        {
            foreach (var segment in plan.Segments.Where(s => s.ReadsLocalTime && rebuilds.IsReady(s.Segment.Id)))
            {
                rebuilds.Enqueue(segment, MembershipCause.Time);
            }
        }

        nextQuarter = new DateTimeOffset(at.UtcTicks - (at.UtcTicks % Quarter.Ticks) + Quarter.Ticks, TimeSpan.Zero);
    }

    private async Task EndScanAsync(CancellationToken cancellation)
    {
        if (running is not { Found.IsCompleted: true } ended)
        {
            return;
        }

        running = null;
        try
        {
            foreach (var key in await ended.Found)
            {
                found.Enqueue(key);
            }
        }
        catch (Exception failed) when (!cancellation.IsCancellationRequested)
        {
            logger.LogError(failed, "Time transitions of the next hour could not be found; trying again");
            foreach (var (segment, from) in ended.From)
            {
                watermarks[segment] = from;
            }
        }
    }

    // Customers that are evaluated while the scan runs are evaluated up to the new end.
    private void StartScan(MembershipPlan plan, DateTimeOffset at)
    {
        if (running is not null)
        {
            return;
        }

        var old = plan.Segments.Where(s => s.ReadsClock && rebuilds.IsReady(s.Segment.Id) && IsOld(s)).ToList();
        if (old.Count == 0)
        {
            return;
        }

        var from = old.ToDictionary(s => s.Segment.Id, s => watermarks.GetValueOrDefault(s.Segment.Id, at));
        var end = at + Horizon;
        foreach (var segment in old)
        {
            watermarks[segment.Segment.Id] = end;
        }

        var definitions = plan.Definitions;
        (SegmentPlan, DateTimeOffset)[] segments = [.. old.Select(s => (s, from[s.Segment.Id]))];
        running = (from, Task.Run(() => scan.FindAsync(definitions, segments, end, stop), CancellationToken.None));

        bool IsOld(SegmentPlan segment) =>
            !watermarks.TryGetValue(segment.Segment.Id, out var watermark) || watermark - at < HorizonMargin;
    }
}
