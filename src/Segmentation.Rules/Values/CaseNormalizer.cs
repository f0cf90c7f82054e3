using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Segmentation.Rules.Values;

/// <summary>
/// The one notion of "the same text": without regard to case (invariant lower case, one character to one: ß stays ß) and to how accents
/// are composed (Unicode NFC). Data is normalized when it is written and rules when they are compiled, both by this function, so SQL
/// compares plain bytes and needs no collation.
/// </summary>
public static class CaseNormalizer
{
    /// <summary>The text in invariant lower case and NFC; null stays null.</summary>
    [return: NotNullIfNotNull(nameof(text))]
    public static string? Normalize(string? text) => text is null ? null
        : Ascii.IsValid(text) ? text.ToLowerInvariant()
        : Compose(Compose(text).ToLowerInvariant());

    // Lower case may compose what upper case could not (J and a caron). Half a surrogate pair has no normal form, and is refused elsewhere.
    private static string Compose(string text)
    {
        try
        {
            return text.Normalize(NormalizationForm.FormC);
        }
        catch (ArgumentException)
        {
            return text;
        }
    }
}
