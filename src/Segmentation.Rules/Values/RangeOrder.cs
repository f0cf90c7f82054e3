namespace Segmentation.Rules.Values;

/// <summary>Whether the constants of a range are in order.</summary>
internal static class RangeOrder
{
    // No time zone is further from UTC.
    private const int MaxOffsetHours = 14;

    /// <summary>
    /// Whether two bounds are reversed whatever the time zone; relative dates have no order before the evaluation.
    /// </summary>
    /// <param name="low">A <see cref="DateValue"/> or a number.</param>
    /// <param name="high">A bound of the same type.</param>
    public static bool IsReversed(object? low, object? high) => (low, high) switch
    {
        (DateValue.Relative, _) or (_, DateValue.Relative) => false,
        (DateValue.Exact l, DateValue.Exact h) => l.Instant > h.Instant,

        // An instant, and a time on a clock that only the evaluation has.
        (DateValue.Exact l, DateValue h) => l.Instant.DateTime > GetLast(h).AddHours(MaxOffsetHours),
        (DateValue l, DateValue.Exact h) => GetFirst(l).AddHours(-MaxOffsetHours) > h.Instant.DateTime,
        (DateValue l, DateValue h) => GetFirst(l) > GetLast(h),
        (IComparable l, _) => l.CompareTo(high) > 0,
        _ => false,
    };

    private static DateTime GetFirst(DateValue value) =>
        value is DateValue.Day day ? day.Date.ToDateTime(TimeOnly.MinValue) : ((DateValue.Local)value).Time;

    private static DateTime GetLast(DateValue value) =>
        value is DateValue.Day day ? day.Date.ToDateTime(TimeOnly.MaxValue) : ((DateValue.Local)value).Time;
}
