using System.Collections.Concurrent;
using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Api.Events;
using Segmentation.Api.Memberships;
using Segmentation.Rules;

namespace Segmentation.Local;

/// <summary>
/// Who has been in the sample's segments since its events began: what <c>asOf</c> says of each instant.
/// </summary>
/// <remarks>
/// Day by day, each customer has the events that it had by then: it is evaluated at each of them that the rule reads, and at the end of a
/// day in which time may have moved it; then the instant is searched for. What comes and goes by the clock alone within a day is not found:
/// no segment of the sample has that. Where a rule compares a customer with all others, the end of each day has to do.
/// </remarks>
internal sealed class SamplePast
{
    // What time brings about is dated a microsecond before it is true: then it is counted in the trend up to the instant at which it is,
    // which for most is a midnight.
    private static readonly TimeSpan Instant = TimeSpan.FromMicroseconds(1);
    private readonly MembershipPlan plan;
    private readonly RevenueOptions revenue;
    private readonly Customer[] customers;
    private readonly CustomerEvent[][] events;
    private readonly string[] types;
    private readonly DateTimeOffset[] days;

    /// <param name="plan">The segments.</param>
    /// <param name="customers">With their keys and events.</param>
    /// <param name="revenue">Which events count as orders and refunds.</param>
    /// <param name="since">Where the past begins.</param>
    /// <param name="until">Where it ends.</param>
    public SamplePast(
        MembershipPlan plan, IEnumerable<Customer> customers, RevenueOptions revenue, DateTimeOffset since, DateTimeOffset until)
    {
        (this.plan, this.revenue, this.customers) = (plan, revenue, [.. customers]);
        events = Array.ConvertAll(this.customers, c => c.Events.OrderBy(e => e.OccurredAt).ToArray());
        types = [.. events.SelectMany(e => e).Select(e => e.Type).Distinct()];
        days = [.. Enumerable.Range(0, (int)(until - since).TotalDays + 1).Select(d => since.AddDays(d)).Where(d => d < until), until];
    }

    /// <summary>Who joined and left segments, of each customer and segment in the order of time.</summary>
    public IEnumerable<PastMove> Find(IEnumerable<SegmentPlan> segments)
    {
        var found = new ConcurrentBag<List<PastMove>>();
        foreach (var segment in segments)
        {
            // Made one after the other: plans remember what they were asked.
            var half = customers.Length / 2;
            Walk[] walks = plan.Rank.Contains(segment.Ordinal)
                ? [new Walk(this, segment, ..)]
                : [new Walk(this, segment, ..half), new Walk(this, segment, half..)];
            Parallel.ForEach(walks, walk => found.Add(walk.Find()));
        }

        return found.SelectMany(f => f);
    }

    // One segment and some customers, day by day: what a rule computes of the clock is then the same for all of them.
    private sealed class Walk
    {
        private readonly SamplePast past;
        private readonly SegmentPlan segment;
        private readonly string zone;
        private readonly bool readsRank;
        private readonly CompiledRule<Customer> rule;
        private readonly Func<Customer, Evaluation, bool> contains;
        private readonly Func<Evaluation, Evaluation, Func<Customer, bool>> mayTransition;
        private readonly Customer[] customers;
        private readonly CustomerEvent[][] events;
        private readonly int[] next;
        private readonly bool[] member;
        private readonly DateTimeOffset[] moved;
        private readonly List<PastMove> moves = [];

        public Walk(SamplePast past, SegmentPlan segment, Range some)
        {
            (this.past, this.segment, zone) = (past, segment, segment.Segment.TimeZone);
            readsRank = past.plan.Rank.Contains(segment.Ordinal);

            // With the rules of the segments that it refers to.
            rule = past.plan.Definitions.Compile(segment.Segment, historical: false).Rule!;
            (contains, mayTransition) = (rule.ToFunc(), rule.ToTransitionFunc());
            customers = past.customers[some];
            var types = past.types
                .Where(t => past.plan.AffectedByEvent(t).Contains(segment.Ordinal) || (readsRank && past.plan.MovesRanks(t))).ToHashSet();
            events = Array.ConvertAll(past.events[some], all => Array.FindAll(all, e => types.Contains(e.Type)));
            (next, member, moved) = (new int[customers.Length], new bool[customers.Length], new DateTimeOffset[customers.Length]);
        }

        public List<PastMove> Find()
        {
            var before = new Evaluation(past.days[0], zone);
            for (var i = 0; i < customers.Length; i++)
            {
                Clear(customers[i]);
                AddEvents(i, before.AsOf);
            }

            EvaluateAll(before, before.AsOf, MembershipCause.Definition);
            foreach (var day in past.days.Skip(1))
            {
                var at = new Evaluation(day, zone);
                if (readsRank)
                {
                    for (var i = 0; i < customers.Length; i++)
                    {
                        AddEvents(i, day);
                    }

                    EvaluateAll(at, day - Instant, MembershipCause.Event);
                }
                else
                {
                    var mayMove = FindMovedByClock(before, at);
                    for (var i = 0; i < customers.Length; i++)
                    {
                        Advance(i, before.AsOf, at, mayMove);
                    }
                }

                before = at;
            }

            return moves;
        }

        // Whom time may move between two instants. A change of clocks shifts the bounds of rules.
        private Func<Customer, bool> FindMovedByClock(Evaluation from, Evaluation to)
        {
            if (!rule.ReadsClock)
            {
                return _ => false;
            }

            if (rule.ReadsLocalTime)
            {
                return _ => true;
            }

            var margin = rule.IsRegular(from.AsOf, to.AsOf, zone) ? TimeSpan.Zero : SegmentAt.Irregularity;
            return mayTransition(new Evaluation(from.AsOf - margin, zone), new Evaluation(to.AsOf + margin, zone));
        }

        private void EvaluateAll(Evaluation evaluation, DateTimeOffset at, MembershipCause cause)
        {
            if (readsRank)
            {
                SampleRanks.Set(customers);
            }

            for (var i = 0; i < customers.Length; i++)
            {
                Set(i, contains(customers[i], evaluation), at, cause);
            }
        }

        private void Advance(int i, DateTimeOffset from, Evaluation to, Func<Customer, bool> mayMove)
        {
            for (; next[i] < events[i].Length && events[i][next[i]].OccurredAt <= to.AsOf; next[i]++)
            {
                var e = events[i][next[i]];
                if (e.OccurredAt - Instant > from && mayMove(customers[i]))
                {
                    AdvanceByClock(i, from, new Evaluation(e.OccurredAt - Instant, zone));
                }

                Add(customers[i], e);
                Set(i, contains(customers[i], new Evaluation(e.OccurredAt, zone)), e.OccurredAt, MembershipCause.Event, e.Id);
                from = e.OccurredAt;
            }

            if (mayMove(customers[i]))
            {
                AdvanceByClock(i, from, to);
            }
        }

        private void AdvanceByClock(int i, DateTimeOffset from, Evaluation to)
        {
            var isMember = contains(customers[i], to);
            if (isMember != member[i])
            {
                Set(i, isMember, FindTransition(customers[i], from, to.AsOf, isMember) - Instant, MembershipCause.Time);
            }
        }

        // The first microsecond at which it is so.
        private DateTimeOffset FindTransition(Customer customer, DateTimeOffset before, DateTimeOffset after, bool isMember)
        {
            const long Step = TimeSpan.TicksPerMicrosecond;
            var (low, high) = (before.UtcTicks / Step, after.UtcTicks / Step);
            while (high - low > 1)
            {
                var middle = low + ((high - low) / 2);
                var at = new Evaluation(new DateTimeOffset(middle * Step, TimeSpan.Zero), zone);
                (low, high) = contains(customer, at) == isMember ? (low, middle) : (middle, high);
            }

            return new DateTimeOffset(high * Step, TimeSpan.Zero);
        }

        private void Set(int i, bool isMember, DateTimeOffset at, MembershipCause cause, string? eventId = null)
        {
            if (isMember != member[i])
            {
                // A revision has each customer once.
                moved[i] = at > moved[i] ? at : moved[i] + Instant;
                member[i] = isMember;
                moves.Add(new PastMove(segment, customers[i].Key, isMember, moved[i], cause, eventId));
            }
        }

        private void AddEvents(int i, DateTimeOffset until)
        {
            for (; next[i] < events[i].Length && events[i][next[i]].OccurredAt <= until; next[i]++)
            {
                Add(customers[i], events[i][next[i]]);
            }
        }

        private void Add(Customer customer, CustomerEvent e)
        {
            customer.Events.Add(e);
            SampleGenerator.Count(customer, e, past.revenue);
            if (e.SentimentSource is not null)
            {
                RecentSentiment.Set(customer, customer.Events, SampleGenerator.Feedback);
            }
        }

        // Before its first event. When it was seen is part of its profile.
        private static void Clear(Customer customer)
        {
            customer.Events.Clear();
            RecentSentiment.Set(customer, customer.Events, SampleGenerator.Feedback);
            (customer.EventCount, customer.FirstEventAt, customer.LastEventAt) = (0, null, null);
            (customer.OrderCount, customer.OrderAmount, customer.LifetimeValue) = (0, 0, 0);
            (customer.FirstOrderAt, customer.LastOrderAt) = (null, null);
        }
    }
}
