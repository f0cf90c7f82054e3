using System.Globalization;
using System.Text.Json;

namespace Segmentation.Rules.Values;

/// <summary>What a text is as a number.</summary>
public enum NumberKind
{
    /// <summary>No number.</summary>
    None,

    /// <summary>A number that is taken as it is.</summary>
    Exact,

    /// <summary>A number with more than nine decimals, which is rounded to nine.</summary>
    Rounded,

    /// <summary>A number with more than 18 digits before the point.</summary>
    TooLarge,
}

/// <summary>
/// The numbers that rules and data hold: exact decimals of at most 18 digits before the point and 9 after it, so that their sums
/// are exact in .NET (28 digits) as well as in PostgreSQL. More decimals are rounded half away from zero.
/// </summary>
public static class RuleNumber
{
    /// <summary>Digits after the point.</summary>
    public const int MaxDecimals = 9;

    /// <summary>What is wrong with a number that is out of range, to follow the name of what has it.</summary>
    public const string RangeFault = "must have at most 18 digits before the point";

    /// <summary>The error text for a number that is out of range.</summary>
    public const string Range = "A number has at most 18 digits before the point.";

    private const int MaxIntegerDigits = 18;
    private const int MaxExponentDigits = 9;

    // A decimal's 28 digits and a point.
    private const int MaxExactLength = 29;
    private const decimal Bound = 1_000_000_000_000_000_000m;

    /// <summary>The number that a JSON number stands for; null when it is out of range.</summary>
    public static decimal? Parse(JsonElement number) => Parse(number.GetRawText());

    /// <summary>
    /// The number that a text reads as (invariant culture, no thousands separators); null when it is none or out of range.
    /// </summary>
    public static decimal? Parse(ReadOnlySpan<char> text) =>
        Read(text, out var number) is NumberKind.Exact or NumberKind.Rounded ? number : null;

    /// <summary>What a text is as a number (invariant culture, no thousands separators), and the number where it is in range.</summary>
    public static NumberKind Read(ReadOnlySpan<char> text, out decimal number)
    {
        text = text.Trim();

        // Nearly all are short; so many digits are read exactly.
        const NumberStyles style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint;
        if (text.Length <= MaxExactLength && decimal.TryParse(text, style, CultureInfo.InvariantCulture, out number)
            && number.Scale <= MaxDecimals && Math.Abs(number) < Bound)
        {
            number = number == 0 ? 0 : number;
            return NumberKind.Exact;
        }

        number = 0;
        return !TryScan(text, out var isNegative, out var digits, out var exponent) ? NumberKind.None
            : digits.Count == 0 ? NumberKind.Exact
            : Round(isNegative, digits, exponent, out number);
    }

    /// <summary>
    /// A text that is equal exactly for equal numbers out of range, however they are written: 1e20 and 100000000000000000000; null for
    /// what is no such number.
    /// </summary>
    public static string? ReadDigits(ReadOnlySpan<char> text) =>
        Read(text, out _) == NumberKind.TooLarge && TryScan(text.Trim(), out var isNegative, out var digits, out var exponent)
            ? string.Create(CultureInfo.InvariantCulture, $"{(isNegative ? "-" : "")}{digits.ToString()}e{exponent}")
            : null;

    private static NumberKind Round(bool isNegative, Digits digits, long exponent, out decimal number)
    {
        number = 0;

        // Where the first digit is: 1 is the place before the point, 0 the one after it.
        var place = digits.Count + exponent;
        if (place > MaxIntegerDigits)
        {
            return NumberKind.TooLarge;
        }

        var kept = (int)Math.Clamp(place + MaxDecimals, -1, digits.Count);
        var magnitude = Build(digits, kept);
        var isRounded = kept < digits.Count;
        if (isRounded)
        {
            magnitude += kept >= 0 && digits[kept] >= '5' ? 1 : UInt128.Zero;
            exponent = -MaxDecimals;
        }

        for (; exponent > 0; exponent--)
        {
            magnitude *= 10;
        }

        for (; exponent < 0 && magnitude % 10 == 0; exponent++)
        {
            magnitude /= 10;
        }

        var scale = (byte)(magnitude == 0 ? 0 : -exponent);
        number = new decimal((int)magnitude, (int)(magnitude >> 32), (int)(magnitude >> 64), isNegative && magnitude != 0, scale);
        return Math.Abs(number) >= Bound ? NumberKind.TooLarge : isRounded ? NumberKind.Rounded : NumberKind.Exact;
    }

    private static UInt128 Build(Digits digits, int count)
    {
        UInt128 value = 0;
        for (var i = 0; i < count; i++)
        {
            value = (value * 10) + (uint)(digits[i] - '0');
        }

        return value;
    }

    // A sign, digits with at most one point among them, an exponent. Zeros at either end of the digits only move the exponent.
    private static bool TryScan(ReadOnlySpan<char> text, out bool isNegative, out Digits digits, out long exponent)
    {
        isNegative = text is ['-', ..];
        digits = default;
        exponent = 0;
        text = text is ['-' or '+', ..] ? text[1..] : text;
        if (text.IndexOfAny('e', 'E') is var e and >= 0)
        {
            if (!TryReadExponent(text[(e + 1)..], out exponent))
            {
                return false;
            }

            text = text[..e];
        }

        var point = text.IndexOf('.');
        var whole = point < 0 ? text : text[..point];
        var fraction = point < 0 ? [] : text[(point + 1)..];
        if (whole.Length + fraction.Length == 0 || whole.ContainsAnyExceptInRange('0', '9') || fraction.ContainsAnyExceptInRange('0', '9'))
        {
            return false;
        }

        exponent -= fraction.Length;
        var cut = fraction.TrimEnd('0');
        exponent += fraction.Length - cut.Length;
        if (cut.IsEmpty)
        {
            var all = whole.Length;
            whole = whole.TrimEnd('0');
            exponent += all - whole.Length;
        }

        whole = whole.TrimStart('0');
        digits = new Digits(whole, whole.IsEmpty ? cut.TrimStart('0') : cut);
        return true;
    }

    // Further than any number can be shifted is as good as endless.
    private static bool TryReadExponent(ReadOnlySpan<char> text, out long exponent)
    {
        var isNegative = text is ['-', ..];
        text = text is ['-' or '+', ..] ? text[1..] : text;
        exponent = 0;
        if (text.IsEmpty || text.ContainsAnyExceptInRange('0', '9'))
        {
            return false;
        }

        text = text.TrimStart('0');
        exponent = text.IsEmpty ? 0
            : text.Length > MaxExponentDigits ? int.MaxValue
            : long.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
        exponent = isNegative ? -exponent : exponent;
        return true;
    }

    // Those before the point and those after it, as one row.
    private readonly ref struct Digits(ReadOnlySpan<char> whole, ReadOnlySpan<char> fraction)
    {
        private readonly ReadOnlySpan<char> whole = whole;
        private readonly ReadOnlySpan<char> fraction = fraction;

        public int Count => whole.Length + fraction.Length;

        public char this[int index] => index < whole.Length ? whole[index] : fraction[index - whole.Length];

        public override string ToString() => string.Concat(whole, fraction);
    }
}
