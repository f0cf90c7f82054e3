using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Segmentation.Rules.Values;

/// <summary>
/// Instants as local time in a time zone, and back. The host maps the static functions to SQL functions that agree with them. Instants have
/// PostgreSQL's resolution, a microsecond.
/// </summary>
public static class LocalTime
{
    private static readonly ConcurrentDictionary<string, TimeZoneInfo> Zones = new(StringComparer.Ordinal);

    /// <summary>The first instant that rules and data may name; earlier ones would collide with PostgreSQL's infinities.</summary>
    public static readonly DateTimeOffset Earliest = new(2, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>The last instant that rules and data may name.</summary>
    public static readonly DateTimeOffset Latest = new(9998, 12, 31, 23, 59, 59, TimeSpan.Zero);

    private static readonly TimeSpan Microsecond = TimeSpan.FromMicroseconds(1);

    /// <summary>Finds a zone of the tz database by its IANA name, spelled exactly.</summary>
    public static bool TryFind(string id, [NotNullWhen(true)] out TimeZoneInfo? zone)
    {
        if (Zones.TryGetValue(id, out zone))
        {
            return true;
        }

        // The runtime would also open "posix/…" and "right/…", on Windows its own names, and any spelling of a zone that it has opened
        // before; none of these is IANA's. "localtime" is whatever the machine is set to, "Factory" a zone that was not set.
        if (id.Length is 0 or > 64 || id is "localtime" or "Factory"
            || id.StartsWith("posix", StringComparison.Ordinal) || id.StartsWith("right/", StringComparison.Ordinal)
            || id.Any(c => !(char.IsAsciiLetterOrDigit(c) || c is '/' or '_' or '-' or '+'))
            || !TimeZoneInfo.TryFindSystemTimeZoneById(id, out zone) || !zone.HasIanaId || zone.Id != id)
        {
            zone = null;
            return false;
        }

        return Zones.TryAdd(id, zone) || true;
    }

    /// <summary>The zone of a validated name.</summary>
    /// <exception cref="TimeZoneNotFoundException">There is no such zone.</exception>
    public static TimeZoneInfo Find(string id) =>
        TryFind(id, out var zone) ? zone : throw new TimeZoneNotFoundException("Not a known IANA time zone.");

    /// <summary>Cuts an instant to whole microseconds, in UTC.</summary>
    public static DateTimeOffset Truncate(DateTimeOffset instant) =>
        new(instant.UtcTicks - (instant.UtcTicks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);

    /// <summary>Hour of the day, 0 to 23.</summary>
    public static int Hour(DateTimeOffset instant, string zone) => Local(instant, Find(zone)).Hour;

    /// <summary>Day of the week, 1 Monday to 7 Sunday.</summary>
    public static int DayOfWeek(DateTimeOffset instant, string zone) =>
        Local(instant, Find(zone)).DayOfWeek is var day && day == System.DayOfWeek.Sunday ? 7 : (int)day;

    /// <summary>Month, 1 to 12.</summary>
    public static int Month(DateTimeOffset instant, string zone) => Local(instant, Find(zone)).Month;

    /// <summary>The calendar date.</summary>
    public static DateOnly Date(DateTimeOffset instant, string zone) => DateOnly.FromDateTime(Local(instant, Find(zone)));

    /// <summary>Month × 100 + day.</summary>
    public static int MonthDay(DateTimeOffset instant, string zone) => Local(instant, Find(zone)) is var d ? (d.Month * 100) + d.Day : 0;

    /// <summary>An instant plus calendar time in a zone; a month without that day ends at its last.</summary>
    public static DateTimeOffset AddCalendar(DateTimeOffset instant, string zone, int months, int days)
    {
        var info = Find(zone);
        return ToInstant(Local(instant, info).AddMonths(months).AddDays(days), info);
    }

    /// <summary>Whole years from a birth to a date; a birth on 29 February counts as the 28th in other years. Null before birth.</summary>
    public static int? Years(DateOnly? birth, DateOnly on)
    {
        if (birth is not { } from || from > on)
        {
            return null;
        }

        var years = on.Year - from.Year;
        return from.AddYears(years) > on ? years - 1 : years;
    }

    /// <summary>An instant plus exact minutes.</summary>
    public static DateTimeOffset AddMinutes(DateTimeOffset instant, int minutes) => instant.AddMinutes(minutes);

    /// <summary>Whole periods of 24 hours from one instant to another; null without the first.</summary>
    public static int? DaysBetween(DateTimeOffset? from, DateTimeOffset to) =>
        from is { } start ? (int)Math.Floor((to - start) / TimeSpan.FromDays(1)) : null;

    internal static DateTime Local(DateTimeOffset instant, TimeZoneInfo zone) =>
        DateTime.SpecifyKind(instant.UtcDateTime + zone.GetUtcOffset(instant), DateTimeKind.Unspecified);

    /// <summary>The first instant of a local day.</summary>
    internal static DateTimeOffset StartOfDay(DateOnly day, TimeZoneInfo zone)
    {
        var midnight = day.ToDateTime(TimeOnly.MinValue);
        var (before, after) = OffsetsAround(midnight, zone);
        foreach (var first in new[] { Instant(midnight, before), Instant(midnight, after) })
        {
            if (before == after || Local(first, zone) == midnight)
            {
                return first;
            }
        }

        // Midnight was skipped: search for the first instant whose local date has come.
        var (low, high) = (Instant(midnight, TimeSpan.FromHours(26)).UtcTicks, Instant(midnight, TimeSpan.FromHours(-26)).UtcTicks);
        while (high - low > 1)
        {
            var middle = low + ((high - low) / 2);
            var reached = DateOnly.FromDateTime(Local(new DateTimeOffset(middle, TimeSpan.Zero), zone)) >= day;
            (low, high) = reached ? (low, middle) : (middle, high);
        }

        return Truncate(new DateTimeOffset(high, TimeSpan.Zero));
    }

    /// <summary>The last microsecond of a local day.</summary>
    internal static DateTimeOffset EndOfDay(DateOnly day, TimeZoneInfo zone) => StartOfDay(day.AddDays(1), zone) - Microsecond;

    /// <summary>
    /// The instant of a local time. One that occurs twice is the later (standard time); one that was skipped moves forward by the gap.
    /// PostgreSQL's AT TIME ZONE decides alike.
    /// </summary>
    internal static DateTimeOffset ToInstant(DateTime local, TimeZoneInfo zone)
    {
        var (before, after) = OffsetsAround(local, zone);
        var early = Instant(local, before);
        var late = Instant(local, after);
        return before == after || zone.GetUtcOffset(late) != after ? early : late;
    }

    private static (TimeSpan Before, TimeSpan After) OffsetsAround(DateTime local, TimeZoneInfo zone) =>
        (zone.GetUtcOffset(Instant(local, TimeSpan.FromHours(26))), zone.GetUtcOffset(Instant(local, TimeSpan.FromHours(-26))));

    private static DateTimeOffset Instant(DateTime local, TimeSpan offset) => new(local.Ticks - offset.Ticks, TimeSpan.Zero);
}
