namespace Segmentation.Api.Data;

/// <summary>Patterns for LIKE and ILIKE in which a text stands for itself.</summary>
internal static class LikePattern
{
    /// <summary>The escape character of these patterns.</summary>
    public const string Escape = "\\";

    /// <summary>Matches whatever contains the text.</summary>
    public static string Contains(string text) => $"%{EscapeWildcards(text)}%";

    private static string EscapeWildcards(string text) => text
        .Replace(Escape, Escape + Escape, StringComparison.Ordinal)
        .Replace("%", Escape + "%", StringComparison.Ordinal)
        .Replace("_", Escape + "_", StringComparison.Ordinal);
}
