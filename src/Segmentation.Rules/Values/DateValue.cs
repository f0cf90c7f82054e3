using System.Globalization;
using System.Text.RegularExpressions;

namespace Segmentation.Rules.Values;

/// <summary>A date or instant as a rule names it; <see cref="Evaluation"/> resolves when it is.</summary>
public abstract partial record DateValue
{
    // No time zone is further from UTC.
    private const int MaxOffsetHours = 14;

    /// <summary>A text with an offset: one instant.</summary>
    public sealed record Exact(DateTimeOffset Instant) : DateValue;

    /// <summary>A text without offset: a time on the segment's clock.</summary>
    public sealed record Local(DateTime Time) : DateValue;

    /// <summary>A date: that whole day in the segment's zone.</summary>
    public sealed record Day(DateOnly Date) : DateValue;

    /// <summary>Reckoned from the evaluation's instant: anchor first, then offset.</summary>
    public sealed record Relative(DateAnchor Anchor, int Offset, DateUnit Unit) : DateValue;

    /// <summary>Parses an ISO 8601 date or date with time, years 2 to 9998, cut to microseconds; null for anything else.</summary>
    public static DateValue? Parse(string text)
    {
        if (DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date))
        {
            return date.Year is > 1 and < 9999 ? new Day(date) : null;
        }

        var match = Iso().Match(text);
        var written = match.Groups["local"].Value.ToUpperInvariant();
        var isTime = DateTime.TryParse(written, CultureInfo.InvariantCulture, DateTimeStyles.None, out var local);
        if (!match.Success || !isTime || local.Year is < 2 or > 9998)
        {
            return null;
        }

        var fraction = match.Groups["fraction"].Value.PadRight(6, '0')[..6];
        local = local.AddMicroseconds(int.Parse(fraction, CultureInfo.InvariantCulture));
        if (!match.Groups["offset"].Success)
        {
            return new Local(local);
        }

        var offset = ParseOffset(match);
        var instant = new DateTimeOffset(local, TimeSpan.Zero) - offset;
        return Math.Abs(offset.TotalHours) <= MaxOffsetHours && instant.Year is > 1 and < 9999 ? new Exact(instant) : null;
    }

    /// <summary>An instant from a text that carries its offset; null for anything else.</summary>
    public static DateTimeOffset? ParseInstant(string text) => Parse(text) is Exact exact ? exact.Instant : null;

    private static TimeSpan ParseOffset(Match match)
    {
        var text = match.Groups["offset"].Value;
        if (text is "Z" or "z")
        {
            return TimeSpan.Zero;
        }

        var hours = int.Parse(match.Groups["hours"].Value, CultureInfo.InvariantCulture);
        var minutes = match.Groups["minutes"] is { Success: true } group ? int.Parse(group.Value, CultureInfo.InvariantCulture) : 0;
        return new TimeSpan(hours, minutes, 0) * (text[0] == '-' ? -1 : 1);
    }

    [GeneratedRegex(
        @"^(?<local>[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}(:[0-9]{2})?)"
        + @"((?<=:[0-9]{2}:[0-9]{2})\.(?<fraction>[0-9]{1,9}))?"
        + @"(?<offset>[Zz]|[+-](?<hours>[0-9]{2})(:?(?<minutes>[0-5][0-9]))?)?\z",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex Iso();
}

/// <summary>Where a relative date starts from.</summary>
public enum DateAnchor { Now, StartOfDay, EndOfDay, StartOfWeek, EndOfWeek, StartOfMonth, EndOfMonth, StartOfYear, EndOfYear }

/// <summary>What a relative date counts in. Minutes and hours are exact; days and longer are calendar time.</summary>
public enum DateUnit { Minute, Hour, Day, Week, Month, Year }
