using System.Text.Json;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Checking;

/// <summary>What a rule refers to, without compiling it: a rule that has become invalid still refers.</summary>
public static class RuleReferences
{
    /// <summary>The names of all fields in the tree: also those compared with, added up, and inside sub-queries.</summary>
    public static IEnumerable<string> Fields(JsonElement rule) => Rules(rule).SelectMany(r => new[] { r.GetProperty("field"), FieldValue(r), Of(r) }).Where(IsText).Select(f => f.GetString()!);

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

    /// <summary>What each of the tree's sub-queries over events reads of them; each step of a sequence for itself.</summary>
    public static IEnumerable<EventReference> Events(JsonElement rule)
    {
        foreach (var node in Rules(rule).Where(r => IsText(r.GetProperty("field")) && r.TryGetProperty("value", out _)))
        {
            var value = node.GetProperty("value");
            switch (node.GetProperty("field").GetString())
            {
                case "behavioral.events" and var itself:
                    // "All" is about the others.
                    var others = node.TryGetProperty("match", out var match) && match.TryGetProperty("mode", out var mode) && mode.ValueEquals("all");
                    yield return new EventReference(others ? null : TypesOf(value), Fields(node).Where(f => f != itself).ToHashSet(StringComparer.Ordinal));
                    break;
                case "behavioral.sequence":
                    foreach (var step in value.GetProperty("steps").EnumerateArray())
                    {
                        yield return new EventReference(TypesOf(step), Fields(step).ToHashSet(StringComparer.Ordinal));
                    }

                    break;
            }
        }
    }

    // Of a group of "and" that names them; what else it asks only narrows.
    private static HashSet<string>? TypesOf(JsonElement group)
    {
        static bool Is(JsonElement node, string name, bool value) => node.TryGetProperty(name, out var flag) && flag.ValueKind == (value ? JsonValueKind.True : JsonValueKind.False);
        if (group.ValueKind != JsonValueKind.Object || Is(group, "not", true) || !group.GetProperty("combinator").ValueEquals("and"))
        {
            return null;
        }

        return group.GetProperty("rules").EnumerateArray()
            .Where(r => r.TryGetProperty("field", out var field) && field.ValueEquals("type") && !Is(r, "muted", true) && !(r.TryGetProperty("valueSource", out var source) && source.ValueEquals("field")))
            .Select(r => (r.GetProperty("operator").GetString(), Value: r.TryGetProperty("value", out var v) ? v : default) switch
            {
                ("=", { ValueKind: JsonValueKind.String } text) => [CaseNormalizer.Normalize(text.GetString())!],
                ("in", { ValueKind: JsonValueKind.String } list) => list.GetString()!.Split(',').Select(t => CaseNormalizer.Normalize(t.Trim())!),
                ("in", { ValueKind: JsonValueKind.Array } list) => list.EnumerateArray().Select(t => CaseNormalizer.Normalize(t.GetString())!),
                _ => (IEnumerable<string>?)null,
            })
            .FirstOrDefault(types => types is not null)?.ToHashSet(StringComparer.Ordinal);
    }

    private static IEnumerable<JsonElement> Rules(JsonElement node) => node.ValueKind switch
    {
        JsonValueKind.Object => node.EnumerateObject().SelectMany(p => Rules(p.Value)).Concat(node.TryGetProperty("field", out _) ? [node] : []),
        JsonValueKind.Array => node.EnumerateArray().SelectMany(Rules),
        _ => [],
    };

    private static JsonElement FieldValue(JsonElement rule) =>
        rule.TryGetProperty("valueSource", out var source) && IsText(source) && source.ValueEquals("field") && rule.TryGetProperty("value", out var value) ? value : default;

    private static JsonElement Of(JsonElement rule) => rule.TryGetProperty("match", out var match) && match.ValueKind == JsonValueKind.Object && match.TryGetProperty("of", out var of) ? of : default;

    private static bool IsText(JsonElement element) => element.ValueKind == JsonValueKind.String;
}

/// <summary>What a sub-query over events reads of them.</summary>
/// <param name="Types">The types, folded, of the only events that it may count; null where it may be any.</param>
/// <param name="Fields">The fields that it asks for or adds up.</param>
public sealed record EventReference(IReadOnlySet<string>? Types, IReadOnlySet<string> Fields)
{
    private const string PropertyPrefix = "properties.";

    /// <summary>What of that events carry, by the names at the top.</summary>
    public IEnumerable<string> Properties => Fields.Where(f => f.StartsWith(PropertyPrefix, StringComparison.Ordinal)).Select(f => f[PropertyPrefix.Length..].Split('.')[0]);
}
