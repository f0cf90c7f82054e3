using Segmentation.Rules;

namespace Segmentation.Api.Memberships;

/// <summary>The segments as they are put to customers at one instant; what is the same for all customers is worked out once.</summary>
/// <param name="plan">The segments.</param>
/// <param name="builds">Which of them are being built, and of which what is stored holds.</param>
/// <param name="scannedUntil">Up to when it is known whom time moves, by the segment's id.</param>
/// <param name="keptUntil">All was known to be true then.</param>
/// <param name="at">The instant.</param>
internal sealed class SegmentsAt(MembershipPlan plan, SegmentRebuilds builds, IReadOnlyDictionary<int, DateTimeOffset> scannedUntil, DateTimeOffset keptUntil, DateTimeOffset at)
{
    private readonly SegmentAt?[] all = new SegmentAt?[plan.Segments.Count];
    private readonly Dictionary<(DateTimeOffset, string), Evaluation> clocks = [];

    public MembershipPlan Plan => plan;

    public DateTimeOffset At => at;

    /// <summary>Someone that was looked at may have moved other customers' ranks.</summary>
    public bool RanksMoved { get; set; }

    public SegmentAt Get(int place) => all[place] ??= Ask(plan.Segments[place]);

    /// <summary>Whether a customer may have moved the ranks that a segment asks for, which is then asked as a whole.</summary>
    /// <remarks>Not only ranks may be what it reads. By time alone, only where that may have brought the customer in or out since all was known to be true.</remarks>
    public bool MovesRanks(SegmentAt segment, EvaluatedCustomer looked)
    {
        var margin = segment.Plan.IsRegular(keptUntil, at) ? TimeSpan.Zero : SegmentAt.Irregularity;
        return !ReferenceEquals(looked.Look.Scope, plan.Clock) || segment.Plan.Flips(segment.Clock(keptUntil - margin), segment.Clock(at + margin))(looked.Customer);
    }

    private SegmentAt Ask(SegmentPlan segment)
    {
        var id = segment.Segment.Id;
        DateTimeOffset? until = segment.ReadsClock && scannedUntil.TryGetValue(id, out var scanned) && scanned > at ? scanned : null;
        return new SegmentAt(segment, Clock(at), until is { } end ? Clock(end) : null)
        {
            IsBuilding = builds.IsBuilding(id),
            IsReady = builds.IsReady(id),
            IsRegular = until is { } last && segment.IsRegular(at, last),
        };

        // One object for one instant and zone: rules keep what they have worked out for it.
        Evaluation Clock(DateTimeOffset instant)
        {
            var key = (instant, segment.Segment.TimeZone);
            return clocks.TryGetValue(key, out var known) ? known : clocks[key] = new Evaluation(instant, segment.Segment.TimeZone);
        }
    }
}
