using Segmentation.Api.Customers;
using Segmentation.Api.Events;

namespace Segmentation.Api.Playbooks;

/// <summary>Adds the events of a visit to a loaded customer, as <see cref="EventStore"/> would store them.</summary>
internal static class VisitEvents
{
    /// <summary>Adds them; one that is stored already, by its id, counts once.</summary>
    /// <param name="customer">With all of its events loaded.</param>
    /// <param name="events">Their sentiment is known.</param>
    public static void AddTo(
        Customer customer, IReadOnlyList<CustomerEvent> events, RevenueOptions revenue, FeedbackOptions feedback)
    {
        var stored = customer.Events.Select(e => e.Id).ToHashSet(StringComparer.Ordinal);
        var added = events.Where(e => stored.Add(e.Id)).ToList();
        if (added.Count == 0)
        {
            return;
        }

        foreach (var e in added)
        {
            (e.Customer, e.CustomerKey) = (customer, customer.Key);
            customer.Events.Add(e);
        }

        var (first, last) = (added.Min(e => e.OccurredAt), added.Max(e => e.OccurredAt));
        customer.EventCount += added.Count;
        (customer.FirstEventAt, customer.LastEventAt) = (Least(customer.FirstEventAt, first), Greatest(customer.LastEventAt, last));
        (customer.FirstSeenAt, customer.LastSeenAt) = (Least(customer.FirstSeenAt, first), Greatest(customer.LastSeenAt, last));
        AddOrders(customer, [.. added.Where(e => revenue.OrderTypes.Contains(e.Type))]);
        customer.LifetimeValue -= added.Where(e => revenue.RefundTypes.Contains(e.Type)).Sum(e => Math.Abs(e.Amount ?? 0));
        AddFeedback(customer, added, feedback);
    }

    private static void AddOrders(Customer customer, List<CustomerEvent> orders)
    {
        if (orders.Count == 0)
        {
            return;
        }

        var amount = orders.Sum(e => e.Amount ?? 0);
        customer.OrderCount += orders.Count;
        customer.OrderAmount += amount;
        customer.LifetimeValue += amount;
        customer.FirstOrderAt = Least(customer.FirstOrderAt, orders.Min(e => e.OccurredAt));
        customer.LastOrderAt = Greatest(customer.LastOrderAt, orders.Max(e => e.OccurredAt));
    }

    private static void AddFeedback(Customer customer, List<CustomerEvent> added, FeedbackOptions feedback)
    {
        var last = customer.LastFeedbackAt;
        if (added.Exists(e => e.Sentiment is not null))
        {
            RecentSentiment.Set(customer, customer.Events, feedback);
        }

        // What was feedback when it was stored stays it, whatever the setting says now.
        foreach (var e in added.Where(e => feedback.EventTypes.Contains(e.Type)))
        {
            last = Greatest(last, e.OccurredAt);
        }

        customer.LastFeedbackAt = last;
    }

    private static DateTimeOffset Least(DateTimeOffset? one, DateTimeOffset other) => one < other ? one.Value : other;

    private static DateTimeOffset Greatest(DateTimeOffset? one, DateTimeOffset other) => one > other ? one.Value : other;
}
