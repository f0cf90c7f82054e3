using System.Text.Json;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Checking;

/// <summary>What a rule refers to, without compiling it: a rule that has become invalid still refers.</summary>
public static class RuleReferences
{
    /// <summary>The names of all fields in the tree: also those compared with, aggregated, and inside sub-queries.</summary>
    public static IEnumerable<string> Fields(JsonElement rule) => FindRules(rule)
        .SelectMany(r => new[] { r.GetProperty("field"), FindComparedField(r), FindAggregatedField(r) })
        .Where(IsString)
        .Select(f => f.GetString()!);

    /// <summary>The keys of all segments in the tree.</summary>
    public static IEnumerable<string> Segments(JsonElement rule) => FindRules(rule)
        .Where(r => IsString(r.GetProperty("field")) && r.GetProperty("field").ValueEquals("segment") && r.TryGetProperty("value", out _))
        .Select(r => r.GetProperty("value"))
        .SelectMany(v => v.ValueKind switch
        {
            JsonValueKind.Array => v.EnumerateArray().Where(IsString).Select(k => k.GetString()!.Trim()),
            JsonValueKind.String => v.GetString()!.Split(',').Select(k => k.Trim()),
            _ => [],
        });

    /// <summary>The segments of which a rule keeps who is not in them: of <c>notIn</c>, or of <c>in</c> within a negated group.</summary>
    /// <param name="rule">A rule without errors, as it is stored.</param>
    /// <returns>Each segment's key, and where the rule that names it is.</returns>
    public static IEnumerable<(string Key, string Pointer)> ExcludedSegments(JsonElement rule) => FindExcluded(rule, "", isNegated: false);

    private static IEnumerable<(string Key, string Pointer)> FindExcluded(JsonElement node, string pointer, bool isNegated)
    {
        if (NodeJson.IsMuted(node))
        {
            return [];
        }

        if (NodeJson.IsGroup(node))
        {
            var negates = isNegated != IsTrue(node, "not");
            return node.GetProperty("rules").EnumerateArray()
                .SelectMany((child, i) => FindExcluded(child, $"{pointer}/rules/{i}", negates));
        }

        return NodeJson.FindText(node, "field") == "segment" && (NodeJson.FindText(node, "operator") == "notIn") != isNegated
            ? Segments(node).Select(key => (key, pointer))
            : [];
    }

    /// <summary>What each of the tree's sub-queries over events reads of them; each step of a sequence for itself.</summary>
    /// <param name="rule">A rule without errors.</param>
    public static IEnumerable<EventReference> Events(JsonElement rule)
    {
        foreach (var node in FindRules(rule).Where(r => IsString(r.GetProperty("field")) && r.TryGetProperty("value", out _)))
        {
            var value = node.GetProperty("value");
            switch (node.GetProperty("field").GetString())
            {
                case "behavioral.events" and var itself:
                    // "All" is about the others.
                    var types = ReadsAll(node) ? null : FindTypes(value);
                    yield return new EventReference(types, Fields(node).Where(f => f != itself).ToHashSet(StringComparer.Ordinal));
                    break;
                case "behavioral.sequence":
                    foreach (var step in value.GetProperty("steps").EnumerateArray())
                    {
                        yield return new EventReference(FindTypes(step), Fields(step).ToHashSet(StringComparer.Ordinal));
                    }

                    break;
            }
        }
    }

    private static bool ReadsAll(JsonElement rule) =>
        NodeJson.FindText(NodeJson.Find(rule, "match"), "mode") == "all";

    // Those that a group of "and" names; its other rules only narrow it.
    private static HashSet<string>? FindTypes(JsonElement group)
    {
        if (group.ValueKind != JsonValueKind.Object || IsTrue(group, "not") || !group.GetProperty("combinator").ValueEquals("and"))
        {
            return null;
        }

        return group.GetProperty("rules").EnumerateArray()
            .Where(r => NodeJson.FindText(r, "field") == "type" && !IsTrue(r, "muted") && !NodeJson.ComparesFields(r))
            .Select(ReadTypes)
            .FirstOrDefault(types => types is not null)?.ToHashSet(StringComparer.Ordinal);
    }

    private static IEnumerable<string>? ReadTypes(JsonElement rule)
    {
        var value = rule.TryGetProperty("value", out var v) ? v : default;
        return (rule.GetProperty("operator").GetString(), value.ValueKind) switch
        {
            ("=", JsonValueKind.String) => [CaseNormalizer.Normalize(value.GetString()!.Trim())],
            ("in", JsonValueKind.String) => value.GetString()!.Split(',').Select(t => CaseNormalizer.Normalize(t.Trim())),
            ("in", JsonValueKind.Array) => value.EnumerateArray().Select(t => CaseNormalizer.Normalize(t.GetString()!.Trim())),
            _ => null,
        };
    }

    private static IEnumerable<JsonElement> FindRules(JsonElement node) => node.ValueKind switch
    {
        JsonValueKind.Object =>
            node.EnumerateObject().SelectMany(p => FindRules(p.Value)).Concat(node.TryGetProperty("field", out _) ? [node] : []),
        JsonValueKind.Array => node.EnumerateArray().SelectMany(FindRules),
        _ => [],
    };

    private static JsonElement FindComparedField(JsonElement rule) =>
        NodeJson.ComparesFields(rule) && rule.TryGetProperty("value", out var value) ? value : default;

    private static JsonElement FindAggregatedField(JsonElement rule)
    {
        var hasMatch = rule.TryGetProperty("match", out var match) && match.ValueKind == JsonValueKind.Object;
        return hasMatch && match.TryGetProperty("of", out var field) ? field : default;
    }

    private static bool IsTrue(JsonElement node, string name) =>
        node.TryGetProperty(name, out var flag) && flag.ValueKind == JsonValueKind.True;

    private static bool IsString(JsonElement element) => element.ValueKind == JsonValueKind.String;
}
