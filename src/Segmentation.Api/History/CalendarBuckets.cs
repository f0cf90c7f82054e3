using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Api.History;

/// <summary>A period, divided as the clock of a time zone divides it.</summary>
internal static class CalendarBuckets
{
    private static readonly TimeSpan DefaultPeriod = TimeSpan.FromDays(30);

    /// <summary>The bounds of the intervals: one more than there are intervals.</summary>
    /// <param name="from">Where to begin; 30 days before the end, at the beginning of an interval, when null.</param>
    /// <param name="to">Where to end; <paramref name="now"/> when null.</param>
    /// <param name="interval">A day when null, or a month where days would be too many.</param>
    /// <param name="max">Intervals, at most.</param>
    /// <exception cref="ApiProblem">400: the period is empty, or has more intervals.</exception>
    public static (CalendarUnit Unit, DateTimeOffset[] Bounds) Divide(
        Calendar calendar, DateTimeOffset? from, DateTimeOffset? to, CalendarUnit? interval, DateTimeOffset now, int max)
    {
        var end = to ?? now;
        var earliest = end - LocalTime.Earliest > DefaultPeriod ? end - DefaultPeriod : LocalTime.Earliest;
        var start = from ?? calendar.Floor(earliest, interval ?? CalendarUnit.Day);
        if (start >= end)
        {
            throw ApiProblem.Invalid("from", "from must be an instant before to.");
        }

        var unit = interval ?? ChooseUnit(calendar, start, end, max);
        DateTimeOffset[] bounds = [start, .. calendar.Between(start, end, unit).Take(max + 1)];
        if (bounds.Length > max + 1)
        {
            throw ApiProblem.Invalid(
                "interval", $"There would be more than {max} intervals: choose longer intervals or a shorter period.");
        }

        return (unit, bounds);
    }

    private static CalendarUnit ChooseUnit(Calendar calendar, DateTimeOffset start, DateTimeOffset end, int max) =>
        calendar.Between(start, end, CalendarUnit.Day).Skip(max).Any() ? CalendarUnit.Month : CalendarUnit.Day;
}
