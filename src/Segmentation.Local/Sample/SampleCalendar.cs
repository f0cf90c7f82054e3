using Segmentation.Rules.Values;

namespace Segmentation.Local;

/// <summary>When things happen: seasons, weekdays and hours, in the time zones of the sample's places.</summary>
internal sealed class SampleCalendar
{
    private const int Days = SampleGenerator.Days;

    private static readonly byte[][] HourTables = [.. SampleTables.Hours.Select(HourTable)];

    private readonly DateTimeOffset now;

    // How much happens up to each day, and for each of many equal parts of that the day it begins in.
    private readonly double[] upTo = new double[Days + 1];
    private readonly short[] dayOfPart = new short[2048];

    // By place and day: minutes ahead of UTC at noon.
    private readonly short[][] offsets;

    /// <param name="now">The end of the days in which things happen.</param>
    public SampleCalendar(DateTimeOffset now)
    {
        this.now = now;
        var first = FirstDay;
        for (var day = 0; day < Days; day++)
        {
            upTo[day + 1] = upTo[day] + Weight(first.AddDays(day));
        }

        for (int part = 0, day = 0; part < dayOfPart.Length; part++)
        {
            for (; day < Days - 1 && upTo[day + 1] <= upTo[Days] * part / dayOfPart.Length; day++)
            {
            }

            dayOfPart[part] = (short)day;
        }

        offsets =
            [.. SampleTables.Places.Select(place => LocalTime.Find(place.TimeZone)).Select(zone => (short[])[.. Enumerable.Range(0, Days)
                .Select(day =>
                    (short)zone.GetUtcOffset(new DateTimeOffset(first.AddDays(day), new TimeOnly(12, 0), TimeSpan.Zero)).TotalMinutes)])];
    }

    /// <summary>How much happens on all days together.</summary>
    public double Total => upTo[Days];

    /// <summary>The first instant of the first day, in UTC.</summary>
    public DateTimeOffset Start => new(FirstDay, TimeOnly.MinValue, TimeSpan.Zero);

    // Today is left out: what its rest will bring is not known.
    private DateOnly FirstDay => DateOnly.FromDateTime(now.UtcDateTime).AddDays(-Days);

    /// <summary>How much happens before a day, counted from the first.</summary>
    public double Before(int day) => upTo[day];

    /// <summary>When a session begins that comes after a part of all that its customer does.</summary>
    /// <param name="random">Draws the hour.</param>
    /// <param name="person">The customer.</param>
    /// <param name="progress">The part, from 0 to 1.</param>
    public DateTimeOffset SessionStart(ref SampleRandom random, SamplePerson person, double progress)
    {
        var at = person.From + ((person.To - person.From) * progress);
        var day = (int)dayOfPart[Math.Min((int)(at / upTo[Days] * dayOfPart.Length), dayOfPart.Length - 1)];
        while (day < Days - 1 && upTo[day + 1] <= at)
        {
            day++;
        }

        var seconds = (HourTables[person.Hours][random.Below(256)] * 3600) + random.Below(3600);
        var start = new DateTimeOffset(FirstDay.AddDays(day), TimeOnly.MinValue, TimeSpan.Zero).AddSeconds(
            seconds - (60 * offsets[person.Place][day]));
        return start > now.AddHours(-1) ? start.AddDays(-1) : start;
    }

    private static double Weight(DateOnly day)
    {
        var weight = SampleTables.Months[day.Month - 1] * SampleTables.Weekdays[((int)day.DayOfWeek + 6) % 7];
        return day switch
        {
            // Black Friday and the weekend after it.
            { Month: 11, Day: >= 22 and <= 30 }
                when day.DayOfWeek is DayOfWeek.Thursday or DayOfWeek.Friday or DayOfWeek.Saturday or DayOfWeek.Sunday => weight * 2,
            { Month: 12, Day: >= 24 and <= 26 } => weight * 0.35,
            _ => weight,
        };
    }

    private static byte[] HourTable(double[] weights)
    {
        var table = new byte[256];
        var (total, sum, hour) = (weights.Sum(), weights[0], 0);
        for (var i = 0; i < table.Length; i++)
        {
            while (hour < 23 && sum / total * table.Length <= i)
            {
                sum += weights[++hour];
            }

            table[i] = (byte)hour;
        }

        return table;
    }
}
