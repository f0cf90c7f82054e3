using Segmentation.Api.Customers;
using Segmentation.Rules;

namespace Segmentation.Api.Memberships;

/// <summary>The segments as they are put to customers at one instant; what is the same for all customers is worked out once.</summary>
/// <param name="plan">The segments.</param>
/// <param name="builds">Which of them are being built, and of which what is stored holds.</param>
/// <param name="scannedUntil">Up to when it is known whom time moves, by the segment's id.</param>
/// <param name="keptUntil">All was known to be true then.</param>
/// <param name="at">The instant.</param>
internal sealed class SegmentsAt(MembershipPlan plan, SegmentBuilds builds, IReadOnlyDictionary<int, DateTimeOffset> scannedUntil, DateTimeOffset keptUntil, DateTimeOffset at)
{
    private readonly SegmentAt?[] all = new SegmentAt?[plan.Segments.Count];
    private readonly Dictionary<(DateTimeOffset, string), Evaluation> clocks = [];

    public MembershipPlan Plan => plan;

    public DateTimeOffset At => at;

    /// <summary>Someone that was looked at may have moved other customers' ranks.</summary>
    public bool RanksMoved { get; set; }

    public SegmentAt Of(int place) => all[place] ??= Ask(plan.Segments[place]);

    /// <summary>Whether a customer may have moved the ranks that a segment asks for, which is then asked as a whole.</summary>
    /// <remarks>Not only ranks may be what it reads. By time alone, only where that may have brought the customer in or out since all was known to be true.</remarks>
    public bool MovesRanks(SegmentAt segment, Looked looked)
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

/// <summary>A segment as it is put to customers at one instant.</summary>
/// <param name="Plan">The segment.</param>
/// <param name="Now">The instant that is looked at.</param>
/// <param name="Until">What time changes is looked into up to here; null where there is nothing, or it has not been begun with.</param>
internal sealed record SegmentAt(SegmentPlan Plan, Evaluation Now, Evaluation? Until)
{
    /// <summary>How far a bound can be from where it would be without a change of clocks, amply.</summary>
    public static readonly TimeSpan Irregularity = TimeSpan.FromHours(3);

    public required bool IsBuilding { get; init; }

    public required bool IsReady { get; init; }

    public required bool IsRegular { get; init; }

    /// <summary>Time moves its members, and when is known ahead.</summary>
    public bool IsKept => IsReady && !IsBuilding && Until is not null;

    /// <summary>Whether time may bring a customer in or out until then.</summary>
    public Func<Customer, bool> Flips { get; } = Until is null ? _ => false : Plan.Flips(Now, Until);

    public Evaluation Clock(DateTimeOffset instant) => new(instant, Plan.Segment.TimeZone);

    /// <summary>The first instant up to which nothing is certain to stay as it is; null when all is, until the end of what has been looked into.</summary>
    public DateTimeOffset? NextFlip(Customer customer)
    {
        var (at, until) = (Now.AsOf, Until!.AsOf);
        if (!IsRegular)
        {
            // Clocks are changed near here: then it is looked at again and again, until that is over.
            return Plan.Flips(Clock(at - Irregularity), Clock(until + Irregularity))(customer) ? at.AddSeconds(1) : null;
        }

        if (!Flips(customer))
        {
            return null;
        }

        var (low, high) = (at.UtcTicks / TimeSpan.TicksPerMicrosecond, until.UtcTicks / TimeSpan.TicksPerMicrosecond);
        while (high - low > 1)
        {
            var middle = low + ((high - low) / 2);
            (low, high) = Plan.Flips(Now, Clock(new DateTimeOffset(middle * TimeSpan.TicksPerMicrosecond, TimeSpan.Zero)))(customer) ? (low, middle) : (middle, high);
        }

        return new DateTimeOffset(high * TimeSpan.TicksPerMicrosecond, TimeSpan.Zero);
    }
}
