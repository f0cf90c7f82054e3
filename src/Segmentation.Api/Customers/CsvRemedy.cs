using System.Globalization;
using System.Text.RegularExpressions;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>
/// What to send in place of a cell that does not read as its column's type: files come from spreadsheets, which write numbers and dates as
/// people of a country do. Its texts never quote the cell.
/// </summary>
internal static partial class CsvRemedy
{
    /// <summary>What is wrong with a cell, to follow its column's name; null when nothing is.</summary>
    public static string? Find(CsvCell cell, string text)
    {
        text = text.Trim();
        return cell switch
        {
            CsvCell.Number when !IsNumber(text) => $"must be a number. {OfNumber(text)}",
            CsvCell.Boolean when !bool.TryParse(text, out _) => "must be true or false.",
            CsvCell.Date when DateValue.Parse(text) is not DateValue.Day => $"must be a date. {OfDate(text, "1990-05-13")}",
            CsvCell.Instant when DateValue.ParseInstant(text) is null => $"must be an instant with its offset. {OfInstant(text)}",
            _ => null,
        };
    }

    // One that is too large is a number: whoever reads the JSON says what it may be.
    private static bool IsNumber(string text) => RuleNumber.Read(text, out _) != NumberKind.None;

    private static string OfNumber(string text) =>
        !text.Any(char.IsAsciiDigit) ? "Send digits: 50000.5."
        : text.Contains(',', StringComparison.Ordinal) && text.Contains('.', StringComparison.Ordinal)
            ? "There are thousands separators in it: send 50000.5."
        : text.Contains(',', StringComparison.Ordinal) ? "There is a comma in it: send 50000.5."
        : text.Any(c => !char.IsAsciiDigit(c) && c is not ('.' or '-' or '+' or 'e' or 'E'))
            ? "There is more than a number in it: send digits and a point alone, 50000.5."
        : "Send digits and one point: 50000.5.";

    private static string OfDate(string text, string example)
    {
        if (Digits().IsMatch(text))
        {
            return $"It is a spreadsheet's own number of a day: have the column written as {example}.";
        }

        if (YearFirst().IsMatch(text))
        {
            return $"Send the year, the month and the day as {example}, and no time.";
        }

        if (YearLast().Match(text) is not { Success: true } parts)
        {
            return $"Send {example}.";
        }

        return (int.Parse(parts.Groups[1].Value, CultureInfo.InvariantCulture),
            int.Parse(parts.Groups[2].Value, CultureInfo.InvariantCulture)) switch
        {
            ( > 12, <= 12) => $"The day is first: send {example}.",
            ( <= 12, > 12) => $"The month is first: send {example}.",
            _ => $"Whether the day or the month is first can't be told: send {example}.",
        };
    }

    private static string OfInstant(string text)
    {
        const string example = "2024-05-31T12:00:00Z";
        return DateValue.Parse(text) is DateValue.Day ? $"A date alone is no instant: send {example}."
            : WithoutOffset().IsMatch(text) ? $"Send a T before the time and the offset after it: {example}."
            : OfDate(text, example);
    }

    [GeneratedRegex("^[0-9]+([.,][0-9]+)?$")]
    private static partial Regex Digits();

    [GeneratedRegex(@"^[0-9]{4}[-/. ]?[0-9]{1,2}[-/. ]?[0-9]{1,2}")]
    private static partial Regex YearFirst();

    [GeneratedRegex(@"^([0-9]{1,2})[-/. ]+([0-9]{1,2})[-/. ]+[0-9]{2,4}\b")]
    private static partial Regex YearLast();

    [GeneratedRegex(@"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{1,2}:[0-9]{2}")]
    private static partial Regex WithoutOffset();
}
