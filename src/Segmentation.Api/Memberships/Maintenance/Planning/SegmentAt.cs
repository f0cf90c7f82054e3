using Segmentation.Api.Customers;
using Segmentation.Rules;

namespace Segmentation.Api.Memberships;

/// <summary>A segment as it is evaluated at one instant.</summary>
/// <param name="Plan">The segment.</param>
/// <param name="Now">The instant of the evaluation.</param>
/// <param name="Until">Time transitions are known up to here; null where there are none, or they have not been looked for yet.</param>
internal sealed record SegmentAt(SegmentPlan Plan, Evaluation Now, Evaluation? Until)
{
    /// <summary>At least how far a change of clocks can shift a bound.</summary>
    public static readonly TimeSpan Irregularity = TimeSpan.FromHours(3);

    public required bool IsBuilding { get; init; }

    public required bool IsReady { get; init; }

    /// <summary>It waits to be rebuilt, with all that is written until then.</summary>
    public required bool IsAwaited { get; init; }

    public required bool IsRegular { get; init; }

    /// <summary>Time moves its members, and its customers are scheduled for when it does.</summary>
    public bool IsScheduled => IsReady && !IsBuilding && Until is not null;

    /// <summary>Whether time may bring a customer in or out up to <see cref="Until"/>.</summary>
    public Func<Customer, bool> MayTransition { get; } = Until is null ? _ => false : Plan.MayTransition(Now, Until);

    public Evaluation EvaluationAt(DateTimeOffset instant) => new(instant, Plan.Segment.TimeZone);

    /// <summary>The first instant at which a customer's membership may change; null where it can't before <see cref="Until"/>.</summary>
    public DateTimeOffset? NextTransition(Customer customer)
    {
        var (at, until) = (Now.AsOf, Until!.AsOf);
        if (!IsRegular)
        {
            // Near a change of clocks the customer is re-evaluated every second until that is over.
            return Plan.MayTransition(EvaluationAt(at - Irregularity), EvaluationAt(until + Irregularity))(customer)
                ? at.AddSeconds(1)
                : null;
        }

        if (!MayTransition(customer))
        {
            return null;
        }

        var (low, high) = (at.UtcTicks / TimeSpan.TicksPerMicrosecond, until.UtcTicks / TimeSpan.TicksPerMicrosecond);
        while (high - low > 1)
        {
            var middle = low + ((high - low) / 2);
            var end = EvaluationAt(new DateTimeOffset(middle * TimeSpan.TicksPerMicrosecond, TimeSpan.Zero));
            (low, high) = Plan.MayTransition(Now, end)(customer) ? (low, middle) : (middle, high);
        }

        return new DateTimeOffset(high * TimeSpan.TicksPerMicrosecond, TimeSpan.Zero);
    }
}
