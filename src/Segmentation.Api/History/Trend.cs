using System.Text.Json.Serialization;

namespace Segmentation.Api.History;

/// <summary>A segment's size over time.</summary>
/// <param name="Items">The intervals, in the order of time, without a gap.</param>
/// <param name="Interval">How long the intervals are.</param>
/// <param name="TimeZone">The segment's time zone, in which intervals begin.</param>
/// <param name="HistorySince">From when on the history is known: since the segment was first active, or as long as history is kept. Null
/// where nothing has ever been stored.</param>
public sealed record Trend(
    IReadOnlyList<TrendInterval> Items,
    CalendarUnit Interval,
    string TimeZone,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] DateTimeOffset? HistorySince);

/// <summary>One interval of a segment's history.</summary>
/// <param name="Start">The interval's first instant.</param>
/// <param name="End">The next interval's first instant.</param>
/// <param name="Size">How many members there were at its end; null where the interval ends before the history begins.</param>
/// <param name="Joined">How often a customer joined; null where the interval ends before the history begins.</param>
/// <param name="Left">How often a customer left; null where the interval ends before the history begins.</param>
public sealed record TrendInterval(
    DateTimeOffset Start,
    DateTimeOffset End,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] int? Size,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] long? Joined,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] long? Left)
{
    /// <summary>An interval before the history.</summary>
    internal static TrendInterval Unknown(DateTimeOffset start, DateTimeOffset end) => new(start, end, null, null, null);
}
