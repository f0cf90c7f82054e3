using System.Text.Json;

namespace Segmentation.Rules.Checking;

/// <summary>Reads what groups and rules have in common.</summary>
internal static class NodeJson
{
    public static bool IsGroup(JsonElement node) => node.ValueKind == JsonValueKind.Object && node.TryGetProperty("rules", out _);

    public static bool IsRule(JsonElement node) => node.ValueKind == JsonValueKind.Object && node.TryGetProperty("field", out _);

    public static bool IsMuted(JsonElement node) =>
        node.ValueKind == JsonValueKind.Object && node.TryGetProperty("muted", out var muted) && muted.ValueKind == JsonValueKind.True;

    /// <summary>A boolean property; false where it is missing, and where it is none, which adds an error.</summary>
    public static bool ReadFlag(JsonElement node, string name, string pointer, Compilation compilation)
    {
        if (!node.TryGetProperty(name, out var flag))
        {
            return false;
        }

        if (flag.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            return flag.GetBoolean();
        }

        compilation.AddError($"{pointer}/{name}", ErrorText.DescribeMismatch(name, "true or false", flag));
        return false;
    }
}
