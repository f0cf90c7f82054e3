using System.Globalization;
using Segmentation.Rules.Catalog;

namespace Segmentation.Rules.Values;

/// <summary>Says in English when a date or instant is.</summary>
internal static class DateDescription
{
    private static readonly CultureInfo English = CultureInfo.InvariantCulture;

    /// <param name="value">When it is.</param>
    /// <param name="type">Instant, date, or yearly, of which the year is not said.</param>
    /// <param name="alone">Whether it follows "is": "in 3 days"; else "is before", "between", and so on: "3 days from now".</param>
    public static string Describe(DateValue value, FieldType type, bool alone = false) => value switch
    {
        DateValue.Exact exact => exact.Instant.ToString("yyyy-MM-dd HH:mm:ss.FFFFFF 'UTC'", English),
        DateValue.Local local when type == FieldType.Yearly => local.Time.ToString("d MMMM", English),
        DateValue.Local local => local.Time.ToString("yyyy-MM-dd HH:mm:ss.FFFFFF", English),
        DateValue.Day day when type == FieldType.Yearly => day.Date.ToString("d MMMM", English),
        DateValue.Day day => day.Date.ToString("yyyy-MM-dd", English),
        DateValue.Relative relative => DescribeRelative(relative, isDay: type != FieldType.Instant, alone),
        _ => throw new InvalidOperationException(),
    };

    /// <summary>A time's length: "3 days".</summary>
    public static string DescribeLength(long count, DateUnit unit) =>
        string.Create(English, $"{count} {CaseNormalizer.Normalize(unit.ToString())}{(count == 1 ? "" : "s")}");

    private static string DescribeRelative(DateValue.Relative relative, bool isDay, bool alone)
    {
        var (anchor, offset, unit) = relative;
        if (isDay && unit is not (DateUnit.Minute or DateUnit.Hour))
        {
            // A date has no start and no end.
            anchor = anchor is DateAnchor.StartOfDay or DateAnchor.EndOfDay ? DateAnchor.Now : anchor;
        }

        if (offset == 0)
        {
            return isDay && anchor is DateAnchor.Now or DateAnchor.StartOfDay or DateAnchor.EndOfDay ? "today" : DescribeAnchor(anchor);
        }

        var length = DescribeLength(Math.Abs((long)offset), unit);
        return (anchor, offset) switch
        {
            (DateAnchor.Now, < 0) => $"{length} ago",
            (DateAnchor.Now, _) => alone ? $"in {length}" : $"{length} from now",
            (_, < 0) => $"{length} before {DescribeAnchor(anchor)}",
            _ => $"{length} after {DescribeAnchor(anchor)}",
        };
    }

    private static string DescribeAnchor(DateAnchor anchor) => anchor switch
    {
        DateAnchor.Now => "now",
        DateAnchor.StartOfDay => "the start of today",
        DateAnchor.EndOfDay => "the end of today",
        DateAnchor.StartOfWeek => "the start of this week",
        DateAnchor.EndOfWeek => "the end of this week",
        DateAnchor.StartOfMonth => "the start of this month",
        DateAnchor.EndOfMonth => "the end of this month",
        DateAnchor.StartOfYear => "the start of this year",
        _ => "the end of this year",
    };
}
