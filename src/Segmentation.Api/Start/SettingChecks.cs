using System.Globalization;
using System.Text.RegularExpressions;
using Segmentation.Rules.Values;

namespace Segmentation.Api;

/// <summary>What values settings take: each returns what the value must be, or null for one that is right.</summary>
internal static partial class SettingChecks
{
    private const long SmallestMemory = 64;
    private const long LargestMemory = int.MaxValue;

    public static string? Text(string value) => null;

    public static string? Flag(string value) => bool.TryParse(value, out _) ? null : "true or false";

    /// <summary>An address of the web; without encryption only on this machine.</summary>
    public static string? Url(string value) =>
        Uri.TryCreate(value, UriKind.Absolute, out var url) && (url.Scheme == "https" || url is { Scheme: "http", IsLoopback: true })
            ? null
            : "an https URL";

    public static string? TimeZone(string value) => LocalTime.TryFind(value, out _) ? null : "a time zone's IANA name: Europe/Berlin";

    public static Func<string, string?> Integer(int from, int to) => value =>
        int.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= from && number <= to
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"an integer from {from} to {to}");

    public static Func<string, string?> Number(double from, double to) => value =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number >= from && number <= to
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"a number from {from} to {to}");

    /// <summary>PostgreSQL's own way to write an amount of memory.</summary>
    public static string? Memory(string value)
    {
        var match = Amount().Match(value);
        var kilobytes = !match.Success || !long.TryParse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture, out var number)
            ? 0
            : match.Groups[2].Value switch
            {
                "" or "kB" => (decimal)number,
                "B" => number / 1024m,
                "MB" => number * 1024m,
                "GB" => number * 1024m * 1024,
                _ => number * 1024m * 1024 * 1024,
            };
        return kilobytes is >= SmallestMemory and <= LargestMemory
            ? null
            : "an amount of memory as PostgreSQL writes it, at least 64kB: 128MB (units are kB, MB, GB and TB, in these very letters)";
    }

    [GeneratedRegex(@"^\s*(\d+)\s*(B|kB|MB|GB|TB|)\s*$")]
    private static partial Regex Amount();
}
