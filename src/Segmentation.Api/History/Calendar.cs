using Segmentation.Rules;
using Segmentation.Rules.Values;

namespace Segmentation.Api.History;

/// <summary>A stretch of the calendar. A week begins on Monday.</summary>
public enum CalendarUnit { Hour, Day, Week, Month }

/// <summary>Hours, days, weeks and months as the clock of a time zone shows them: a day may have 23 hours, or never come.</summary>
internal sealed class Calendar(string zoneId)
{
    private readonly TimeZoneInfo zone = LocalTime.Find(zoneId);
    private readonly Evaluation clock = new(LocalTime.Earliest, zoneId);

    /// <summary>Where the stretch began that an instant lies in.</summary>
    public DateTimeOffset Floor(DateTimeOffset instant, CalendarUnit unit) =>
        unit == CalendarUnit.Hour ? instant - IntoHour(instant) : StartOf(FirstDay(instant, unit));

    /// <summary>The ends of the stretches between two instants; the last is the second instant.</summary>
    public IEnumerable<DateTimeOffset> Between(DateTimeOffset from, DateTimeOffset to, CalendarUnit unit)
    {
        for (var at = from; at < to;)
        {
            at = Next(at, unit) is var next && next < to ? next : to;
            yield return at;
        }
    }

    private DateTimeOffset Next(DateTimeOffset instant, CalendarUnit unit) => unit switch
    {
        // Where the clocks change by a part of an hour, the hour in which they do ends when they do.
        CalendarUnit.Hour => instant + TimeSpan.FromHours(1) - IntoHour(instant),
        CalendarUnit.Day => StartOf(FirstDay(instant, unit).AddDays(1)),
        CalendarUnit.Week => StartOf(FirstDay(instant, unit).AddDays(7)),
        _ => StartOf(FirstDay(instant, unit).AddMonths(1)),
    };

    private DateOnly FirstDay(DateTimeOffset instant, CalendarUnit unit)
    {
        var day = LocalTime.Date(instant, zoneId);
        return unit switch
        {
            CalendarUnit.Week => DateOnly.FromDayNumber(Math.Max(0, day.DayNumber + 1 - LocalTime.DayOfWeek(instant, zoneId))),
            CalendarUnit.Month => new DateOnly(day.Year, day.Month, 1),
            _ => day,
        };
    }

    private DateTimeOffset StartOf(DateOnly day) => clock.From(new DateValue.Day(day));

    private TimeSpan IntoHour(DateTimeOffset instant) => TimeSpan.FromTicks((instant.UtcTicks + zone.GetUtcOffset(instant).Ticks) % TimeSpan.TicksPerHour);
}
