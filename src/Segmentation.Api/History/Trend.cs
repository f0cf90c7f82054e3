namespace Segmentation.Api.History;

/// <summary>A segment's size over time.</summary>
/// <param name="Items">The intervals, in the order of time, without a gap.</param>
/// <param name="Interval">How long the intervals are.</param>
/// <param name="TimeZone">The segment's time zone, in which intervals begin.</param>
public sealed record Trend(IReadOnlyList<TrendInterval> Items, CalendarUnit Interval, string TimeZone);

/// <summary>One interval of a segment's history.</summary>
/// <param name="Start">The interval's first instant.</param>
/// <param name="End">The next interval's first instant.</param>
/// <param name="Size">How many members there were at its end.</param>
/// <param name="Joined">How often a customer joined.</param>
/// <param name="Left">How often a customer left.</param>
public sealed record TrendInterval(DateTimeOffset Start, DateTimeOffset End, int Size, long Joined, long Left);
