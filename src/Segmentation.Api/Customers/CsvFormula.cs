using System.Buffers;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>
/// Keeps a spreadsheet from taking a text for a formula: a cell that begins like one is led by an apostrophe, which an import takes off
/// again. A text that has such apostrophes of its own gets one more, so that what comes back is what was there.
/// </summary>
internal static class CsvFormula
{
    // Those of full width are taken for the others where such are typed.
    private static readonly SearchValues<char> Starts = SearchValues.Create("=+-@\t\r＝＋－＠");

    /// <summary>The cell that a text is written as. A number is harmless, and stays as it is.</summary>
    /// <param name="isRaw">For who is no spreadsheet: formulas stay as they are, too.</param>
    public static string Lead(string text, bool isRaw = false)
    {
        var bare = text.AsSpan().TrimStart('\'');
        return !bare.IsEmpty && Starts.Contains(bare[0])
            && (bare.Length < text.Length || (!isRaw && RuleNumber.Parse(text) is null))
            ? "'" + text
            : text;
    }

    /// <summary>The text that a cell stands for.</summary>
    public static string TakeOff(string cell) =>
        cell is ['\'', ..] && cell.AsSpan().TrimStart('\'') is { IsEmpty: false } bare && Starts.Contains(bare[0]) ? cell[1..] : cell;
}
