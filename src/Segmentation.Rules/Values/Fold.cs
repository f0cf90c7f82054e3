namespace Segmentation.Rules.Values;

/// <summary>
/// The one notion of "without regard to case": invariant lower case, one character to one (ß stays ß). Data is folded when it is
/// written and rules when they are compiled, both by this function, so SQL compares plain bytes and never asks a collation.
/// </summary>
public static class Fold
{
    /// <summary>The folded text; null stays null.</summary>
    [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(text))]
    public static string? Text(string? text) => text?.ToLowerInvariant();
}
