namespace Segmentation.Api.History;

/// <param name="Items">In the order of time, without a gap.</param>
/// <param name="Interval">How long the intervals are.</param>
/// <param name="TimeZone">The segment's, in which intervals begin.</param>
public sealed record Trend(IReadOnlyList<TrendInterval> Items, CalendarUnit Interval, string TimeZone);

/// <param name="Start">The interval's first instant.</param>
/// <param name="End">The next interval's first instant.</param>
/// <param name="Size">Members at the end.</param>
/// <param name="Joined">How often a customer joined.</param>
/// <param name="Left">How often a customer left.</param>
public sealed record TrendInterval(DateTimeOffset Start, DateTimeOffset End, int Size, long Joined, long Left);
