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
    /// <param name="kept">From when on there is what is counted; where <paramref name="from"/> is null, no interval begins before it.
    /// </param>
    /// <exception cref="ApiProblem">400: the period is empty, or has more intervals.</exception>
    public static (CalendarUnit Unit, DateTimeOffset[] Bounds) Divide(
        Calendar calendar, DateTimeOffset? from, DateTimeOffset? to, CalendarUnit? interval, DateTimeOffset now, int max,
        DateTimeOffset? kept = null)
    {
        var end = to ?? now;
        var earliest = end - LocalTime.Earliest > DefaultPeriod ? end - DefaultPeriod : LocalTime.Earliest;
        var start = from ?? FindFirst(calendar, calendar.Floor(earliest, interval ?? CalendarUnit.Day), interval, kept, end);
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

    /// <summary>Where to begin by default: at the first interval of which all is kept, where there is one.</summary>
    /// <param name="usual">The beginning where all is kept.</param>
    public static DateTimeOffset FindFirst(
        Calendar calendar, DateTimeOffset usual, CalendarUnit? interval, DateTimeOffset? kept, DateTimeOffset end) =>
        !(kept > usual) ? usual
        : calendar.Between(kept.Value, LocalTime.Latest, interval ?? CalendarUnit.Day).First() is var whole && whole < end ? whole
        : LocalTime.Truncate(kept.Value);

    private static CalendarUnit ChooseUnit(Calendar calendar, DateTimeOffset start, DateTimeOffset end, int max) =>
        calendar.Between(start, end, CalendarUnit.Day).Skip(max).Any() ? CalendarUnit.Month : CalendarUnit.Day;
}
