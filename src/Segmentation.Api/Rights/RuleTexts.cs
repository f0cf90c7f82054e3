using System.Text.Json.Nodes;
using Segmentation.Api.Privacy;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Rights;

/// <summary>Takes texts that named somebody who was erased out of rules.</summary>
internal static class RuleTexts
{
    /// <summary>Puts <see cref="Erasure.Blank"/> in the place of some texts.</summary>
    /// <param name="isOf">Says of a text, as rules compare it, whether it is one.</param>
    /// <returns>Those that there were, as rules compare them.</returns>
    public static IReadOnlySet<string> Erase(JsonNode? document, Func<string, bool> isOf)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        ComparedTexts.Replace(document, Replace);
        return found;

        // A list may be one text with commas in it.
        string? Replace(string text) => IsOf(text) ? Erasure.Blank
            : text.Split(',') is { Length: > 1 } parts && parts.Any(IsOf) ? string.Join(',', parts.Select(p => IsOf(p) ? Erasure.Blank : p))
            : null;

        bool IsOf(string part)
        {
            var text = CaseNormalizer.Normalize(part.Trim());
            var isOne = isOf(text);
            if (isOne)
            {
                found.Add(text);
            }

            return isOne;
        }
    }
}
