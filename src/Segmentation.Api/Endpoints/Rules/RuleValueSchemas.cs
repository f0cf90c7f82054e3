using System.Text.Json;
using System.Text.Json.Nodes;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Events;
using Segmentation.Rules.Values;
using static Segmentation.Api.Endpoints.RuleJsonSchema;

namespace Segmentation.Api.Endpoints;

/// <summary>The schemas of a rule's values, by the type of the field and by how many values the operator takes.</summary>
internal sealed class RuleValueSchemas(RuleLimits limits)
{
    // Values as text, without the blanks around them.
    private const string IntegerText = "[+-]?[0-9]+",
        DecimalText = @"[+-]?[0-9]*\.?[0-9]+([eE][+-]?[0-9]+)?",
        DateText = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
            + @"([Tt][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?([Zz]|[+-][0-9]{2}(:?[0-5][0-9])?)?)?";

    /// <param name="closed">The field, where it takes certain texts only.</param>
    public JsonNode Create(FieldType type, Arity arity, Field? closed) => type switch
    {
        FieldType.Events => Ref("eventGroup"),
        FieldType.Sequence => Ref("sequence"),
        FieldType.Point => AnyOf(Ref("circle"), Ref("polygon")),
        _ => (arity, type) switch
        {
            (Arity.One, _) => CreateOne(type, closed),

            // The JSON type of a property's value decides how it compares, so that its lists are lists.
            (Arity.Range, FieldType.Property) => CreateList(type, closed, 2, 2),
            (Arity.Range, _) => AnyOf(CreateList(type, closed, 2, 2), CreateCommaText(type, closed, "")),
            (_, FieldType.Property) => AnyOf(CreateOne(type, closed), CreateList(type, closed, 1, limits.MaxListLength)),
            _ => AnyOf(
                CreateOne(type, closed),
                CreateList(type, closed, 1, limits.MaxListLength),
                CreateCommaText(type, closed, "+")),
        },
    };

    public void AddTo(JsonObject definitions)
    {
        definitions["text"] = new JsonObject { ["type"] = "string", ["pattern"] = @"\S", ["maxLength"] = limits.MaxTextLength };
        definitions["integer"] = AnyOf(Type("integer"), Text(Padded(IntegerText)));
        definitions["decimal"] = AnyOf(Type("number"), Text(Padded(DecimalText)));
        definitions["boolean"] = AnyOf(Type("boolean"), Text("^([Tt]rue|[Ff]alse)$"));
        definitions["date"] = AnyOf(Text(Padded(DateText)), Ref("relativeDate"));
        definitions["property"] = AnyOf(Ref("text"), Type("number"), Type("boolean"));
        definitions["relativeDate"] = Object(
            "A date counted from the instant of evaluation, in the segment's time zone: first the anchor, then the offset.",
            ["mode", "anchor", "offset", "unit"],
            new()
            {
                ["mode"] = Enumeration(["relative"]),
                ["anchor"] = Enumeration(Names<DateAnchor>()),
                ["offset"] = new JsonObject { ["type"] = "integer", ["description"] = "Negative: back in time." },
                ["unit"] = Enumeration(Names<DateUnit>()),
            });
        definitions["sequence"] = Object("Events of each step, each strictly later than the one before.", ["steps"], new()
        {
            ["steps"] = List(Ref("eventGroup"), EventRuleTerms.MinSteps, EventRuleTerms.MaxSteps),
            ["within"] = Object("The most time from the first step to the last.", ["amount", "unit"], new()
            {
                ["amount"] = new JsonObject { ["type"] = "integer", ["minimum"] = 1 },
                ["unit"] = Enumeration(Names<DateUnit>()),
            }),
        });
        definitions["circle"] = Object("Around a place, by great-circle distance.", ["latitude", "longitude", "radiusKm"], new()
        {
            ["latitude"] = Number(-90, 90),
            ["longitude"] = Number(-180, 180),
            ["radiusKm"] = new JsonObject { ["type"] = "number", ["exclusiveMinimum"] = 0, ["maximum"] = Area.MaxRadiusKm },
        });
        definitions["polygon"] = Object("An area, planar in degrees, open or closed.", ["polygon"], new()
        {
            ["polygon"] = List(
                new JsonObject
                {
                    ["type"] = "array",
                    ["prefixItems"] = new JsonArray(Number(-180, 180), Number(-90, 90)),
                    ["minItems"] = 2,
                    ["maxItems"] = 2,
                    ["description"] = "[longitude, latitude]",
                },
                Area.MinCorners,
                Area.MaxCorners),
        });
    }

    public static JsonObject CreateMatch(IReadOnlyList<Field> eventFields)
    {
        var match = Object("How many events must satisfy the group, or what an aggregate of those that do must be.", ["mode"], new()
        {
            ["mode"] = Enumeration(EventRuleTerms.Modes),
            ["threshold"] = true,
            ["aggregate"] = Enumeration(EventRuleTerms.Aggregates),
            ["of"] = AnyOf(Enumeration(eventFields.Select(f => f.Name)), Text(@"^properties(\.[^.]+)+$")),
        });
        var count = AnyOf(new JsonObject { ["type"] = "integer", ["minimum"] = 0 }, Text(@"^\s*[0-9]+\s*$"));
        var ofField = EventRuleTerms.Aggregates.Where(a => EventRuleTerms.CanAggregate(a, FieldType.Property)).ToList();
        match["allOf"] = new JsonArray([
            If("mode", EventRuleTerms.ModesWithoutThreshold,
                then: new JsonObject { ["properties"] = new JsonObject { ["aggregate"] = false } },
                otherwise: new JsonObject { ["required"] = new JsonArray("threshold") }),
            If("mode", ["between"],
                then: Threshold(List(true, 2, 2)),
                otherwise: Threshold(new JsonObject { ["not"] = Type("array") })),
            If("aggregate", ofField,
                then: new JsonObject { ["required"] = new JsonArray("of") },
                otherwise: new JsonObject { ["properties"] = new JsonObject { ["of"] = false } }),
            .. ofField.Select(a => If("aggregate", [a], then: Of(eventFields, a))),
            If("aggregate", ["sum", "avg", "min", "max"], then: true, otherwise: Threshold(AnyOf(count, List(count.DeepClone(), 2, 2)))),
        ]);
        return match;

        static JsonObject Of(IReadOnlyList<Field> all, string aggregate)
        {
            var names = Enumeration(all.Where(f => EventRuleTerms.CanAggregate(aggregate, f.Type)).Select(f => f.Name));
            return new() { ["properties"] = new JsonObject { ["of"] = AnyOf(names, Text(@"^properties\.")) } };
        }

        static JsonObject Threshold(JsonNode schema) => new() { ["properties"] = new JsonObject { ["threshold"] = schema } };
    }

    private static JsonNode CreateOne(FieldType type, Field? closed) => type switch
    {
        _ when closed is { Values.Count: > 0 } => Enumeration(closed.Values),
        _ when closed is { Pattern: { } pattern } => Text($"^{pattern}$"),
        FieldType.Text or FieldType.Set => Ref("text"),
        FieldType.Integer => Ref("integer"),
        FieldType.Decimal => Ref("decimal"),
        FieldType.Boolean => Ref("boolean"),
        FieldType.Date or FieldType.Instant or FieldType.Yearly => Ref("date"),
        FieldType.Segment => Text(Segments.Segment.KeyPattern),
        FieldType.Property => Ref("property"),
        _ => throw new NotSupportedException(),
    };

    private static JsonObject CreateList(FieldType type, Field? closed, int min, int max) => List(CreateOne(type, closed), min, max);

    // Several values as one text: two for a range, two and more for a list.
    private static JsonObject CreateCommaText(FieldType type, Field? closed, string more)
    {
        var one = type switch
        {
            _ when closed is { Values.Count: > 0 } => $"({string.Join('|', closed.Values)})",
            _ when closed is { Pattern: { } pattern } => pattern,
            FieldType.Integer => IntegerText,
            FieldType.Decimal => DecimalText,
            FieldType.Date or FieldType.Instant or FieldType.Yearly => DateText,
            FieldType.Segment => Segments.Segment.KeyPattern[1..^1],
            _ => @"[^,]*[^,\s][^,]*",
        };
        return Text(Padded($@"{one}(\s*,\s*{one}){more}"));
    }

    private static string Padded(string pattern) => $@"^\s*{pattern}\s*$";

    private static JsonObject If(string property, IEnumerable<string> values, JsonNode then, JsonNode? otherwise = null)
    {
        var choice = new JsonObject
        {
            ["if"] = new JsonObject
            {
                ["required"] = new JsonArray(property),
                ["properties"] = new JsonObject { [property] = Enumeration(values) },
            },
            ["then"] = then,
        };
        if (otherwise is not null)
        {
            choice["else"] = otherwise;
        }

        return choice;
    }

    private static JsonObject Object(string description, string[] required, JsonObject properties) => new()
    {
        ["type"] = "object",
        ["description"] = description,
        ["required"] = Strings(required),
        ["properties"] = properties,
        ["additionalProperties"] = false,
    };

    private static JsonObject AnyOf(params JsonNode[] choices) => new() { ["anyOf"] = new JsonArray(choices) };

    private static JsonObject Type(string name) => new() { ["type"] = name };

    private static JsonObject Text(string pattern) => new() { ["type"] = "string", ["pattern"] = pattern };

    private static JsonObject Number(double minimum, double maximum) =>
        new() { ["type"] = "number", ["minimum"] = minimum, ["maximum"] = maximum };

    private static JsonObject List(JsonNode items, int min, int max) =>
        new() { ["type"] = "array", ["items"] = items, ["minItems"] = min, ["maxItems"] = max };

    private static IEnumerable<string> Names<T>() where T : struct, Enum =>
        Enum.GetNames<T>().Select(JsonNamingPolicy.CamelCase.ConvertName);
}
