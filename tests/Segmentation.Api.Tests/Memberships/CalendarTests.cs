using Segmentation.Api.History;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Tests.Memberships;

public sealed class CalendarTests
{
    public static TheoryData<string, CalendarUnit, string, string, string> Cases => new()
    {
        { "UTC", CalendarUnit.Day, "2026-01-01T10:00Z", "2026-01-03T00:00Z", "01-02 00:00, 01-03 00:00" },
        { "Europe/Berlin", CalendarUnit.Day, "2026-03-28T23:00Z", "2026-03-30T22:00Z", "03-29 22:00, 03-30 22:00" }, // 23 hours long.
        { "Europe/Berlin", CalendarUnit.Day, "2026-10-24T22:00Z", "2026-10-26T23:00Z", "10-25 23:00, 10-26 23:00" }, // 25 hours long.
        { "Europe/Berlin", CalendarUnit.Hour, "2026-10-24T23:30Z", "2026-10-25T02:00Z", "10-25 00:00, 10-25 01:00, 10-25 02:00" },
        { "Asia/Kathmandu", CalendarUnit.Hour, "2026-01-01T00:00Z", "2026-01-01T02:00Z", "01-01 00:15, 01-01 01:15, 01-01 02:00" },
        { "Australia/Lord_Howe", CalendarUnit.Hour, "2026-04-04T14:00Z", "2026-04-04T17:30Z", "04-04 15:00, 04-04 15:30, 04-04 16:30, 04-04 17:30" }, // At 2:00 it is 1:30 again.
        { "America/Havana", CalendarUnit.Day, "2026-10-31T04:00Z", "2026-11-02T05:00Z", "11-01 04:00, 11-02 05:00" }, // At 1:00 it is midnight again.
        { "Africa/Cairo", CalendarUnit.Day, "2026-04-22T22:00Z", "2026-04-24T21:00Z", "04-23 22:00, 04-24 21:00" }, // There is no midnight on the 24th.
        { "Pacific/Apia", CalendarUnit.Day, "2011-12-29T10:00Z", "2011-12-31T10:00Z", "12-30 10:00, 12-31 10:00" }, // The 30th never came.
        { "Europe/Berlin", CalendarUnit.Week, "2026-03-25T12:00Z", "2026-04-06T12:00Z", "03-29 22:00, 04-05 22:00, 04-06 12:00" },
        { "America/New_York", CalendarUnit.Month, "2026-01-31T12:00Z", "2026-04-01T04:00Z", "02-01 05:00, 03-01 05:00, 04-01 04:00" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Between_EndsWhereTheClockSays(string zone, CalendarUnit unit, string from, string to, string ends) =>
        Assert.Equal(ends, string.Join(", ", new Calendar(zone).Between(At(from), At(to), unit).Select(e => e.UtcDateTime.ToString("MM-dd HH:mm", System.Globalization.CultureInfo.InvariantCulture))));

    [Theory]
    [InlineData("UTC")]
    [InlineData("Europe/Berlin")]
    [InlineData("America/St_Johns")]
    [InlineData("Australia/Lord_Howe")]
    [InlineData("Pacific/Apia")]
    [InlineData("Pacific/Kiritimati")]
    [InlineData("America/Havana")]
    public void Floor_IsABeginning_OfTheStretchThatHasTheInstant(string zone)
    {
        var (calendar, random) = (new Calendar(zone), new Random(1));
        for (var i = 0; i < 300; i++)
        {
            var (at, unit) = (LocalTime.Truncate(new DateTimeOffset(2008 + random.Next(20), 1, 1, 0, 0, 0, TimeSpan.Zero).AddHours(random.NextDouble() * 8766)), (CalendarUnit)random.Next(4));
            var start = calendar.Floor(at, unit);
            Assert.True(start <= at);

            // Where the clocks changed within an hour, what the clock says began before the change.
            var ends = calendar.Between(start, LocalTime.Latest, unit).TakeWhile(e => e <= at).ToList();
            Assert.True(unit == CalendarUnit.Hour || ends.Count == 0, $"{zone} {unit} {at:O}");
            Assert.Equal(start, calendar.Floor(start, unit));
        }
    }

    [Theory]
    [InlineData("America/Los_Angeles")]
    [InlineData("Pacific/Kiritimati")]
    public void EndsOfTime_AreEndsToo(string zone)
    {
        foreach (var unit in Enum.GetValues<CalendarUnit>())
        {
            Assert.NotEmpty(new Calendar(zone).Between(LocalTime.Earliest, LocalTime.Latest, unit).Take(5));
            Assert.Equal(LocalTime.Latest, new Calendar(zone).Between(LocalTime.Latest.AddDays(-40), LocalTime.Latest, unit).Last());
            Assert.True(new Calendar(zone).Floor(LocalTime.Earliest, unit) <= LocalTime.Earliest);
            Assert.True(new Calendar(zone).Floor(LocalTime.Latest, unit) <= LocalTime.Latest);
        }
    }

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
