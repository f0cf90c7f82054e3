using System.Globalization;
using FsCheck.Fluent;
using Segmentation.Rules.Values;
using static Segmentation.Rules.Tests.Json;

namespace Segmentation.Rules.Tests;

/// <summary>When a rule's dates are, by clocks that are set forward and back.</summary>
public class EvaluationTests
{
    [Theory]
    // Every anchor and unit, on a Wednesday
    [InlineData("2024-05-15T12:00Z", "UTC", "now 0 day", "2024-05-15T12:00Z")]
    [InlineData("2024-05-15T12:00Z", "UTC", "startOfDay 0 day", "2024-05-15T00:00Z")]
    [InlineData("2024-05-15T12:00Z", "UTC", "endOfDay 0 day", "2024-05-15T23:59:59.999999Z")]
    [InlineData("2024-05-15T12:00Z", "UTC", "startOfWeek 0 day", "2024-05-13T00:00Z")]
    [InlineData("2024-05-15T12:00Z", "UTC", "endOfWeek 0 day", "2024-05-19T23:59:59.999999Z")]
    [InlineData("2024-05-15T12:00Z", "UTC", "startOfMonth 0 day", "2024-05-01T00:00Z")]
    [InlineData("2024-05-15T12:00Z", "UTC", "endOfMonth 0 day", "2024-05-31T23:59:59.999999Z")]
    [InlineData("2024-05-15T12:00Z", "UTC", "startOfYear 0 day", "2024-01-01T00:00Z")]
    [InlineData("2024-05-15T12:00Z", "UTC", "endOfYear 0 day", "2024-12-31T23:59:59.999999Z")]
    [InlineData("2024-05-15T12:00Z", "UTC", "now -3 minute", "2024-05-15T11:57Z")]
    [InlineData("2024-05-15T12:00Z", "UTC", "now 13 hour", "2024-05-16T01:00Z")]
    [InlineData("2024-05-15T12:00Z", "UTC", "now -90 day", "2024-02-15T12:00Z")]
    [InlineData("2024-05-15T12:00Z", "UTC", "now 2 week", "2024-05-29T12:00Z")]
    [InlineData("2024-05-15T12:00Z", "UTC", "now -3 month", "2024-02-15T12:00Z")]
    [InlineData("2024-05-15T12:00Z", "UTC", "now -1 year", "2023-05-15T12:00Z")]
    [InlineData("2024-05-15T12:00:00.1234567Z", "UTC", "now 0 hour", "2024-05-15T12:00:00.123456Z")]
    // Weeks start on Monday
    [InlineData("2024-05-19T23:59Z", "UTC", "startOfWeek 0 week", "2024-05-13T00:00Z")]
    [InlineData("2024-05-13T00:00Z", "UTC", "startOfWeek -1 week", "2024-05-06T00:00Z")]
    [InlineData("2024-05-12T12:00Z", "UTC", "endOfWeek 0 week", "2024-05-12T23:59:59.999999Z")]
    // The anchor first, then the offset; a month that is too short ends at its last day
    [InlineData("2024-01-31T10:00Z", "UTC", "now 1 month", "2024-02-29T10:00Z")]
    [InlineData("2023-01-31T10:00Z", "UTC", "now 1 month", "2023-02-28T10:00Z")]
    [InlineData("2024-02-29T10:00Z", "UTC", "now -1 year", "2023-02-28T10:00Z")]
    [InlineData("2024-02-29T10:00Z", "UTC", "now 4 year", "2028-02-29T10:00Z")]
    [InlineData("2024-02-10T10:00Z", "UTC", "endOfMonth 1 month", "2024-03-29T23:59:59.999999Z")]
    [InlineData("2024-03-10T10:00Z", "UTC", "endOfMonth -1 month", "2024-02-29T23:59:59.999999Z")]
    [InlineData("2024-05-15T12:00Z", "UTC", "startOfMonth -1 day", "2024-04-30T00:00Z")]
    [InlineData("2024-05-15T12:00Z", "UTC", "endOfDay 1 minute", "2024-05-16T00:00:59.999999Z")]
    // Berlin: forward at 2024-03-31 02:00, back at 2024-10-27 03:00
    [InlineData("2024-03-31T12:00Z", "Europe/Berlin", "startOfDay 0 day", "2024-03-30T23:00Z")]
    [InlineData("2024-03-31T12:00Z", "Europe/Berlin", "endOfDay 0 day", "2024-03-31T21:59:59.999999Z")]
    [InlineData("2024-03-31T12:00Z", "Europe/Berlin", "now -1 day", "2024-03-30T13:00Z")]
    [InlineData("2024-03-31T12:00Z", "Europe/Berlin", "now -24 hour", "2024-03-30T12:00Z")]
    [InlineData("2024-03-31T12:00Z", "Europe/Berlin", "startOfDay 2 hour", "2024-03-31T01:00Z")]
    [InlineData("2024-03-31T12:00Z", "Europe/Berlin", "startOfWeek 0 day", "2024-03-24T23:00Z")]
    [InlineData("2024-03-30T01:30Z", "Europe/Berlin", "now 1 day", "2024-03-31T01:30Z")]
    [InlineData("2024-03-30T01:30Z", "Europe/Berlin", "now 24 hour", "2024-03-31T01:30Z")]
    [InlineData("2024-10-26T00:30Z", "Europe/Berlin", "now 1 day", "2024-10-27T01:30Z")]
    [InlineData("2024-10-26T00:30Z", "Europe/Berlin", "now 1440 minute", "2024-10-27T00:30Z")]
    [InlineData("2024-10-27T00:30Z", "Europe/Berlin", "now 0 day", "2024-10-27T00:30Z")]
    [InlineData("2024-10-27T12:00Z", "Europe/Berlin", "startOfDay 0 day", "2024-10-26T22:00Z")]
    [InlineData("2024-10-27T12:00Z", "Europe/Berlin", "endOfDay 0 day", "2024-10-27T22:59:59.999999Z")]
    [InlineData("2024-10-27T12:00Z", "Europe/Berlin", "now -1 year", "2023-10-27T11:00Z")]
    [InlineData("2024-10-27T12:00Z", "Europe/Berlin", "startOfYear 0 day", "2023-12-31T23:00Z")]
    // New York: forward at 2024-03-10 02:00, back at 2024-11-03 02:00
    [InlineData("2024-03-10T16:00Z", "America/New_York", "startOfDay 0 day", "2024-03-10T05:00Z")]
    [InlineData("2024-03-10T16:00Z", "America/New_York", "endOfDay 0 day", "2024-03-11T03:59:59.999999Z")]
    [InlineData("2024-03-03T07:30Z", "America/New_York", "now 1 week", "2024-03-10T07:30Z")]
    [InlineData("2024-11-02T05:30Z", "America/New_York", "now 1 day", "2024-11-03T06:30Z")]
    // Havana: forward at 2024-03-10 00:00, back at 2024-11-03 01:00, so midnight is skipped or comes twice
    [InlineData("2024-03-10T16:00Z", "America/Havana", "startOfDay 0 day", "2024-03-10T05:00Z")]
    [InlineData("2024-03-09T16:00Z", "America/Havana", "endOfDay 0 day", "2024-03-10T04:59:59.999999Z")]
    [InlineData("2024-03-09T05:30Z", "America/Havana", "now 1 day", "2024-03-10T05:30Z")]
    [InlineData("2024-11-03T16:00Z", "America/Havana", "startOfDay 0 day", "2024-11-03T04:00Z")]
    [InlineData("2024-11-02T16:00Z", "America/Havana", "endOfDay 0 day", "2024-11-03T03:59:59.999999Z")]
    [InlineData("2024-11-02T04:30Z", "America/Havana", "now 1 day", "2024-11-03T05:30Z")]
    [InlineData("2024-11-02T04:00Z", "America/Havana", "now 1 day", "2024-11-03T04:00Z")]
    // Lord Howe: half an hour, back at 2024-04-07 02:00, forward at 2024-10-06 02:00
    [InlineData("2024-04-05T14:45Z", "Australia/Lord_Howe", "now 1 day", "2024-04-06T15:15Z")]
    [InlineData("2024-10-04T15:45Z", "Australia/Lord_Howe", "now 1 day", "2024-10-05T15:45Z")]
    [InlineData("2024-10-06T00:00Z", "Australia/Lord_Howe", "startOfDay 0 day", "2024-10-05T13:30Z")]
    [InlineData("2024-10-06T00:00Z", "Australia/Lord_Howe", "endOfDay 0 day", "2024-10-06T12:59:59.999999Z")]
    // Apia: there was no 2011-12-30
    [InlineData("2011-12-29T12:00Z", "Pacific/Apia", "now 1 day", "2011-12-30T12:00Z")]
    [InlineData("2011-12-29T12:00Z", "Pacific/Apia", "endOfDay 0 day", "2011-12-30T09:59:59.999999Z")]
    [InlineData("2011-12-30T12:00Z", "Pacific/Apia", "startOfDay 0 day", "2011-12-30T10:00Z")]
    [InlineData("2011-12-30T12:00Z", "Pacific/Apia", "startOfDay -1 day", "2011-12-30T10:00Z")]
    [InlineData("2011-12-30T12:00Z", "Pacific/Apia", "startOfDay -2 day", "2011-12-29T10:00Z")]
    [InlineData("2011-12-31T12:00Z", "Pacific/Apia", "startOfMonth 0 day", "2011-12-31T10:00Z")]
    // Kathmandu: 5:45 ahead. St John's: went back at one minute past midnight
    [InlineData("2024-05-15T18:20Z", "Asia/Kathmandu", "startOfDay 0 day", "2024-05-15T18:15Z")]
    [InlineData("2024-05-15T18:10Z", "Asia/Kathmandu", "endOfDay 0 day", "2024-05-15T18:14:59.999999Z")]
    [InlineData("2010-11-07T12:00Z", "America/St_Johns", "startOfDay 0 day", "2010-11-07T02:30Z")]
    // Past the calendar's ends: the end itself
    [InlineData("2024-05-15T12:00Z", "Europe/Berlin", "now 2147483647 hour", "9998-12-31T23:59:59Z")]
    [InlineData("2024-05-15T12:00Z", "Europe/Berlin", "now -2147483648 hour", "0002-01-01T00:00Z")]
    [InlineData("2024-05-15T12:00Z", "Europe/Berlin", "now -2147483648 minute", "0002-01-01T00:00Z")]
    [InlineData("2024-05-15T12:00Z", "Europe/Berlin", "startOfYear 2147483647 day", "9998-12-31T23:59:59Z")]
    [InlineData("2024-05-15T12:00Z", "Europe/Berlin", "now -2147483648 week", "0002-01-01T00:00Z")]
    [InlineData("2024-05-15T12:00Z", "Europe/Berlin", "now 2147483647 month", "9998-12-31T23:59:59Z")]
    [InlineData("2024-05-15T12:00Z", "Europe/Berlin", "now -2147483648 year", "0002-01-01T00:00Z")]
    [InlineData("2024-05-15T12:00Z", "Pacific/Apia", "now 7974 year", "9998-05-15T12:00Z")]
    [InlineData("2024-05-15T12:00Z", "Pacific/Apia", "now -2023 year", "0002-01-01T00:00Z")]
    public void From_RelativeDate_IsThatInstant(string asOf, string zone, string relative, string expected)
    {
        var parts = relative.Split(' ');
        var value = new DateValue.Relative(
            Enum.Parse<DateAnchor>(parts[0], ignoreCase: true),
            int.Parse(parts[1], CultureInfo.InvariantCulture),
            Enum.Parse<DateUnit>(parts[2], ignoreCase: true));
        var at = new Evaluation(Instants.Parse(asOf), zone);
        Assert.Equal(Instants.Parse(expected), at.From(value));
        Assert.Equal(at.From(value), at.To(value));

        // The same from the wire.
        var rule = Rule("seenAt", "=", Relative(parts[0], int.Parse(parts[1], CultureInfo.InvariantCulture), parts[2]));
        Assert.True(RuleTester.Holds(Group(rule), new Person { SeenAt = Instants.Parse(expected) }, asOf, zone));
    }

    [Theory]
    [InlineData("2024-05-15", "UTC", "2024-05-15T00:00Z", "2024-05-15T23:59:59.999999Z")]
    [InlineData("2024-03-31", "Europe/Berlin", "2024-03-30T23:00Z", "2024-03-31T21:59:59.999999Z")]
    [InlineData("2024-10-27", "Europe/Berlin", "2024-10-26T22:00Z", "2024-10-27T22:59:59.999999Z")]
    [InlineData("2024-03-10", "America/New_York", "2024-03-10T05:00Z", "2024-03-11T03:59:59.999999Z")]
    [InlineData("2024-03-10", "America/Havana", "2024-03-10T05:00Z", "2024-03-11T03:59:59.999999Z")]
    [InlineData("2024-11-03", "America/Havana", "2024-11-03T04:00Z", "2024-11-04T04:59:59.999999Z")]
    [InlineData("2024-04-07", "Australia/Lord_Howe", "2024-04-06T13:00Z", "2024-04-07T13:29:59.999999Z")]
    [InlineData("2011-12-29", "Pacific/Apia", "2011-12-29T10:00Z", "2011-12-30T09:59:59.999999Z")]
    [InlineData("2011-12-31", "Pacific/Apia", "2011-12-30T10:00Z", "2011-12-31T09:59:59.999999Z")]
    [InlineData("2024-05-15", "Asia/Kathmandu", "2024-05-14T18:15Z", "2024-05-15T18:14:59.999999Z")]
    [InlineData("0002-01-01", "Asia/Tokyo", "0002-01-01T00:00Z", null)]
    [InlineData("9998-12-31", "America/New_York", null, "9998-12-31T23:59:59Z")]
    public void FromAndTo_Date_SpanThatDay(string day, string zone, string? from, string? to)
    {
        var (at, value) = (new Evaluation(Instants.Parse(RuleTester.Noon), zone), DateValue.Parse(day)!);
        Assert.Equal(from is null ? at.From(value) : Instants.Parse(from), at.From(value));
        Assert.Equal(to is null ? at.To(value) : Instants.Parse(to), at.To(value));
        Assert.Equal(DateOnly.Parse(day, CultureInfo.InvariantCulture), at.Date(value));
    }

    [Fact]
    public void FromAndTo_SkippedDay_IsEmptyAndEverythingIsBeforeOrAfterIt()
    {
        foreach (var instant in new[] { "2011-12-30T09:59:59.999999Z", "2011-12-30T10:00Z" })
        {
            bool Is(string op) => RuleTester.Holds(
                Group(Rule("seenAt", op, "'2011-12-30'")), new Person { SeenAt = Instants.Parse(instant) }, zone: "Pacific/Apia");
            Assert.False(Is("="));
            Assert.True(Is("<") != Is(">"));
            Assert.Equal(Is("<"), Is("<="));
            Assert.Equal(Is(">"), Is(">="));
        }
    }

    [Theory]
    [InlineData("2024-05-15T12:30", "Europe/Berlin", "2024-05-15T10:30Z")]
    [InlineData("2024-03-31T02:30", "Europe/Berlin", "2024-03-31T01:30Z")]
    [InlineData("2024-10-27T02:30", "Europe/Berlin", "2024-10-27T01:30Z")]
    [InlineData("2024-10-27T02:30+02:00", "Europe/Berlin", "2024-10-27T00:30Z")]
    [InlineData("2024-11-03T01:30", "America/New_York", "2024-11-03T06:30Z")]
    [InlineData("2024-11-03T00:00", "America/Havana", "2024-11-03T04:00Z")]
    [InlineData("2024-11-03T00:30", "America/Havana", "2024-11-03T05:30Z")]
    [InlineData("2024-03-10T00:00", "America/Havana", "2024-03-10T05:00Z")]
    [InlineData("2024-04-07T01:45", "Australia/Lord_Howe", "2024-04-06T15:15Z")]
    [InlineData("2024-10-06T02:15", "Australia/Lord_Howe", "2024-10-05T15:45Z")]
    [InlineData("2011-12-30T12:00", "Pacific/Apia", "2011-12-30T22:00Z")]
    [InlineData("2024-10-27T01:30", "Europe/Dublin", "2024-10-27T01:30Z")]
    [InlineData("2024-03-10T02:30", "Africa/Casablanca", "2024-03-10T02:30Z")]
    [InlineData("2024-04-14T02:30", "Africa/Casablanca", "2024-04-14T02:30Z")]
    [InlineData("2024-05-15T00:00:00.5", "Asia/Kathmandu", "2024-05-14T18:15:00.5Z")]
    public void From_TimeWithoutOffset_IsOnTheSegmentsClock(string text, string zone, string expected) =>
        Assert.Equal(Instants.Parse(expected), new Evaluation(Instants.Parse(RuleTester.Noon), zone).From(DateValue.Parse(text)!));

    [Fact]
    public void From_EveryHourOfAYear_ReadsAsItselfUnlessSkippedOrAmbiguous()
    {
        foreach (var id in new[]
        {
            "Europe/Berlin", "America/New_York", "America/Havana", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"
        })
        {
            var (zone, at) = (LocalTime.Find(id), new Evaluation(Instants.Parse(RuleTester.Noon), id));
            for (var local = new DateTime(2024, 1, 1, 0, 10, 0); local.Year == 2024; local = local.AddMinutes(30))
            {
                var instant = at.From(new DateValue.Local(local));
                var back = LocalTime.Local(instant, zone);
                Assert.True(zone.IsInvalidTime(local) ? back > local && back <= local.AddHours(1) : back == local, $"{id} {local}");
                Assert.True(
                    !zone.IsAmbiguousTime(local)
                        || LocalTime.Local(instant.AddHours(-1), zone) == local
                        || LocalTime.Local(instant.AddMinutes(-30), zone) == local,
                    $"{id} {local}");
            }
        }
    }

    [Theory]
    [InlineData("2000-02-29", "2018-02-27T12:00Z", "UTC", 17)]
    [InlineData("2000-02-29", "2018-02-28T12:00Z", "UTC", 18)]
    [InlineData("2000-02-29", "2020-02-28T12:00Z", "UTC", 19)]
    [InlineData("2000-02-29", "2020-02-29T12:00Z", "UTC", 20)]
    [InlineData("1990-05-15", "2024-05-14T23:59Z", "UTC", 33)]
    [InlineData("1990-05-15", "2024-05-15T00:00Z", "UTC", 34)]
    [InlineData("1990-05-16", "2024-05-15T12:00Z", "UTC", 33)]
    [InlineData("1990-05-16", "2024-05-15T12:00Z", "Pacific/Auckland", 34)]
    [InlineData("1990-05-15", "2024-05-15T02:00Z", "America/New_York", 33)]
    [InlineData("2024-05-15", "2024-05-15T12:00Z", "UTC", 0)]
    [InlineData("2024-05-16", "2024-05-15T12:00Z", "UTC", null)]
    [InlineData("2024-05-16", "2030-05-16T12:00Z", "UTC", 6)]
    [InlineData("1900-01-01", "2024-05-15T12:00Z", "UTC", 124)]
    public void Age_AtAnInstant_IsWholeYearsInTheSegmentsZone(string born, string asOf, string zone, int? age)
    {
        var person = new Person { Born = DateOnly.Parse(born, CultureInfo.InvariantCulture) };
        bool Is(string op, int value) => RuleTester.Holds(Group(Rule("age", op, $"{value}")), person, asOf, zone);
        Assert.Equal(age is null, RuleTester.Holds(Group(Rule("age", "null")), person, asOf, zone));
        Assert.Equal(age, LocalTime.Years(person.Born, new Evaluation(Instants.Parse(asOf), zone).Today));
        Assert.All(
            [-1, 0, (age ?? 1) - 1, age ?? 1, (age ?? 1) + 1, 130],
            n => Assert.Equal((n <= age, n == age, n < age), (Is(">=", n), Is("=", n), Is(">", n))));
    }

    [Fact]
    public void LatestBirthDate_ForEveryAge_AgreesWithTheYearsBetween()
    {
        var dates = Gen.Choose(new DateOnly(1600, 1, 1).DayNumber, new DateOnly(2400, 12, 31).DayNumber).Select(DateOnly.FromDayNumber);
        Laws.Check(Gen.Zip(Gen.Zip(dates, dates), Gen.Choose(-2, 900)), c =>
        {
            var ((born, today), n) = c;
            var at = new Evaluation(new DateTimeOffset(today, TimeOnly.MinValue, TimeSpan.Zero), "UTC");
            return born > today || (born <= at.LatestBirthDate(n)) == (LocalTime.Years(born, today) >= n);
        }, 2000);
    }

    [Theory]
    [InlineData("1990-05-15", "2024-05-15", null, true)]
    [InlineData("1990-05-15", "1950-05-15T12:00:00Z", null, true)]
    [InlineData("1990-05-15", "2024-05-14", null, false)]
    [InlineData("2000-02-29", "2023-02-28", null, true)]
    [InlineData("2000-02-29", "2024-02-28", null, false)]
    [InlineData("2000-02-28", "2024-02-29", null, false)]
    [InlineData("2000-02-28", "2023-02-28", null, true)]
    [InlineData("2000-03-01", "2023-02-28", null, false)]
    [InlineData("2000-02-29", "2023-02-01", "2023-02-28", true)]
    [InlineData("2000-02-29", "2024-02-01", "2024-02-28", false)]
    [InlineData("2000-02-29", "2023-02-28", "2023-03-01", true)]
    [InlineData("2000-02-29", "2023-03-01", "2023-12-31", false)]
    [InlineData("2000-12-31", "2024-12-20", "2025-01-10", true)]
    [InlineData("2000-01-10", "2024-12-20", "2025-01-10", true)]
    [InlineData("2000-01-11", "2024-12-20", "2025-01-10", false)]
    [InlineData("2000-12-19", "2024-12-20", "2025-01-10", false)]
    [InlineData("2000-12-20", "2024-12-20", "2025-01-10", true)]
    [InlineData("2000-06-15", "2024-12-20", "2025-01-10", false)]
    [InlineData("2000-01-01", "2024-01-01", "2024-12-31", true)]
    [InlineData("2000-02-29", "2024-12-20", "2025-02-28", true)]
    [InlineData("2000-02-29", "2023-12-20", "2024-02-28", false)]
    [InlineData("2000-06-15", "2024-06-16", "2024-06-14", false)]
    public void Birthday_InAWindow_HoldsWhateverTheYear(string born, string low, string? high, bool expected)
    {
        var rule = high is null ? Rule("birthday", "=", $"'{low}'") : Rule("birthday", "between", $"['{low}','{high}']");
        Assert.Equal(expected, RuleTester.Holds(Group(rule), new Person { Born = DateOnly.Parse(born, CultureInfo.InvariantCulture) }));
        Assert.Equal(!expected, RuleTester.Holds(Not(rule), new Person { Born = DateOnly.Parse(born, CultureInfo.InvariantCulture) }));
    }

    [Theory]
    [InlineData("2000-05-16", "2024-05-15T23:30Z", "Asia/Tokyo", 0, 0, true)]
    [InlineData("2000-05-15", "2024-05-15T23:30Z", "Asia/Tokyo", 0, 0, false)]
    [InlineData("2000-05-15", "2024-05-15T23:30Z", "UTC", 0, 7, true)]
    [InlineData("2000-05-22", "2024-05-15T23:30Z", "UTC", 0, 7, true)]
    [InlineData("2000-05-23", "2024-05-15T23:30Z", "UTC", 0, 7, false)]
    [InlineData("2000-01-03", "2024-12-30T12:00Z", "UTC", 0, 7, true)]
    [InlineData("2000-02-29", "2023-02-28T12:00Z", "UTC", 0, 0, true)]
    [InlineData("2000-02-29", "2024-02-28T12:00Z", "UTC", 0, 0, false)]
    [InlineData("2000-02-29", "2024-02-29T12:00Z", "UTC", 0, 0, true)]
    [InlineData("2000-02-29", "2023-02-25T12:00Z", "UTC", 0, 3, true)]
    public void Birthday_InTheNextDays_IsInTheSegmentsZone(string born, string asOf, string zone, int from, int to, bool expected) =>
        Assert.Equal(expected, RuleTester.Holds(
            Group(Rule("birthday", "between", $"[{Relative("now", from, "day")},{Relative("now", to, "day")}]")),
            new Person { Born = DateOnly.Parse(born, CultureInfo.InvariantCulture) },
            asOf,
            zone));

    [Theory]
    [InlineData("UTC", "'2000-05-15'", true)]
    [InlineData("Asia/Tokyo", "'2000-05-15'", false)]
    [InlineData("Asia/Tokyo", "'2000-05-16'", true)]
    public void Anniversary_OfAnInstant_IsInTheSegmentsZone(string zone, string day, bool expected) =>
        Assert.Equal(
            expected,
            RuleTester.Holds(
                Group(Rule("anniversary", "=", day)), new Person { SeenAt = Instants.Parse("2024-05-15T20:00Z") }, zone: zone));

    [Theory]
    [InlineData("2024-05-15T22:30:00Z", "UTC", true)]
    [InlineData("2024-05-15T22:30:00Z", "Europe/Berlin", false)]
    public void Born_OnAnInstant_IsItsDateInTheSegmentsZone(string instant, string zone, bool expected) =>
        Assert.Equal(
            expected, RuleTester.Holds(Group(Rule("born", "=", $"'{instant}'")), new Person { Born = new(2024, 5, 15) }, zone: zone));

    [Fact]
    public void DaysAgo_AnyNumber_StaysInTheCalendar()
    {
        var at = new Evaluation(Instants.Parse(RuleTester.Noon), "UTC");
        Assert.Equal(Instants.Parse("2024-05-05T12:00Z"), at.DaysAgo(10));
        Assert.Equal(Instants.Parse("2024-05-25T12:00Z"), at.DaysAgo(-10));
        Assert.Equal((LocalTime.Earliest, LocalTime.Latest), (at.DaysAgo(999_999_999_999m), at.DaysAgo(-999_999_999_999m)));
        Assert.Equal(LocalTime.Latest, at.DaysAgo(-2_900_000));
    }

    [Fact]
    public void In_AnotherZone_KeepsTheInstant()
    {
        var at = new Evaluation(Instants.Parse("2024-05-15T23:30Z"), "UTC");
        Assert.Same(at, at.In("UTC"));
        Assert.Equal((at.AsOf, new DateOnly(2024, 5, 16)), (at.In("Asia/Tokyo").AsOf, at.In("Asia/Tokyo").Today));
        Assert.Same(at.In("Asia/Tokyo"), at.In("Asia/Tokyo"));
        Assert.Throws<TimeZoneNotFoundException>(() => at.In("Mars/Base"));
    }

    [Fact]
    public void ToFunc_AlternatingEvaluations_EachHasItsOwnClock()
    {
        var holds = RuleTester.CompilePredicate(
            Group(Rule("seenAt", ">=", Relative("now", -1, "day")), Rule("born", "=", Relative("startOfDay", 0, "day"))));
        var person = new Person { SeenAt = Instants.Parse("2024-05-15T12:00Z"), Born = new DateOnly(2024, 5, 16) };
        Evaluation[] clocks = [new(Instants.Parse("2024-05-16T12:00Z"), "UTC"), new(Instants.Parse("2024-05-16T12:00:00.000001Z"), "UTC"),
            new(Instants.Parse("2024-05-15T23:00Z"), "UTC"), new(Instants.Parse("2024-05-15T23:00Z"), "Asia/Tokyo")];
        Parallel.For(0, 400, i => Assert.Equal(i % 4 is 0 or 3, holds(person, clocks[i % 4])));
    }
}
