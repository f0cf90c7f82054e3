using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Segmentation.Api.Segments;

/// <summary>
/// Null is the same as leaving out: typed clients write it for what a node does not have. It is not stored, since a builder takes a node
/// with <c>"rules": null</c> for a group, and a rule that comes back as it went has no new version.
/// </summary>
internal static class RuleNulls
{
    /// <summary>The same rule without the properties that are null; itself where there are none.</summary>
    public static JsonElement Remove(JsonElement rule)
    {
        if (JsonMarshal.GetRawUtf8Value(rule).IndexOf("null"u8) < 0)
        {
            return rule;
        }

        var root = JsonNode.Parse(rule.GetRawText());
        Remove(root);
        return JsonSerializer.SerializeToElement(root);
    }

    private static void Remove(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject item:
                foreach (var name in item.Where(p => p.Value is null).Select(p => p.Key).ToList())
                {
                    item.Remove(name);
                }

                foreach (var (_, value) in item)
                {
                    Remove(value);
                }

                break;
            case JsonArray list:
                foreach (var entry in list)
                {
                    Remove(entry);
                }

                break;
        }
    }
}
