using System.Globalization;
using System.Text.Json;

namespace Segmentation.Rules.Values;

/// <summary>
/// The numbers that rules and data hold: exact decimals of at most 18 digits before the point and 9 after it, so that their sums
/// are exact in .NET (28 digits) as well as in PostgreSQL.
/// </summary>
public static class RuleNumber
{
    /// <summary>Digits after the point.</summary>
    public const int MaxDecimals = 9;

    private const decimal Bound = 1_000_000_000_000_000_000m;

    /// <summary>The error text for a number that is out of range.</summary>
    public const string Range = "A number has at most 18 digits before the point and 9 after it.";

    /// <summary>The number that a JSON number stands for; null when it is out of range.</summary>
    public static decimal? Parse(JsonElement number) => Parse(number.GetRawText());

    /// <summary>
    /// The number that a text reads as (invariant culture, no thousands separators); null when it is none or out of range.
    /// </summary>
    public static decimal? Parse(ReadOnlySpan<char> text)
    {
        text = text.Trim();

        // decimal.Parse rounds what it can't hold: digits beyond the ninth decimal must be refused before it does.
        const NumberStyles style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return text.Length is > 0 and <= 64
            && decimal.TryParse(text, style, CultureInfo.InvariantCulture, out var number)
            && Math.Abs(number) < Bound
            && decimal.Round(number, MaxDecimals) == number
            && IsExact(text, number)
            ? number
            : null;
    }

    private static bool IsExact(ReadOnlySpan<char> text, decimal number)
    {
        var digits = 0;
        foreach (var c in text)
        {
            if (c is 'e' or 'E')
            {
                break;
            }

            digits += char.IsAsciiDigit(c) ? 1 : 0;
        }

        return digits <= 27 && (number != 0 || text.TrimStart("-+0.").IsEmpty || text.TrimStart("-+0.")[0] is 'e' or 'E');
    }
}
