using System.Text.Json;

namespace Segmentation.Rules;

/// <summary>What a rule refers to, without compiling it: a rule that has become invalid still refers.</summary>
public static class RuleReferences
{
    /// <summary>The names of all fields in the tree, those compared with and those inside sub-queries included.</summary>
    public static IEnumerable<string> Fields(JsonElement rule) => Rules(rule).SelectMany(r => new[] { r.GetProperty("field"), FieldValue(r) }).Where(IsText).Select(f => f.GetString()!);

    /// <summary>The keys of all segments in the tree.</summary>
    public static IEnumerable<string> Segments(JsonElement rule) => Rules(rule)
        .Where(r => IsText(r.GetProperty("field")) && r.GetProperty("field").ValueEquals("segment") && r.TryGetProperty("value", out _))
        .Select(r => r.GetProperty("value"))
        .SelectMany(v => v.ValueKind switch
        {
            JsonValueKind.Array => v.EnumerateArray().Where(IsText).Select(k => k.GetString()!),
            JsonValueKind.String => v.GetString()!.Split(',').Select(k => k.Trim()),
            _ => [],
        });

    private static IEnumerable<JsonElement> Rules(JsonElement node) => node.ValueKind switch
    {
        JsonValueKind.Object => node.EnumerateObject().SelectMany(p => Rules(p.Value)).Concat(node.TryGetProperty("field", out _) ? [node] : []),
        JsonValueKind.Array => node.EnumerateArray().SelectMany(Rules),
        _ => [],
    };

    private static JsonElement FieldValue(JsonElement rule) =>
        rule.TryGetProperty("valueSource", out var source) && IsText(source) && source.ValueEquals("field") && rule.TryGetProperty("value", out var value) ? value : default;

    private static bool IsText(JsonElement element) => element.ValueKind == JsonValueKind.String;
}
