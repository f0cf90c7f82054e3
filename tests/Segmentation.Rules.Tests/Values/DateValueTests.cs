using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Tests.Values;

public class DateValueTests
{
    [Theory]
    [InlineData("2024-05-31", "2024-05-31")]
    [InlineData("0002-01-01", "0002-01-01")]
    [InlineData("9998-12-31", "9998-12-31")]
    [InlineData("2024-05-31T12:00", "2024-05-31 12:00:00")]
    [InlineData("2024-05-31T12:00:30", "2024-05-31 12:00:30")]
    [InlineData("2024-05-31T12:00:30.25", "2024-05-31 12:00:30.25")]
    [InlineData("2024-05-31T12:00Z", "2024-05-31 12:00:00 UTC")]
    [InlineData("2024-05-31T12:00:00z", "2024-05-31 12:00:00 UTC")]
    [InlineData("2024-05-31t12:00:00z", "2024-05-31 12:00:00 UTC")]
    [InlineData("2024-05-31t12:00:00.5+02:00", "2024-05-31 10:00:00.5 UTC")]
    [InlineData("2024-05-31t12:00", "2024-05-31 12:00:00")]
    [InlineData("2024-05-31T12:00:00.123456789Z", "2024-05-31 12:00:00.123456 UTC")]
    [InlineData("2024-05-31T12:00:00+02:00", "2024-05-31 10:00:00 UTC")]
    [InlineData("2024-05-31T12:00:00-0530", "2024-05-31 17:30:00 UTC")]
    [InlineData("2024-05-31T12:00+14", "2024-05-30 22:00:00 UTC")]
    [InlineData("2024-05-31T12:00-00:00", "2024-05-31 12:00:00 UTC")]
    [InlineData("0002-01-01T00:00:00Z", "0002-01-01 00:00:00 UTC")]
    public void Parse_IsoText_IsThatTime(string text, string described) =>
        Assert.Equal(described, DateValue.Parse(text) is { } date ? DateDescription.Describe(date, FieldType.Instant) : null);

    [Theory]
    [InlineData("")]
    [InlineData(" 2024-05-31")]
    [InlineData("2024-05-31 ")]
    [InlineData("2024-05-31\n")]
    [InlineData("2024-5-31")]
    [InlineData("31.05.2024")]
    [InlineData("20240531")]
    [InlineData("2024-02-30")]
    [InlineData("2023-02-29")]
    [InlineData("2024-13-01")]
    [InlineData("0000-01-01")]
    [InlineData("0001-12-31")]
    [InlineData("9999-01-01")]
    [InlineData("0001-12-31T23:59Z")]
    [InlineData("0002-01-01T00:00+01:00")]
    [InlineData("9998-12-31T23:59:59-01:00")]
    [InlineData("2024-05-31T12")]
    [InlineData("2024-05-31T25:00")]
    [InlineData("2024-05-31T24:00")]
    [InlineData("2024-05-31T12:60")]
    [InlineData("2024-05-31T12:00:61Z")]
    [InlineData("2024-05-31T12:00.5Z")]
    [InlineData("2024-05-31T12:00:00.Z")]
    [InlineData("2024-05-31T12:00:00.1234567890Z")]
    [InlineData("2024-05-31 12:00Z")]
    [InlineData("2024-05-31T12:00+15:00")]
    [InlineData("2024-05-31T12:00+14:30")]
    [InlineData("2024-05-31T12:00+02:60")]
    [InlineData("2024-05-31T12:00+2")]
    [InlineData("2024-05-31T12:00 Z")]
    [InlineData("2024-W22-5")]
    [InlineData("now")]
    [InlineData("٢٠٢٤-٠٥-٣١")]
    [InlineData("2024-05-31T12:00:00.٣Z")]
    [InlineData("2024-05-31T12:00:00+٠٢:00")]
    [InlineData("2024-05-31T12:00:00+02:٣٠")]
    public void Parse_AnythingElse_IsNull(string text) => Assert.Null(DateValue.Parse(text));

    [Theory]
    [InlineData("2024-05-31T12:00:00+02:00", true)]
    [InlineData("2024-05-31T12:00:00", false)]
    [InlineData("2024-05-31", false)]
    [InlineData("x", false)]
    public void ParseInstant_WithoutOffset_IsNull(string text, bool isInstant) =>
        Assert.Equal(isInstant, DateValue.ParseInstant(text) is not null);

    [Theory]
    [InlineData(DateAnchor.Now, 0, DateUnit.Day, "now", "now", "today")]
    [InlineData(DateAnchor.Now, -1, DateUnit.Day, "1 day ago", "1 day ago", "1 day ago")]
    [InlineData(DateAnchor.Now, -6, DateUnit.Month, "6 months ago", "6 months ago", "6 months ago")]
    [InlineData(DateAnchor.Now, 3, DateUnit.Day, "in 3 days", "3 days from now", "in 3 days")]
    [InlineData(DateAnchor.Now, 90, DateUnit.Minute, "in 90 minutes", "90 minutes from now", "in 90 minutes")]
    [InlineData(DateAnchor.StartOfDay, 0, DateUnit.Hour, "the start of today", "the start of today", "today")]
    [InlineData(DateAnchor.EndOfDay, 0, DateUnit.Day, "the end of today", "the end of today", "today")]
    [InlineData(DateAnchor.EndOfDay, 1, DateUnit.Week, "1 week after the end of today", "1 week after the end of today", "in 1 week")]
    [InlineData(DateAnchor.StartOfDay, -2, DateUnit.Hour,
        "2 hours before the start of today", "2 hours before the start of today", "2 hours before the start of today")]
    [InlineData(DateAnchor.StartOfWeek, 0, DateUnit.Day, "the start of this week", "the start of this week", "the start of this week")]
    [InlineData(DateAnchor.EndOfWeek, 0, DateUnit.Day, "the end of this week", "the end of this week", "the end of this week")]
    [InlineData(DateAnchor.StartOfMonth, -3, DateUnit.Day,
        "3 days before the start of this month", "3 days before the start of this month", "3 days before the start of this month")]
    [InlineData(DateAnchor.EndOfMonth, -2, DateUnit.Month,
        "2 months before the end of this month", "2 months before the end of this month", "2 months before the end of this month")]
    [InlineData(DateAnchor.StartOfYear, 1, DateUnit.Year,
        "1 year after the start of this year", "1 year after the start of this year", "1 year after the start of this year")]
    [InlineData(DateAnchor.EndOfYear, int.MinValue, DateUnit.Year, "2147483648 years before the end of this year",
        "2147483648 years before the end of this year", "2147483648 years before the end of this year")]
    public void Describe_RelativeDate_ReadsAsEnglish(
        DateAnchor anchor, int offset, DateUnit unit, string alone, string afterAWord, string asADate)
    {
        var date = new DateValue.Relative(anchor, offset, unit);
        Assert.Equal(alone, DateDescription.Describe(date, FieldType.Instant, alone: true));
        Assert.Equal(afterAWord, DateDescription.Describe(date, FieldType.Instant));
        Assert.Equal(asADate, DateDescription.Describe(date, FieldType.Date, alone: true));
    }
}

public class LocalTimeTests
{
    [Theory]
    [InlineData("2024-05-15T23:30Z", "UTC", 23, 3, 5, "2024-05-15")]
    [InlineData("2024-05-15T23:30Z", "Europe/Berlin", 1, 4, 5, "2024-05-16")]
    [InlineData("2024-05-31T22:30Z", "Europe/Berlin", 0, 6, 6, "2024-06-01")]
    [InlineData("2024-05-19T12:00Z", "UTC", 12, 7, 5, "2024-05-19")]
    [InlineData("2024-05-20T00:00Z", "UTC", 0, 1, 5, "2024-05-20")]
    [InlineData("2024-03-31T00:59:59.999999Z", "Europe/Berlin", 1, 7, 3, "2024-03-31")]
    [InlineData("2024-03-31T01:00Z", "Europe/Berlin", 3, 7, 3, "2024-03-31")]
    [InlineData("2024-10-27T00:30Z", "Europe/Berlin", 2, 7, 10, "2024-10-27")]
    [InlineData("2024-10-27T01:30Z", "Europe/Berlin", 2, 7, 10, "2024-10-27")]
    [InlineData("2024-01-01T02:00Z", "America/New_York", 21, 7, 12, "2023-12-31")]
    [InlineData("2024-05-15T18:15Z", "Asia/Kathmandu", 0, 4, 5, "2024-05-16")]
    [InlineData("2011-12-30T09:59Z", "Pacific/Apia", 23, 4, 12, "2011-12-29")]
    [InlineData("2011-12-30T10:00Z", "Pacific/Apia", 0, 6, 12, "2011-12-31")]
    public void Parts_OfAnInstant_AreThoseOfTheZonesClock(string instant, string zone, int hour, int dayOfWeek, int month, string date)
    {
        var (at, day) = (Instants.Parse(instant), DateOnly.Parse(date, System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(
            (hour, dayOfWeek, month, day),
            (LocalTime.Hour(at, zone), LocalTime.DayOfWeek(at, zone), LocalTime.Month(at, zone), LocalTime.Date(at, zone)));
        Assert.Equal((month * 100) + day.Day, LocalTime.MonthDay(at, zone));
    }

    [Theory]
    [InlineData("2024-03-30T12:00Z", "Europe/Berlin", 0, 1, "2024-03-31T11:00Z")]
    [InlineData("2024-10-26T12:00Z", "Europe/Berlin", 0, 1, "2024-10-27T13:00Z")]
    [InlineData("2024-01-31T12:00Z", "UTC", 1, 0, "2024-02-29T12:00Z")]
    [InlineData("2024-02-29T12:00Z", "UTC", 12, 0, "2025-02-28T12:00Z")]
    [InlineData("2024-03-30T01:30Z", "Europe/Berlin", 0, 1, "2024-03-31T01:30Z")]
    [InlineData("2024-10-26T00:30Z", "Europe/Berlin", 0, 1, "2024-10-27T01:30Z")]
    [InlineData("2011-12-29T12:00Z", "Pacific/Apia", 0, 1, "2011-12-30T12:00Z")]
    public void AddCalendar_AcrossClockChanges_KeepsTheLocalTime(string from, string zone, int months, int days, string expected) =>
        Assert.Equal(Instants.Parse(expected), LocalTime.AddCalendar(Instants.Parse(from), zone, months, days));

    [Theory]
    [InlineData("2024-05-14T12:00Z", 1)]
    [InlineData("2024-05-14T12:00:00.000001Z", 0)]
    [InlineData("2024-05-15T12:00Z", 0)]
    [InlineData("2024-05-15T12:00:00.000001Z", -1)]
    public void DaysBetween_Instants_AreWholePeriodsOf24Hours(string from, int expected)
    {
        Assert.Equal(expected, LocalTime.DaysBetween(Instants.Parse(from), Instants.Parse(RuleTester.Noon)));
        Assert.Null(LocalTime.DaysBetween(null, Instants.Parse(RuleTester.Noon)));
    }

    [Theory]
    [InlineData("UTC", true)]
    [InlineData("Etc/UTC", true)]
    [InlineData("Etc/GMT+5", true)]
    [InlineData("Europe/Berlin", true)]
    [InlineData("America/Argentina/Buenos_Aires", true)]
    [InlineData("America/Port-au-Prince", true)]
    [InlineData("europe/berlin", false)]
    [InlineData("EUROPE/BERLIN", false)]
    [InlineData("utc", false)]
    [InlineData("", false)]
    [InlineData(" UTC", false)]
    [InlineData("Mars/Base", false)]
    [InlineData("W. Europe Standard Time", false)]
    [InlineData("posix/Europe/Berlin", false)]
    [InlineData("posixrules", false)]
    [InlineData("localtime", false)]
    [InlineData("Factory", false)]
    [InlineData("UTC+3", false)]
    [InlineData("CET-1CEST,M3.5.0,M10.5.0/3", false)]
    [InlineData("<+03>-3", false)]
    [InlineData("PDT", false)]
    [InlineData("+02:00", false)]
    [InlineData("leapseconds", false)]
    [InlineData("tzdata.zi", false)]
    [InlineData("zone1970.tab", false)]
    [InlineData("right/Europe/Berlin", false)]
    [InlineData("../../etc/passwd", false)]
    [InlineData("/etc/localtime", false)]
    [InlineData("Europe", false)]
    [InlineData("Europe/Berlin\0", false)]
    public void TryFind_IanaName_IsFoundWhenSpelledExactly(string id, bool found)
    {
        LocalTime.Find("Europe/Berlin");
        Assert.Equal(found, LocalTime.TryFind(id, out var zone));
        Assert.Equal(found, zone is not null);
        Assert.Equal(found, LocalTime.TryFind(id, out _));
    }

    [Fact]
    public void Truncate_Ticks_CutsToMicrosecondsInUtc() => Assert.Equal(
        new DateTimeOffset(2024, 5, 15, 10, 0, 0, TimeSpan.Zero).AddTicks(10),
        LocalTime.Truncate(new DateTimeOffset(2024, 5, 15, 12, 0, 0, TimeSpan.FromHours(2)).AddTicks(19)));
}

public class RuleNumberTests
{
    [Theory]
    [InlineData("0", "0")]
    [InlineData("-0", "0")]
    [InlineData("+5", "5")]
    [InlineData(" 12.50 ", "12.50")]
    [InlineData("1e3", "1000")]
    [InlineData("1E-9", "0.000000001")]
    [InlineData(".5", "0.5")]
    [InlineData("5.", "5")]
    [InlineData("0e5", "0")]
    [InlineData("0.0000000000", "0")]
    [InlineData("-999999999999999999.999999999", "-999999999999999999.999999999")]
    [InlineData("1.000000000000000", "1")]
    [InlineData("100000000000000000e-9", "100000000")]
    [InlineData("00012.5", "12.5")]
    [InlineData("1E+2", "100")]
    [InlineData("0e99999999999999999999", "0")]
    public void Parse_Number_IsExact(string text, string expected) =>
        Assert.Equal(decimal.Parse(expected, System.Globalization.CultureInfo.InvariantCulture), RuleNumber.Parse(text));

    [Theory]
    [InlineData("0.30000000000000004", "0.3")]
    [InlineData("0.0000000001", "0")]
    [InlineData("0.0000000005", "0.000000001")]
    [InlineData("-0.0000000005", "-0.000000001")]
    [InlineData("0.00000000049999999999999999999999999999999999999", "0")]
    [InlineData("2.9999999999", "3")]
    [InlineData("1e-30", "0")]
    [InlineData("-1e-99999999999999", "0")]
    [InlineData("1.00000000000000000000000000001", "1")]
    [InlineData("123456789012345678.1234567894999", "123456789012345678.123456789")]
    [InlineData("123456789012345678.1234567895", "123456789012345678.12345679")]
    [InlineData("0.123456789012345678901234567890123456789012345678901234567890123456789", "0.123456789")]
    public void Parse_NumberOfManyDecimals_IsRoundedHalfAwayFromZero(string text, string expected)
    {
        Assert.Equal(NumberKind.Rounded, RuleNumber.Read(text, out var number));
        Assert.Equal(expected, number.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    [Theory]
    [InlineData("12345678901234567890", "12345678901234567890.0", "1234567890123456789e1")]
    [InlineData("1e20", "100000000000000000000", "1e20")]
    [InlineData("-1e400", "-10E399", "-1e400")]
    [InlineData("12345678901234567890.5", "0.123456789012345678905e20", "123456789012345678905e-1")]
    public void ReadDigits_NumberOutOfRange_IsOneTextHoweverItIsWritten(string text, string same, string digits)
    {
        Assert.Equal(digits, RuleNumber.ReadDigits(text));
        Assert.Equal(digits, RuleNumber.ReadDigits(same));
        Assert.Null(RuleNumber.ReadDigits("5"));
        Assert.Null(RuleNumber.ReadDigits("x"));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("-")]
    [InlineData("abc")]
    [InlineData("1,000")]
    [InlineData("1 000")]
    [InlineData("(5)")]
    [InlineData("$5")]
    [InlineData("0x10")]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("٣")]
    [InlineData("1e")]
    [InlineData("1000000000000000000")]
    [InlineData("1e18")]
    [InlineData("1e400")]
    [InlineData("1e99999999999999999999999")]
    [InlineData("-12345678901234567890")]
    [InlineData("999999999999999999.9999999999")]
    [InlineData("1e+")]
    [InlineData("e5")]
    [InlineData("1.2.3")]
    [InlineData("1e5.5")]
    [InlineData(".")]
    [InlineData("--5")]
    public void Parse_NoNumberOrOutOfRange_IsNull(string text) => Assert.Null(RuleNumber.Parse(text));
}

public class NearestTests
{
    private static readonly string[] Known = ["name", "city", "beginsWith", "doesNotBeginWith"];

    [Theory]
    [InlineData("nam", "name")]
    [InlineData("NAME", "name")]
    [InlineData("begnisWith", "beginsWith")]
    [InlineData("notBeginWith", "doesNotBeginWith")]
    [InlineData("telephone", null)]
    [InlineData("", null)]
    [InlineData("xx", null)]
    [InlineData("nmae", "name")]
    [InlineData("begins_with", "beginsWith")]
    [InlineData("n", null)]
    public void To_Name_IsTheNearestOrNone(string name, string? expected) => Assert.Equal(expected, NearestName.Find(name, Known));

    [Theory]
    [InlineData("age", "demographic.age")]
    [InlineData("Country", "geographic.country")]
    [InlineData("last_seen_at", "temporal.lastSeenAt")]
    [InlineData("behavioral.age", "demographic.age")]
    [InlineData("demographic.gae", "demographic.age")]
    [InlineData("id", null)]
    [InlineData("ago", "demographic.age")]
    [InlineData("language", null)]
    [InlineData("$", null)]
    public void To_NameWithoutItsKind_IsTheOneThatEndsLikeIt(string name, string? expected) =>
        Assert.Equal(expected, NearestName.Find(name, ["demographic.age", "geographic.country", "temporal.lastSeenAt"]));

    [Fact]
    public void To_Ties_AreDecidedByTheAlphabet() => Assert.Equal("aab", NearestName.Find("aax", ["aac", "aab"]));

    [Fact]
    public void To_VeryLongNameOrNothingKnown_IsNone()
    {
        Assert.Null(NearestName.Find(new string('n', 100_000), Known));
        Assert.Null(NearestName.Find("name", []));
    }

    [Theory]
    [InlineData("nam", "Did you mean \"name\"?")]
    [InlineData("telephone", "Known: name, city, beginsWith, doesNotBeginWith.")]
    public void Hint_Name_AsksOrLists(string name, string expected) => Assert.Equal(expected, NearestName.Hint(name, Known));

    [Fact]
    public void Hint_ManyKnown_PointsToTheList() => Assert.Contains(
        "/api/v1/fields", NearestName.Hint("zzzzzz", [.. Enumerable.Range(100, 30).Select(i => $"field{i}")]), StringComparison.Ordinal);

    [Fact]
    public void Quote_LongOrOddText_IsShortenedAndPrintable()
    {
        Assert.Equal("\"a?b?\"", ErrorText.Quote("a\0b\n"));
        Assert.Equal($"\"{new string('x', 57)}...\"", ErrorText.Quote(new string('x', 61)));
        Assert.Equal(62, ErrorText.Quote(new string('x', 60)).Length);
    }
}

public class FoldTests
{
    [Theory]
    [InlineData("ANNA", "anna")]
    [InlineData("STRAßE", "straße")]
    [InlineData("ẞ", "ß")]
    [InlineData("ÉÇ", "éç")]
    [InlineData("ΣΑΣ", "σασ")]
    [InlineData("I", "i")]
    public void Text_OfAnyCase_IsLowerCaseOneToOne(string text, string expected)
    {
        Assert.Equal(expected, CaseNormalizer.Normalize(text));
        Assert.Null(CaseNormalizer.Normalize(null));
    }

    [Theory]
    [InlineData("Söl", "So\u0308l")]
    [InlineData("SÖL", "so\u0308l")]
    [InlineData("J\u030c", "\u01f0")]
    [InlineData("\u212b", "å")]
    [InlineData("e\u0323\u0302", "e\u0302\u0323")]
    public void Text_OfOneMeaning_IsTheSameHoweverItIsComposed(string text, string same) =>
        Assert.Equal(CaseNormalizer.Normalize(text), CaseNormalizer.Normalize(same));

    [Fact]
    public void Text_EveryCharacter_KeepsTheLengthAndIsDoneAtOnce()
    {
        for (var c = '\u0001'; c < '\ufffe'; c++)
        {
            var normalized = CaseNormalizer.Normalize(c.ToString())!;
            Assert.Equal(normalized, CaseNormalizer.Normalize(normalized));
            Assert.True(normalized.Length == 1 || !c.ToString().IsNormalized(), $"{(int)c:x4}");
        }
    }
}
