using System.Text.RegularExpressions;

namespace Segmentation.Api.Customers;

/// <summary>The names that callers give: those of attributes and of purposes of consent.</summary>
public static partial class CustomerNames
{
    /// <summary>What a name is, as a regular expression.</summary>
    public const string Pattern = "^[A-Za-z][A-Za-z0-9_]{0,62}$";

    /// <summary>Whether a text can be a name: a letter, then up to 62 letters, digits or underscores.</summary>
    public static bool IsValid(string text) => Regex().IsMatch(text) && text[^1] != '\n';

    [GeneratedRegex(Pattern)]
    private static partial Regex Regex();
}
