using System.Text.Json.Nodes;
using Segmentation.Api.Insight;
using Segmentation.Models.Clusters;
using Segmentation.Rules.Catalog;

namespace Segmentation.Api.Discovery;

/// <summary>Says the leaves of a tree as rules: every customer, whatever it has, satisfies those of exactly one leaf.</summary>
/// <param name="fields">What the tree reads.</param>
/// <param name="within">The key of the segment that was divided, which every rule begins with; null for everybody.</param>
internal sealed class ClusterRules(IReadOnlyList<GroupedField> fields, string? within)
{
    /// <summary>Those in any of some leaves.</summary>
    public JsonObject Write(IReadOnlyList<TreeLeaf> leaves)
    {
        var rule = leaves.Count == 1 ? Write(leaves[0]) : Group("or", leaves.Select(Write));
        return within is null ? rule : Group("and", [
            new JsonObject { ["field"] = "segment", ["operator"] = "in", ["value"] = new JsonArray(within) }, rule]);
    }

    private JsonObject Write(TreeLeaf leaf) => Group("and", leaf.Way.GroupBy(s => s.Field).SelectMany(s => Write(fields[s.Key], [.. s])));

    // What several steps say of a field is said once.
    private static IEnumerable<JsonObject> Write(GroupedField field, TreeStep[] steps) => field.Values switch
    {
        NumberField => WriteNumber(field, steps),
        SetField => steps.Select(s => Condition(
            field.Field, s.IsOn ? "contains" : "doesNotContain", new JsonArray(field.Names[s.Split]))),
        _ => WriteValue(field, steps),
    };

    private static List<JsonObject> WriteValue(GroupedField field, TreeStep[] steps)
    {
        if (field.Field.Type == FieldType.Boolean)
        {
            return [Condition(field.Field, steps.All(s => s.IsOn == (s.Split == 1)) ? "=" : "!=", true)];
        }

        // Who is on a side has one of its values; who is not may have one that nobody had.
        var on = steps.Where(s => s.IsOn).Select(s => s.Split).ToList();
        var off = steps.Where(s => !s.IsOn).Aggregate(0, (mask, s) => mask | s.Split);
        var values = on.Count > 0 ? on.Aggregate((a, b) => a & b) & ~off : off;
        string[] names = [.. field.Names.Where((_, i) => (values >> i & 1) != 0)];
        var (isMissing, isNamed) = (steps.All(s => s.TakesMissing), on.Count > 0);
        if (names.Length == 0)
        {
            return [Condition(field.Field, isNamed ? "null" : "notNull")];
        }

        var rule = names.Length == 1
            ? Condition(field.Field, isNamed ? "=" : "!=", names[0])
            : Condition(field.Field, isNamed ? "in" : "notIn", new JsonArray([.. names.Select(n => JsonValue.Create(n))]));

        // Those without a value are none of the named.
        return isMissing == !isNamed ? [rule]
            : isMissing ? [Group("or", [rule, Condition(field.Field, "null")])]
            : [rule, Condition(field.Field, "notNull")];
    }

    private static List<JsonObject> WriteNumber(GroupedField field, TreeStep[] steps)
    {
        var isMissing = steps.All(s => s.TakesMissing) && field.CanBeMissing;
        if (steps.Any(s => s is { Split: 0, IsOn: false }))
        {
            return [Condition(field.Field, "null")];
        }

        var cuts = steps.Where(s => s.Split > 0).ToLookup(s => s.IsOn, s => field.Bounds[s.Split - 1].Told);
        if (!cuts[true].Any() && !cuts[false].Any())
        {
            return [Condition(field.Field, "notNull")];
        }

        // Of dates a bound is days ago, but the greatest number of either kind lies furthest in its direction.
        var range = ProfileRules.Between(
            field.Field, cuts[true].Any() ? cuts[true].Max() : null, cuts[false].Any() ? cuts[false].Min() : null);
        var rules = range["rules"]!.AsArray().Select(r => (JsonObject)r!.DeepClone()).ToList();
        return !isMissing ? rules : [Group("or", [rules.Count == 1 ? rules[0] : range, Condition(field.Field, "null")])];
    }

    private static JsonObject Condition(Field field, string operation, JsonNode? value = null) =>
        (JsonObject)ProfileRules.Condition(field.Name, operation, value)["rules"]![0]!.DeepClone();

    private static JsonObject Group(string combinator, IEnumerable<JsonObject> rules) =>
        new() { ["combinator"] = combinator, ["rules"] = new JsonArray([.. rules]) };
}
