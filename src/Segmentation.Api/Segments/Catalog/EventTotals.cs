using System.Linq.Expressions;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Rules;

namespace Segmentation.Api.Segments;

/// <summary>What a customer's events add up to: stored with the customer as of now, counted again for an instant in the past.</summary>
internal sealed record EventTotals
{
    public required Expression<Func<Customer, Evaluation, int>> EventCount { get; init; }
    public required Expression<Func<Customer, Evaluation, DateTimeOffset?>> LastEventAt { get; init; }
    public required Expression<Func<Customer, Evaluation, decimal>> LifetimeValue { get; init; }
    public required Expression<Func<Customer, Evaluation, decimal>> OrderAmount { get; init; }
    public required Expression<Func<Customer, Evaluation, int>> OrderCount { get; init; }
    public required Expression<Func<Customer, Evaluation, DateTimeOffset?>> FirstOrderAt { get; init; }
    public required Expression<Func<Customer, Evaluation, DateTimeOffset?>> LastOrderAt { get; init; }

    public required Expression<Func<Customer, Evaluation, DateTimeOffset?>> LastFeedbackAt { get; init; }

    /// <summary>As of now.</summary>
    public static EventTotals Stored { get; } = new()
    {
        EventCount = (c, x) => c.EventCount,
        LastEventAt = (c, x) => c.LastEventAt,
        LifetimeValue = (c, x) => c.LifetimeValue,
        OrderAmount = (c, x) => c.OrderAmount,
        OrderCount = (c, x) => c.OrderCount,
        FirstOrderAt = (c, x) => c.FirstOrderAt,
        LastOrderAt = (c, x) => c.LastOrderAt,
        LastFeedbackAt = (c, x) => c.LastFeedbackAt,
    };

    /// <summary>As of the evaluation's instant: what is kept up to it, and what was forgotten, which was before the horizon. While a night
    /// still deletes, type by type, what is kept may be older than what was forgotten already.</summary>
    public static EventTotals Historical(string[] orders, string[] refunds, string[] feedback) => new()
    {
        EventCount = (c, x) => c.Events.Count(e => e.OccurredAt <= x.AsOf) + (c.Forgotten.EventCount ?? 0),
        LastEventAt = (c, x) => Exact.Latest(
            c.Events.Where(e => e.OccurredAt <= x.AsOf).Max(e => (DateTimeOffset?)e.OccurredAt), c.Forgotten.LastEventAt),
        LifetimeValue = (c, x) =>
            c.Events.Where(e => orders.Contains(e.Type) && e.OccurredAt <= x.AsOf).Sum(e => e.Amount ?? 0)
            - c.Events.Where(e => refunds.Contains(e.Type) && e.OccurredAt <= x.AsOf).Sum(e => Math.Abs(e.Amount ?? 0))
            + (c.Forgotten.LifetimeValue ?? 0),
        OrderAmount = (c, x) =>
            c.Events.Where(e => orders.Contains(e.Type) && e.OccurredAt <= x.AsOf).Sum(e => e.Amount ?? 0)
            + (c.Forgotten.OrderAmount ?? 0),
        OrderCount = (c, x) =>
            c.Events.Count(e => orders.Contains(e.Type) && e.OccurredAt <= x.AsOf) + (c.Forgotten.OrderCount ?? 0),
        FirstOrderAt = (c, x) => Exact.Earliest(
            c.Events.Where(e => orders.Contains(e.Type) && e.OccurredAt <= x.AsOf).Min(e => (DateTimeOffset?)e.OccurredAt),
            c.Forgotten.FirstOrderAt),
        LastOrderAt = (c, x) => Exact.Latest(
            c.Events.Where(e => orders.Contains(e.Type) && e.OccurredAt <= x.AsOf).Max(e => (DateTimeOffset?)e.OccurredAt),
            c.Forgotten.LastOrderAt),
        LastFeedbackAt = (c, x) => Exact.Latest(
            c.Events.Where(e => feedback.Contains(e.Type) && e.OccurredAt <= x.AsOf).Max(e => (DateTimeOffset?)e.OccurredAt),
            c.Forgotten.LastFeedbackAt),
    };
}
