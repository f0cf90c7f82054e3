using System.Text.Json.Nodes;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Rights;

/// <summary>The texts that rules compare with, in any document that has rules somewhere.</summary>
internal static class RuleTexts
{
    /// <summary>What stands in the place of a text that named somebody who was erased.</summary>
    public const string Erased = "[erased]";

    // Where a condition has what it compares with.
    private static readonly string[] Compared = ["value", "values", "match"];

    /// <summary>Puts <see cref="Erased"/> in the place of some texts.</summary>
    /// <param name="isOf">Says of a text, as rules compare it, whether it is one.</param>
    /// <returns>Whether there was one.</returns>
    public static bool Erase(JsonNode? document, Func<string, bool> isOf) => Erase(document, isCompared: false, isOf);

    private static bool Erase(JsonNode? node, bool isCompared, Func<string, bool> isOf)
    {
        var found = false;
        if (node is JsonArray items)
        {
            for (var i = 0; i < items.Count; i++)
            {
                if (isCompared && Replace(items[i], isOf) is { } erased)
                {
                    (items[i], found) = (erased, true);
                }
                else
                {
                    found |= Erase(items[i], isCompared, isOf);
                }
            }
        }
        else if (node is JsonObject properties)
        {
            // A group in the place of a value: its conditions say what they compare with.
            var (isCondition, isGroup) = (properties.ContainsKey("operator"), properties.ContainsKey("rules"));
            foreach (var (name, value) in properties.ToList())
            {
                var isText = isCondition ? Compared.Contains(name) : isCompared && !isGroup;
                if (isText && Replace(value, isOf) is { } erased)
                {
                    (properties[name], found) = (erased, true);
                }
                else
                {
                    found |= Erase(value, isText, isOf);
                }
            }
        }

        return found;
    }

    // A list may be one text with commas in it. Null: it is none of them.
    private static string? Replace(JsonNode? node, Func<string, bool> isOf)
    {
        if (node is not JsonValue value || !value.TryGetValue<string>(out var text))
        {
            return null;
        }

        if (IsOf(text))
        {
            return Erased;
        }

        var parts = text.Split(',');
        return parts.Length > 1 && parts.Any(IsOf) ? string.Join(',', parts.Select(p => IsOf(p) ? Erased : p)) : null;

        bool IsOf(string part) => isOf(CaseNormalizer.Normalize(part.Trim()));
    }
}
