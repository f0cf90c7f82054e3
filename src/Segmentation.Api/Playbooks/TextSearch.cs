using Segmentation.Rules.Values;

namespace Segmentation.Api.Playbooks;

/// <summary>Texts that contain another, as rules compare texts.</summary>
internal static class TextSearch
{
    /// <summary>Whether one of the texts contains what is looked for; nothing is in all.</summary>
    /// <param name="folded">What is looked for, folded.</param>
    public static bool Has(string? folded, IEnumerable<string?> texts) =>
        folded is null || texts.Any(t => CaseNormalizer.Normalize(t)?.Contains(folded, StringComparison.Ordinal) == true);
}
