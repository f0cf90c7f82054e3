using Segmentation.Api.Customers;
using Segmentation.Api.Segments;
using Segmentation.Rules;

namespace Segmentation.Api.Insight;

/// <summary>Finds the instant at which the clock moves a customer.</summary>
internal sealed class MoveMoment(CompiledSegment segment, CompiledRule<Customer> rule)
{
    private readonly Lazy<Func<Evaluation, Evaluation, Func<Customer, bool>>> mayChange = new(rule.ToTransitionFunc);

    /// <summary>
    /// The first instant at which membership is that of the later one; null where something else of the rule changes for the customer
    /// between the two, or may.
    /// </summary>
    /// <param name="customer">Whose membership differs between the two.</param>
    /// <param name="from">The earlier instant.</param>
    /// <param name="to">The later instant, a day after it at most.</param>
    public DateTimeOffset? Find(Customer customer, Evaluation from, Evaluation to)
    {
        if (rule.ReadsLocalTime)
        {
            return null;
        }

        var (before, after) = (from, to);
        var isMember = segment.Contains(customer, to);
        while (after.AsOf - before.AsOf is var gap && gap.Ticks > TimeSpan.TicksPerMicrosecond)
        {
            var middle = Move(before, gap.Ticks / TimeSpan.TicksPerMicrosecond / 2);
            (before, after) = segment.Contains(customer, middle) == isMember ? (before, middle) : (middle, after);
        }

        // What a bound has reached at the instant itself is what decides.
        var changesBefore = before.AsOf > from.AsOf && mayChange.Value(from, Move(before, -1))(customer);
        return changesBefore || (after.AsOf < to.AsOf && mayChange.Value(Move(after, 1), to)(customer)) ? null : after.AsOf;
    }

    private static Evaluation Move(Evaluation at, long microseconds) =>
        new(at.AsOf.AddTicks(microseconds * TimeSpan.TicksPerMicrosecond), at.ZoneId);
}
