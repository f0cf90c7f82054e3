using System.Globalization;
using Segmentation.Api.Customers;
using Segmentation.Api.Events;
using Segmentation.Rules.Values;

namespace Segmentation.Local;

/// <summary>
/// Makes customers and their events that look like a shop's: a few heavy and many light buyers, seasons and hours, traits that go together,
/// gaps. The same arguments give the same sample everywhere. Each customer is made from its index alone, so memory is constant, and threads
/// may share one generator.
/// </summary>
/// <remarks>What there is to discover: six kinds of people (<see cref="SampleTables.Archetypes"/>), who differ in what they care for and
/// buy, beside those who never said what they care for; and the mindful in Germany, who agree to marketing and order more often
/// (<see cref="SamplePerson.IsDecided"/>).</remarks>
internal sealed class SampleGenerator
{
    /// <summary>What every customer's id begins with.</summary>
    public const string IdPrefix = "sample-";

    /// <summary>How far back events go.</summary>
    public const int Days = 730;

    /// <summary>Which events are feedback: those of the type that settings begin with.</summary>
    public static readonly FeedbackOptions Feedback = new();

    private readonly ulong seed;
    private readonly DateTimeOffset now;
    private readonly RevenueOptions revenue;
    private readonly SampleCalendar calendar;

    /// <param name="seed">Another seed, other customers.</param>
    /// <param name="customers">How many; from 1.</param>
    /// <param name="events">How many events they have together, exactly.</param>
    /// <param name="now">The end of the <see cref="Days"/> days in which things happen.</param>
    /// <param name="revenue">Which events count as orders and refunds.</param>
    public SampleGenerator(ulong seed, int customers, long events, DateTimeOffset now, RevenueOptions? revenue = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(customers, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(events);
        this.seed = seed;
        this.now = LocalTime.Truncate(now);
        this.revenue = revenue ?? new RevenueOptions();
        CustomerCount = customers;
        EventCount = events;
        calendar = new SampleCalendar(this.now);
    }

    /// <summary>Where the days begin in which things happen; since then the customers have been here.</summary>
    public DateTimeOffset Start => calendar.Start;

    /// <summary>How many customers there are.</summary>
    public int CustomerCount { get; }

    /// <summary>How many events there are.</summary>
    public long EventCount { get; }

    /// <summary>A customer's id.</summary>
    public static string Id(int index) => IdPrefix + index.ToString("00000", CultureInfo.InvariantCulture);

    /// <summary>The index that an id stands for.</summary>
    public static int Index(string id) => int.Parse(id.AsSpan(IdPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture);

    /// <summary>All customers, one after the other.</summary>
    public IEnumerable<Customer> Customers() => Enumerable.Range(0, CustomerCount).Select(Customer);

    /// <summary>One customer, including what its events add up to, without key and events.</summary>
    /// <param name="index">0 to <see cref="CustomerCount"/> − 1.</param>
    public Customer Customer(int index)
    {
        var person = Describe(index);
        var customer = new Customer { Id = Id(index), CreatedAt = Start, UpdatedAt = now, Version = 1 };
        if (!person.IsGhost)
        {
            SampleProfile.Fill(customer, person, now, new SampleRandom(seed, index, 1));
        }

        AddUp(customer, index);
        return customer;
    }

    /// <summary>One customer's events, nearly in the order of time. The caller sets the customer's key.</summary>
    /// <param name="index">0 to <see cref="CustomerCount"/> − 1.</param>
    public IEnumerable<CustomerEvent> Events(int index)
    {
        var count = CountEvents(Rank(index));
        if (count == 0)
        {
            return [];
        }

        var person = Describe(index);
        return SampleFeedback.Mix(
            SampleEvents.Create(person, count, calendar, new SampleRandom(seed, index, 2)), SampleTables.Places[person.Place].Language,
            new SampleRandom(seed, index, 3));
    }

    /// <summary>Adds an event to what a customer's events add up to.</summary>
    public static void Count(Customer customer, CustomerEvent e, RevenueOptions revenue)
    {
        customer.EventCount++;
        customer.FirstEventAt = Earlier(customer.FirstEventAt, e.OccurredAt);
        customer.LastEventAt = Later(customer.LastEventAt, e.OccurredAt);
        if (Array.IndexOf(revenue.OrderTypes, e.Type) >= 0)
        {
            customer.OrderCount++;
            customer.OrderAmount += e.Amount ?? 0;
            customer.LifetimeValue += e.Amount ?? 0;
            customer.FirstOrderAt = Earlier(customer.FirstOrderAt, e.OccurredAt);
            customer.LastOrderAt = Later(customer.LastOrderAt, e.OccurredAt);
        }

        if (Array.IndexOf(revenue.RefundTypes, e.Type) >= 0)
        {
            customer.LifetimeValue -= Math.Abs(e.Amount ?? 0);
        }
    }

    private SamplePerson Describe(int index)
    {
        var rank = Rank(index);
        return SamplePerson.Draw(new SampleRandom(seed, index, 0), (rank + 0.5) / CustomerCount, CountEvents(rank), calendar);
    }

    // What EventStore maintains when it stores events, here counted as they are made: a million customers need no update afterwards.
    private void AddUp(Customer customer, int index)
    {
        var events = Events(index).ToList();
        events.ForEach(e => Count(customer, e, revenue));
        RecentSentiment.Set(customer, events, Feedback);

        if (customer.EventCount > 0)
        {
            customer.FirstSeenAt = Earlier(customer.FirstSeenAt, customer.FirstEventAt!.Value);
            customer.LastSeenAt = Later(customer.LastSeenAt, customer.LastEventAt!.Value);
        }
    }

    private static DateTimeOffset Earlier(DateTimeOffset? a, DateTimeOffset b) => a < b ? a.Value : b;

    private static DateTimeOffset Later(DateTimeOffset? a, DateTimeOffset b) => a > b ? a.Value : b;

    // The customer's position in the order of activity: each index has another one, as the factor is a prime above all counts.
    private int Rank(int index) => (int)((((ulong)(uint)index * 2_654_435_761) + (seed % (uint)CustomerCount)) % (uint)CustomerCount);

    private long CountEvents(int rank) => Share(rank + 1) - Share(rank);

    /// <summary>
    /// How many events the customers of the lowest ranks have together. Differences of it add up to all events exactly. The busiest fifth
    /// has three fifths of them, and the tail is a power law; the first twentieth has none.
    /// </summary>
    private long Share(int ranks)
    {
        var v = Math.Max(((double)ranks / CustomerCount) - 0.05, 0) / 0.95;
        var rest = Math.Sqrt(1 - Math.Min(v, 1));
        var power = rest * Math.Sqrt(Math.Sqrt(Math.Sqrt(rest))); // (1 − v)^0.5625
        return ranks == CustomerCount ? EventCount : (long)(EventCount * (v * v * (1 - power)));
    }
}
