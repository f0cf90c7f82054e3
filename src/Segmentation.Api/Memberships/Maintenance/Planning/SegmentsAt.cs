using Segmentation.Rules;

namespace Segmentation.Api.Memberships;

/// <summary>The segments as they are evaluated at one instant; what is the same for all customers is computed once.</summary>
/// <param name="plan">The segments.</param>
/// <param name="rebuilds">Which of them are being built, and of which the stored membership is valid.</param>
/// <param name="transitionWatermarks">Up to when time transitions are known, by the segment's id.</param>
/// <param name="watermark">The instant up to which all stored membership is true.</param>
/// <param name="at">The instant.</param>
internal sealed class SegmentsAt(
    MembershipPlan plan,
    SegmentRebuilds rebuilds,
    IReadOnlyDictionary<int, DateTimeOffset> transitionWatermarks,
    DateTimeOffset watermark,
    DateTimeOffset at)
{
    private readonly SegmentAt?[] byOrdinal = new SegmentAt?[plan.Segments.Count];
    private readonly Dictionary<(DateTimeOffset, string), Evaluation> evaluations = [];

    public MembershipPlan Plan => plan;

    public DateTimeOffset At => at;

    /// <summary>A customer that was evaluated may have moved other customers' ranks.</summary>
    public bool RanksMoved { get; set; }

    /// <summary>Some of it is left to the next evaluation, or to a rebuild that does not wait yet.</summary>
    public bool IsIncomplete { get; set; }

    public SegmentAt Get(int ordinal) => byOrdinal[ordinal] ??= Create(plan.Segments[ordinal]);

    /// <summary>Whether a customer may have moved the ranks that a segment reads, which is then rebuilt as a whole.</summary>
    /// <remarks>
    /// Its rule may read more than ranks: where time alone is the reason, only a customer that time may have
    /// brought in or out since the watermark counts.
    /// </remarks>
    public bool MovesRanks(SegmentAt segment, CustomerUnderEvaluation evaluated)
    {
        if (!ReferenceEquals(evaluated.Request.Scope, plan.Clock))
        {
            return true;
        }

        var margin = segment.Plan.IsRegular(watermark, at) ? TimeSpan.Zero : SegmentAt.Irregularity;
        return segment.Plan.MayTransition(segment.EvaluationAt(watermark - margin), segment.EvaluationAt(at + margin))(evaluated.Customer);
    }

    private SegmentAt Create(SegmentPlan segment)
    {
        var id = segment.Segment.Id;
        DateTimeOffset? until = segment.ReadsClock && transitionWatermarks.TryGetValue(id, out var known) && known > at ? known : null;
        return new SegmentAt(segment, EvaluationAt(at), until is { } end ? EvaluationAt(end) : null)
        {
            IsBuilding = rebuilds.IsBuilding(id),
            IsReady = rebuilds.IsReady(id),
            IsAwaited = rebuilds.IsAwaited(id),
            IsRegular = until is { } last && segment.IsRegular(at, last),
        };

        // One object for one instant and zone: rules cache what they have computed for it.
        Evaluation EvaluationAt(DateTimeOffset instant)
        {
            var key = (instant, segment.Segment.TimeZone);
            return evaluations.TryGetValue(key, out var cached)
                ? cached
                : evaluations[key] = new Evaluation(instant, segment.Segment.TimeZone);
        }
    }
}
