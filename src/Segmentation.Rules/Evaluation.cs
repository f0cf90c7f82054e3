using System.Collections.Concurrent;
using Segmentation.Rules.Values;

namespace Segmentation.Rules;

/// <summary>
/// One evaluation's clock: an instant, and the time zone of the segment. Compiled rules read everything from it that depends on
/// either, so that one compiled rule serves every evaluation.
/// </summary>
public sealed class Evaluation
{
    // More than the calendar's hours, and fewer than a TimeSpan's.
    private const int MaxHours = 100_000_000;
    private readonly TimeZoneInfo zone;
    private ConcurrentDictionary<string, Evaluation>? others;

    /// <param name="asOf">The instant; cut to microseconds.</param>
    /// <param name="zoneId">IANA name of a zone.</param>
    /// <exception cref="TimeZoneNotFoundException">There is no such zone.</exception>
    public Evaluation(DateTimeOffset asOf, string zoneId)
    {
        AsOf = LocalTime.Truncate(asOf);
        ZoneId = zoneId;
        zone = LocalTime.Find(zoneId);
        Today = DateOnly.FromDateTime(LocalTime.Local(AsOf, zone));
    }

    /// <summary>The instant, in UTC.</summary>
    public DateTimeOffset AsOf { get; }

    /// <summary>IANA name of the segment's zone.</summary>
    public string ZoneId { get; }

    /// <summary>The date at the instant, in the segment's zone.</summary>
    public DateOnly Today { get; }

    /// <summary>
    /// The same instant on another segment's clock; the same object for the same zone, since compiled rules cache values by the object.
    /// </summary>
    /// <exception cref="TimeZoneNotFoundException">There is no such zone.</exception>
    public Evaluation In(string zoneId)
    {
        if (zoneId == ZoneId)
        {
            return this;
        }

        var all = LazyInitializer.EnsureInitialized(ref others, static () => new(StringComparer.Ordinal));
        return all.GetOrAdd(zoneId, static (zone, asOf) => new Evaluation(asOf, zone), AsOf);
    }

    /// <summary>The first instant that a value means.</summary>
    public DateTimeOffset From(DateValue value) =>
        value is DateValue.Day day ? Clamp(LocalTime.StartOfDay(day.Date, zone)) : Instant(value);

    /// <summary>The last instant that a value means: the end of the day for a date, else the same as <see cref="From"/>.</summary>
    public DateTimeOffset To(DateValue value) =>
        value is DateValue.Day day ? Clamp(LocalTime.EndOfDay(day.Date, zone)) : Instant(value);

    /// <summary>The date that a value falls on in the segment's zone.</summary>
    public DateOnly Date(DateValue value) =>
        value is DateValue.Day day ? day.Date : DateOnly.FromDateTime(LocalTime.Local(From(value), zone));

    /// <summary>
    /// The latest birth date of those who have completed that many years; <see cref="DateOnly.MinValue"/> when nobody can have.
    /// A birth on 29 February counts as the 28th in other years.
    /// </summary>
    public DateOnly LatestBirthDate(decimal years)
    {
        var today = Today;
        if (years <= 0)
        {
            return today;
        }

        if (years >= today.Year)
        {
            return DateOnly.MinValue;
        }

        var date = today.AddYears(-(int)years);
        return date.AddDays(1).AddYears((int)years) <= today ? date.AddDays(1) : date;
    }

    /// <summary>The instant that many whole days of 24 hours ago, within the calendar.</summary>
    public DateTimeOffset DaysAgo(decimal days)
    {
        var range = (AsOf - LocalTime.Earliest).Days;
        return days > range ? LocalTime.Earliest : days < -1_000_000 ? LocalTime.Latest : Clamp(AsOf, TimeSpan.FromDays(-(int)days));
    }

    /// <summary>An instant moved by exact minutes, within the calendar.</summary>
    public DateTimeOffset Shift(DateTimeOffset instant, int minutes) => Clamp(instant, TimeSpan.FromMinutes(minutes));

    /// <summary>
    /// A yearly window from one value's day to another's, as two ranges of month × 100 + day: the second begins with the year, and is empty
    /// unless the window crosses New Year.
    /// </summary>
    public int YearlyFirstLow(DateValue low, DateValue high) => MonthDay(Date(low));

    /// <inheritdoc cref="YearlyFirstLow"/>
    public int YearlyFirstHigh(DateValue low, DateValue high) => Crosses(low, high) ? 1231 : LastMonthDay(Date(high));

    /// <inheritdoc cref="YearlyFirstLow"/>
    public int YearlySecondHigh(DateValue low, DateValue high) => Crosses(low, high) ? LastMonthDay(Date(high)) : 0;

    private DateTimeOffset Instant(DateValue value) => value switch
    {
        DateValue.Exact exact => exact.Instant,
        DateValue.Local local => ToInstant(local.Time),
        DateValue.Relative relative => Resolve(relative),
        _ => throw new InvalidOperationException(),
    };

    private bool Crosses(DateValue low, DateValue high) => MonthDay(Date(low)) > LastMonthDay(Date(high));

    private static int MonthDay(DateOnly date) => (date.Month * 100) + date.Day;

    // In a year without one, 29 February counts as the 28th.
    private static int LastMonthDay(DateOnly date) =>
        date is { Month: 2, Day: 28 } && !DateTime.IsLeapYear(date.Year) ? 229 : MonthDay(date);

    private DateTimeOffset Resolve(DateValue.Relative relative)
    {
        var (anchor, offset, unit) = (relative.Anchor, relative.Offset, relative.Unit);
        if (unit is DateUnit.Minute or DateUnit.Hour)
        {
            var start = anchor == DateAnchor.Now ? AsOf : ToInstant(Anchored(anchor));
            var by = unit == DateUnit.Minute
                ? TimeSpan.FromMinutes(offset)
                : TimeSpan.FromHours(Math.Clamp(offset, -MaxHours, MaxHours));
            return Clamp(start, by);
        }

        if (anchor == DateAnchor.Now && offset == 0)
        {
            return AsOf;
        }

        var local = Anchored(anchor);
        try
        {
            return ToInstant(unit switch
            {
                DateUnit.Day => local.AddDays(offset),
                DateUnit.Week => local.AddDays(7d * offset),
                DateUnit.Month => local.AddMonths(offset),
                _ => local.AddMonths(checked(12 * offset)),
            });
        }
        catch (Exception outside) when (outside is ArgumentOutOfRangeException or OverflowException)
        {
            // Past the calendar's ends: the end itself, which no data lies beyond.
            return offset < 0 ? LocalTime.Earliest : LocalTime.Latest;
        }
    }

    private DateTime Anchored(DateAnchor anchor)
    {
        var local = LocalTime.Local(AsOf, zone);
        var today = local.Date;
        var monday = today.AddDays(-(((int)today.DayOfWeek + 6) % 7));
        var month = new DateTime(today.Year, today.Month, 1);
        var year = new DateTime(today.Year, 1, 1);
        return anchor switch
        {
            DateAnchor.StartOfDay => today,
            DateAnchor.EndOfDay => today.AddDays(1).AddMicroseconds(-1),
            DateAnchor.StartOfWeek => monday,
            DateAnchor.EndOfWeek => monday.AddDays(7).AddMicroseconds(-1),
            DateAnchor.StartOfMonth => month,
            DateAnchor.EndOfMonth => month.AddMonths(1).AddMicroseconds(-1),
            DateAnchor.StartOfYear => year,
            DateAnchor.EndOfYear => year.AddYears(1).AddMicroseconds(-1),
            _ => local,
        };
    }

    // Midnight means the day's first instant and the microsecond before it the day's last, whatever the clocks did.
    private DateTimeOffset ToInstant(DateTime local)
    {
        var day = DateOnly.FromDateTime(local);
        return Clamp(
            local.Year < 2 ? LocalTime.Earliest
            : local.Year > 9998 ? LocalTime.Latest
            : local.TimeOfDay == TimeSpan.Zero ? LocalTime.StartOfDay(day, zone)
            : local.TimeOfDay == TimeSpan.FromDays(1) - TimeSpan.FromMicroseconds(1) ? LocalTime.EndOfDay(day, zone)
            : LocalTime.ToInstant(local, zone));
    }

    private static DateTimeOffset Clamp(DateTimeOffset start, TimeSpan by) =>
        by > LocalTime.Latest - start ? LocalTime.Latest : by < LocalTime.Earliest - start ? LocalTime.Earliest : start + by;

    private static DateTimeOffset Clamp(DateTimeOffset instant) =>
        instant < LocalTime.Earliest ? LocalTime.Earliest : instant > LocalTime.Latest ? LocalTime.Latest : instant;
}
