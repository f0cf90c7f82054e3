using System.Diagnostics.CodeAnalysis;

namespace Segmentation.Rules.Values;

/// <summary>
/// The one notion of "without regard to case": invariant lower case, one character to one (ß stays ß). Data is normalized when it is
/// written and rules when they are compiled, both by this function, so SQL compares plain bytes and needs no collation.
/// </summary>
public static class CaseNormalizer
{
    /// <summary>The text in invariant lower case; null stays null.</summary>
    [return: NotNullIfNotNull(nameof(text))]
    public static string? Normalize(string? text) => text?.ToLowerInvariant();
}
