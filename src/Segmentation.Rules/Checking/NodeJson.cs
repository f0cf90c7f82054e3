using System.Text.Json;

namespace Segmentation.Rules.Checking;

/// <summary>Reads what groups and rules have in common. Properties that are null are gone by <see cref="RuleSpelling"/>.</summary>
public static class NodeJson
{
    /// <summary>The properties of a group.</summary>
    internal static readonly string[] GroupProperties = ["combinator", "not", "rules", "id", "path", "disabled", "muted"];

    /// <summary>The properties of a rule.</summary>
    internal static readonly string[] RuleProperties =
        ["field", "operator", "value", "valueSource", "match", "id", "path", "disabled", "muted"];

    /// <summary>Whether a node is a group: an object whose <c>rules</c> is a list.</summary>
    public static bool IsGroup(JsonElement node) => Find(node, "rules").ValueKind == JsonValueKind.Array;

    internal static bool IsRule(JsonElement node) => Find(node, "field").ValueKind != JsonValueKind.Undefined;

    internal static bool IsMuted(JsonElement node) => Find(node, "muted").ValueKind == JsonValueKind.True;

    /// <summary>A property's value; undefined where it is missing, and where the node is no object.</summary>
    internal static JsonElement Find(JsonElement node, string name) =>
        node.ValueKind == JsonValueKind.Object && node.TryGetProperty(name, out var value) ? value : default;

    /// <summary>A property's text; null where it is none.</summary>
    internal static string? FindText(JsonElement node, string name) =>
        Find(node, name) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    /// <summary>Whether a rule's value is the name of another field.</summary>
    public static bool ComparesFields(JsonElement rule) => FindText(rule, "valueSource") == "field";

    /// <summary>A boolean property; false where it is missing, and where it is none, which adds an error.</summary>
    internal static bool ReadFlag(JsonElement node, string name, string pointer, Compilation compilation)
    {
        var flag = Find(node, name);
        if (flag.ValueKind is JsonValueKind.True or JsonValueKind.False or JsonValueKind.Undefined)
        {
            return flag.ValueKind == JsonValueKind.True;
        }

        compilation.AddError($"{pointer}/{name}", ErrorText.DescribeMismatch(name, "true or false", flag));
        return false;
    }
}
