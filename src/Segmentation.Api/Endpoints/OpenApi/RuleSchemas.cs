using Microsoft.OpenApi;
using Segmentation.Rules.Events;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>
/// The schemas of a rule tree for clients: one flat node, that any generator reads and writes without loss. Which field takes what is said
/// by the strict schema, <c>GET /rules/schema</c>.
/// </summary>
internal static class RuleSchemas
{
    public const string Node = "RuleNode";
    public const string ExplainedNode = "ExplainedNode";
    private const string Match = "Match";

    public static void Add(OpenApiDocument document)
    {
        document.AddComponent(Match, Object(
            "How many events must satisfy the group in `value`; or, with `aggregate`, what they must add up to.", new()
            {
                ["mode"] = Text($"One of {List(EventRuleTerms.Modes)}. Needed."),
                ["threshold"] = new OpenApiSchema
                {
                    Description = "A number; a date (a text or a relative date) with `min` or `max` of `occurredAt`; `[low, high]` with "
                        + $"`between`. Left out with {List(EventRuleTerms.ModesWithoutThreshold)}.",
                },
                ["aggregate"] = Text(
                    $"One of {List(EventRuleTerms.Aggregates)}. The threshold is then about this, not about the number of events."),
                ["of"] = Text(
                    "What is aggregated: `amount` or `properties.NAME`; `occurredAt` for `min` and `max`; any field of an event for "
                    + "`distinct`."),
            }));
        document.AddComponent(Node, Object(
            "A node of a rule tree, in react-querybuilder's form: a group, which has `combinator` and `rules`, or a rule, which has "
            + "`field`, `operator` and `value`. The root is a group; an empty one matches every customer. Which field takes which "
            + "operators and values is in `GET /api/v1/rules/schema` (JSON Schema 2020-12); [Rules by example](/rules-by-example) shows "
            + "each of them.",
            CreateProperties(document, Node)));
        var explained = CreateProperties(document, ExplainedNode);
        explained["matched"] = new OpenApiSchema
        {
            Type = JsonSchemaType.Boolean | JsonSchemaType.Null,
            Description = "Whether the customer satisfies this node; null where it is muted.",
        };
        explained["actual"] = new OpenApiSchema
        {
            Description = "Of a rule: what the customer has. A value; the number of matching events or the aggregate; the times of a "
                + "sequence's steps; the keys of the segments that it is in.",
        };
        document.AddComponent(ExplainedNode, Object("A node of a rule tree as stored, with what was found for one customer.", explained));
    }

    private static Dictionary<string, IOpenApiSchema> CreateProperties(OpenApiDocument document, string node) => new()
    {
        ["combinator"] = Text("Of a group: `and` or `or`."),
        ["not"] = Boolean("Of a group: true for its exact complement."),
        ["rules"] = new OpenApiSchema
        {
            Type = JsonSchemaType.Array,
            Items = new OpenApiSchemaReference(node, document),
            Description = "Of a group: its nodes. An object with `rules` is a group.",
        },
        ["field"] = Text("Of a rule: a field's name, as `GET /api/v1/fields` lists them; inside `behavioral.events`, an event's field."),
        ["operator"] = Text("Of a rule: one of the field's operators."),
        ["value"] = new OpenApiSchema
        {
            Description = "Of a rule: a text, number or boolean; a list; `[low, high]`; a relative date; a place; for `behavioral.events` "
                + "a group over one event, for `behavioral.sequence` its steps. Left out for `null` and `notNull`.",
        },
        ["valueSource"] = Text("Of a rule: `value` (the default), or `field`: `value` then names another field of the same type."),
        ["match"] = new OpenApiSchema
        {
            AllOf = [new OpenApiSchemaReference(Match, document)],
            Description = "Of a rule over `behavioral.events`, which needs it: how many events.",
        },
        ["muted"] = Boolean("True: the node is checked like any other, and then left out."),
        ["id"] = Text("The builder's own; kept as sent."),
        ["path"] = new OpenApiSchema
        {
            Type = JsonSchemaType.Array,
            Items = new OpenApiSchema { Type = JsonSchemaType.Integer, Format = "int32" },
            Description = "The builder's own; kept as sent.",
        },
        ["disabled"] = Boolean("The builder's own; kept as sent, without effect."),
    };

    private static OpenApiSchema Object(string description, Dictionary<string, IOpenApiSchema> properties) => new()
    {
        Type = JsonSchemaType.Object,
        Description = description,
        Properties = properties,
        AdditionalPropertiesAllowed = false,
    };

    private static OpenApiSchema Text(string description) => new() { Type = JsonSchemaType.String, Description = description };

    private static OpenApiSchema Boolean(string description) =>
        new() { Type = JsonSchemaType.Boolean | JsonSchemaType.Null, Description = description };

    private static string List(IEnumerable<string> names) => string.Join(", ", names.Select(n => $"`{n}`"));
}
