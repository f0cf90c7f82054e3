using System.Text.Json.Serialization;

namespace Segmentation.Api.Insight;

/// <summary>What the clock alone will do to a customer's membership.</summary>
public enum ClockMove { Leave, Join }

/// <summary>Customers that the clock alone will move.</summary>
/// <param name="Items">They, by id.</param>
/// <param name="NextCursor">Asks for the next page; null on the last.</param>
/// <param name="EvaluatedAt">The instant that they were evaluated at, from which the days are counted.</param>
public sealed record Movers(
    IReadOnlyList<Mover> Items,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? NextCursor,
    DateTimeOffset EvaluatedAt);

/// <summary>A customer that will leave or join if nobody does anything.</summary>
/// <param name="Id">The customer's id.</param>
/// <param name="On">The first day at whose beginning (00:00 in the segment's time zone) it has left, or joined.</param>
/// <param name="At">The instant at which it does, where one comparison of the rule decides it; null where more than one changes on that
/// day, where the rule reads customers' own time of day, and for a customer of more than 20,000 events.</param>
/// <param name="LifetimeValue">Orders less refunds so far, in account currency; null without the scope <c>customers:read</c>.</param>
/// <param name="ChurnRisk">The probability that no order comes within the model's <c>churnDays</c>; null without a model, and likewise.
/// </param>
public sealed record Mover(
    string Id,
    DateOnly On,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] DateTimeOffset? At,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] decimal? LifetimeValue,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] decimal? ChurnRisk);
