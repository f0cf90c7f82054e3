namespace Segmentation.Api.Segments;

/// <summary>What texts of a definition must be.</summary>
internal static class Texts
{
    /// <summary>Whether the database can store the text; a missing one is no fault.</summary>
    public static bool Fits(string? text, int maxLength) =>
        text is null || (text.Length <= maxLength && !text.Contains('\0', StringComparison.Ordinal));

    /// <summary>The error for a text that does not fit.</summary>
    public static string TooLong(int maxLength) => $"A text of {maxLength} characters at most, without NUL.";
}
