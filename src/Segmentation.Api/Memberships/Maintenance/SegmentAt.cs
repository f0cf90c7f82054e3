using Segmentation.Api.Customers;
using Segmentation.Rules;

namespace Segmentation.Api.Memberships;

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
    public bool IsStored => IsReady && !IsBuilding && Until is not null;

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
