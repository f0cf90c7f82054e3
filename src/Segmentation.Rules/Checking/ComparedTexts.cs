using System.Text.Json;
using System.Text.Json.Nodes;

namespace Segmentation.Rules.Checking;

/// <summary>The texts that rules compare with, in any document that has rules somewhere.</summary>
public static class ComparedTexts
{
    // Where a condition has what it compares with.
    private static readonly string[] Places = ["value", "values", "match"];

    // What of it is the language's: a quantifier, a relative date.
    private static readonly string[] Words = ["mode", "anchor", "unit"];

    /// <summary>Replaces some of them, in the document itself.</summary>
    /// <param name="replace">What takes a text's place; null where it stays.</param>
    /// <returns>Whether any was replaced.</returns>
    public static bool Replace(JsonNode? document, Func<string, string?> replace) => Replace(document, isCompared: false, replace);

    private static bool Replace(JsonNode? node, bool isCompared, Func<string, string?> replace)
    {
        var found = false;
        switch (node)
        {
            case JsonArray items:
                for (var i = 0; i < items.Count; i++)
                {
                    found |= isCompared && Find(items[i], replace) is { } other
                        ? (items[i] = other) is not null
                        : Replace(items[i], isCompared, replace);
                }

                break;
            case JsonObject properties:
                // A group in the place of a value: its conditions say what they compare with.
                var (isCondition, isGroup) = (properties.ContainsKey("operator"), properties.ContainsKey("rules"));
                foreach (var (name, value) in properties.ToList())
                {
                    var isText = isCondition ? Places.Contains(name) : isCompared && !isGroup && !Words.Contains(name);
                    found |= isText && Find(value, replace) is { } other
                        ? (properties[name] = other) is not null
                        : Replace(value, isText, replace);
                }

                break;
        }

        return found;
    }

    private static string? Find(JsonNode? node, Func<string, string?> replace) =>
        node is JsonValue value && value.GetValueKind() == JsonValueKind.String ? replace(value.GetValue<string>()) : null;
}
