using System.Text.Json.Nodes;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Rights;

/// <summary>Takes texts that named somebody who was erased out of rules.</summary>
internal static class RuleTexts
{
    /// <summary>What stands in the place of one.</summary>
    public const string Erased = "[erased]";

    /// <summary>Puts <see cref="Erased"/> in the place of some texts.</summary>
    /// <param name="isOf">Says of a text, as rules compare it, whether it is one.</param>
    /// <returns>Whether there was one.</returns>
    public static bool Erase(JsonNode? document, Func<string, bool> isOf)
    {
        return ComparedTexts.Replace(document, Replace);

        // A list may be one text with commas in it.
        string? Replace(string text) => IsOf(text) ? Erased
            : text.Split(',') is { Length: > 1 } parts && parts.Any(IsOf) ? string.Join(',', parts.Select(p => IsOf(p) ? Erased : p))
            : null;

        bool IsOf(string part) => isOf(CaseNormalizer.Normalize(part.Trim()));
    }
}
