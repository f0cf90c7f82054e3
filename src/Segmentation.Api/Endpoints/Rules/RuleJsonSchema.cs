using System.Text.Json;
using System.Text.Json.Nodes;
using Segmentation.Api.Customers;
using Segmentation.Api.Segments;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Endpoints;

/// <summary>
/// The rule language as a JSON Schema (2020-12), made from the catalog and the table of operators, so that it can't differ from them. It is
/// the strict form: what it takes is a rule, unless a name, a date or an order in it is wrong (an unknown segment, 30 February, the
/// higher value first). The service takes more spellings: nulls, other letters for <c>and</c>, coordinates as text.
/// </summary>
internal sealed class RuleJsonSchema(FieldCatalog<Customer> fields, RuleLimits limits)
{
    private static readonly string[] FieldComparisons = ["=", "!="];
    private static readonly string[] OrderedComparisons = ["=", "!=", "<", "<=", ">", ">="];
    private static readonly FieldType[] Ordered = [FieldType.Integer, FieldType.Decimal, FieldType.Date, FieldType.Instant];
    private static readonly FieldType[] Comparable = [FieldType.Text, FieldType.Boolean, .. Ordered];

    private readonly RuleValueSchemas values = new(limits);

    public JsonObject Create()
    {
        var definitions = new JsonObject
        {
            ["group"] = CreateGroup("node", "A group of rules. The root is one; an empty one matches every customer."),
            ["node"] = CreateNode("group", "rule"),
            ["rule"] = CreateRule(fields.All, "", $@"^consent\.{CustomerNames.Pattern[1..]}", FieldType.Boolean, "A customer's consent."),
            ["eventGroup"] = CreateGroup("eventNode", "A group of rules over one event."),
            ["eventNode"] = CreateNode("eventGroup", "eventRule"),
            ["eventRule"] = CreateRule(
                EventFields.Catalog.All, "event", @"^properties(\.[^.]+)+$", FieldType.Property, "What the event carries."),
            ["match"] = RuleValueSchemas.CreateMatch(EventFields.Catalog.All),
        };
        AddTypes(definitions, fields.All, "", FieldType.Boolean);
        AddTypes(definitions, EventFields.Catalog.All, "event", FieldType.Property);
        values.AddTo(definitions);
        return new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = "Rule",
            ["description"] = $"A rule tree: at most {limits.MaxDepth} groups deep, {limits.MaxRules} rules in all, "
                + $"{limits.MaxBytes / 1024} KiB.",
            ["$ref"] = "#/$defs/group",
            ["$defs"] = definitions,
        };
    }

    private static JsonObject CreateGroup(string node, string description) => Object(description, ["combinator", "rules"], new()
    {
        ["combinator"] = Enumeration(["and", "or"]),
        ["not"] = new JsonObject { ["type"] = "boolean", ["description"] = "True: the exact complement of the group." },
        ["rules"] = new JsonObject { ["type"] = "array", ["items"] = Ref(node) },
    });

    private static JsonObject CreateNode(string group, string rule) => new()
    {
        ["if"] = new JsonObject { ["required"] = new JsonArray("rules") },
        ["then"] = Ref(group),
        ["else"] = Ref(rule),
    };

    // A rule's field decides about the rest: each type of field has a schema of its own.
    private static JsonObject CreateRule(
        IReadOnlyList<Field> all, string prefix, string familyPattern, FieldType familyType, string familyDescription)
    {
        var names = new JsonArray([.. all.Select(f => (JsonNode)new JsonObject
        {
            ["const"] = f.Name,
            ["title"] = f.Label,
            ["description"] = f.Description,
        })]);
        names.Add(new JsonObject { ["pattern"] = familyPattern, ["description"] = familyDescription });
        var rule = Object("A rule over one field.", ["field", "operator"], new()
        {
            ["field"] = new JsonObject { ["type"] = "string", ["anyOf"] = names },
            ["operator"] = new JsonObject { ["type"] = "string" },
            ["value"] = true,
            ["valueSource"] = Enumeration(["value", "field"]),
            ["match"] = Ref("match"),
        });
        var choices = Group(all).Select(g => Choose(new JsonObject { ["enum"] = Strings(g.Select(f => f.Name)) }, TypeName(prefix, g.Key)));
        rule["allOf"] = new JsonArray([
            .. choices,
            Choose(new JsonObject { ["pattern"] = familyPattern }, TypeName(prefix, (familyType, null)))]);
        return rule;

        static JsonNode Choose(JsonObject field, string type) => new JsonObject
        {
            ["if"] = new JsonObject { ["properties"] = new JsonObject { ["field"] = field } },
            ["then"] = Ref(type),
        };
    }

    private void AddTypes(JsonObject definitions, IReadOnlyList<Field> all, string prefix, FieldType familyType)
    {
        var groups = Group(all).Select(g => g.Key).Append((Type: familyType, Closed: null)).Distinct();
        foreach (var key in groups)
        {
            var alike = all.Where(f => f.Type == key.Type || (IsNumber(f.Type) && IsNumber(key.Type))).Select(f => f.Name).ToList();
            var closed = all.SingleOrDefault(f => f.Name == key.Closed);
            definitions[TypeName(prefix, key)] = CreateType(key.Type, closed, alike);
        }
    }

    // A field with a check of its own has its own operators and values.
    private static IEnumerable<IGrouping<(FieldType Type, string? Closed), Field>> Group(IReadOnlyList<Field> all) =>
        all.GroupBy(f => (f.Type, f.Check is null ? null : f.Name));

    private JsonObject CreateType(FieldType type, Field? closed, IReadOnlyList<string> alike)
    {
        var operators = (closed is null ? Operators.ListFor(type) : Operators.ListFor(closed)).ToList();
        var constants = new JsonArray();
        foreach (var arity in operators.GroupBy(o => o.Arity).Where(g => g.Key != Arity.None))
        {
            constants.Add(new JsonObject
            {
                ["if"] = new JsonObject { ["properties"] = new JsonObject { ["operator"] = Enumeration(arity.Select(o => o.Name)) } },
                ["then"] = new JsonObject
                {
                    ["required"] = type == FieldType.Events ? new JsonArray("value", "match") : new JsonArray("value"),
                    ["properties"] = new JsonObject { ["value"] = values.Create(type, arity.Key, closed) },
                },
            });
        }

        var own = new JsonObject
        {
            ["properties"] = new JsonObject { ["operator"] = Enumeration(operators.Select(o => o.Name)) },
            ["allOf"] = constants,
        };
        if (type != FieldType.Events)
        {
            own["not"] = new JsonObject { ["required"] = new JsonArray("match") };
        }

        return new JsonObject
        {
            ["if"] = new JsonObject
            {
                ["required"] = new JsonArray("valueSource"),
                ["properties"] = new JsonObject { ["valueSource"] = new JsonObject { ["const"] = "field" } },
            },
            ["then"] = !Comparable.Contains(type) ? false : new JsonObject
            {
                ["required"] = new JsonArray("value"),
                ["properties"] = new JsonObject
                {
                    ["operator"] = Enumeration(Ordered.Contains(type) ? OrderedComparisons : FieldComparisons),
                    ["value"] = new JsonObject
                    {
                        ["anyOf"] = new JsonArray(
                            Enumeration(alike),
                            type == FieldType.Boolean ? new JsonObject { ["pattern"] = @"^consent\." } : false),
                    },
                },
            },
            ["else"] = own,
        };
    }

    private static bool IsNumber(FieldType type) => type is FieldType.Integer or FieldType.Decimal;

    private static string TypeName(string prefix, (FieldType Type, string? Closed) key)
    {
        var name = key.Closed?.Replace(".", "-", StringComparison.Ordinal) ?? JsonNamingPolicy.CamelCase.ConvertName(key.Type.ToString());
        return (prefix.Length == 0 ? name : $"{prefix}-{name}") + "Rule";
    }

    // A builder's own properties, and muting: on every node.
    private static JsonObject Object(string description, string[] required, JsonObject properties)
    {
        properties["muted"] = new JsonObject { ["type"] = "boolean", ["description"] = "True: checked, then left out." };
        foreach (var own in new[] { "id", "path", "disabled" })
        {
            properties[own] = true;
        }

        return new JsonObject
        {
            ["type"] = "object",
            ["description"] = description,
            ["required"] = Strings(required),
            ["properties"] = properties,
            ["additionalProperties"] = false,
        };
    }

    internal static JsonObject Ref(string name) => new() { ["$ref"] = $"#/$defs/{name}" };

    internal static JsonObject Enumeration(IEnumerable<string> names) => new() { ["enum"] = Strings(names) };

    internal static JsonArray Strings(IEnumerable<string> texts) => new([.. texts.Select(t => (JsonNode)t)]);
}
