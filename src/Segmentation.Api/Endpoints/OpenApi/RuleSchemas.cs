using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using Segmentation.Api.Customers;
using Segmentation.Api.Segments;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Events;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>
/// The schemas of a rule tree, made from the tables of fields and operators, so that they can't differ from the compiler.
/// </summary>
internal sealed class RuleSchemas(OpenApiDocument document, FieldCatalog<Customer> fields, RuleLimits limits)
{
    public const string Group = "RuleGroup";
    public const string ExplainedRule = "ExplainedRule";

    private static readonly FieldType[] AttributeTypes =
    [
        .. AttributeValidator.Types.Select(t => Enum.Parse<FieldType>(t, ignoreCase: true))
    ];

    public void Add()
    {
        var size = $"At most {limits.MaxDepth} groups deep, {limits.MaxRules} rules in all, {limits.MaxBytes / 1024} KiB.";
        AddGroup(
            Group, "Rule", $"A group of rules. An empty one matches every customer. {size} The shape is react-querybuilder's.");
        AddRules("Rule", "A rule over one field. Which operators and values it takes depends on the field's type.", "", fields.All,
        [
            (
                "AttributeRule",
                NamePattern("attributes"),
                "An attribute that was registered: PUT /attributes/{name}. It behaves as a field of its type.",
                AttributeTypes),
            ("ConsentRule", NamePattern("consent"), "A standing consent, by purpose. No record is no consent.", [FieldType.Boolean]),
        ]);
        AddGroup("EventGroup", "EventRule", "A group of rules over one event.");
        AddRules("EventRule", "A rule over one field of an event.", "Event", EventFields.Catalog.All,
        [
            (
                "EventPropertyRule",
                @"^properties\..+$",
                "What the event carries. Dots descend into nested objects. The JSON type of the value decides how it compares.",
                [FieldType.Property]),
        ]);
        AddValues();
    }

    private static string NamePattern(string family) => $@"^{family}\.{CustomerNames.Pattern[1..]}";

    private void AddGroup(string name, string rule, string description) =>
        document.AddComponent(name, Object(description, ["combinator", "rules"], State(new()
        {
            ["combinator"] = Enumeration(["and", "or"]),
            ["not"] = new OpenApiSchema { Type = JsonSchemaType.Boolean, Description = "True: the exact complement of the group." },
            ["rules"] = new OpenApiSchema { Type = JsonSchemaType.Array, Items = new OpenApiSchema { OneOf = [Ref(name), Ref(rule)] } },
        })));

    // One schema a type of field: its fields, its operators, its values.
    private void AddRules(
        string name,
        string description,
        string prefix,
        IReadOnlyList<Field> all,
        (string Name, string Pattern, string Description, FieldType[] Types)[] families)
    {
        var choices = new List<IOpenApiSchema>();
        foreach (var type in all.GroupBy(f => f.Type))
        {
            var id = $"{prefix}{type.Key}Rule";
            document.AddComponent(id, Rule(
                new OpenApiSchema
                {
                    Type = JsonSchemaType.String,
                    Enum = [.. type.Select(f => (JsonNode)f.Name)],
                    Description = string.Join('\n', type.Select(f => $"- `{f.Name}`: {f.Description}"))
                },
                [type.Key]));
            choices.Add(Ref(id));
        }

        foreach (var family in families)
        {
            document.AddComponent(family.Name, Rule(
                new OpenApiSchema { Type = JsonSchemaType.String, Pattern = family.Pattern, Description = family.Description },
                family.Types));
            choices.Add(Ref(family.Name));
        }

        document.AddComponent(name, new OpenApiSchema { Description = description, OneOf = choices });
    }

    private OpenApiSchema Rule(OpenApiSchema field, FieldType[] types)
    {
        var operators = types.SelectMany(Operators.ListFor).DistinctBy(o => o.Name).ToList();
        Dictionary<string, IOpenApiSchema> properties = new()
        {
            ["field"] = field,
            ["operator"] = Enumeration(operators.Select(o => o.Name)),
        };
        properties["value"] = Value(types);
        if (types is [FieldType.Events])
        {
            properties["match"] = Ref("Match");
        }

        if (types.All(t => t is not (FieldType.Point or FieldType.Events or FieldType.Sequence or FieldType.Segment or FieldType.Yearly
            or FieldType.Set or FieldType.Property))
            || types.Length > 1)
        {
            properties["valueSource"] = Enumeration(["value", "field"], "field: `value` names another field of the same type.");
        }

        // A rule without a value has the operator null or notNull.
        var needsValue = operators.All(o => o.Arity != Arity.None);
        string[] required =
        [
            "field",
            "operator",
            .. needsValue ? ["value"] : Array.Empty<string>(),
            .. types is [FieldType.Events] ? ["match"] : Array.Empty<string>(),
        ];
        return Object(null, required, State(properties));
    }

    private OpenApiSchema Value(FieldType[] types)
    {
        OpenApiSchema text = new() { Type = JsonSchemaType.String, MinLength = 1, MaxLength = limits.MaxTextLength };
        OpenApiSchema number = new() { Type = JsonSchemaType.Number };
        OpenApiSchema boolean = new() { Type = JsonSchemaType.Boolean };
        switch (types)
        {
            case [FieldType.Events]:
                return new OpenApiSchema { AllOf = [Ref("EventGroup")] };
            case [FieldType.Sequence]:
                return new OpenApiSchema { AllOf = [Ref("Sequence")] };
            case [FieldType.Point]:
                return new OpenApiSchema { OneOf = [Ref("Circle"), Ref("Polygon")] };
        }

        List<IOpenApiSchema> one = [text];
        one.AddRange(types.Any(t => t is FieldType.Integer or FieldType.Decimal or FieldType.Property) ? [number] : []);
        one.AddRange(types.Any(t => t is FieldType.Boolean or FieldType.Property) ? [boolean] : []);
        one.AddRange(types.Any(t => t is FieldType.Date or FieldType.Instant or FieldType.Yearly) ? [Ref("RelativeDate")] : []);
        var arities = types.SelectMany(Operators.ListFor).Select(o => o.Arity).ToHashSet();
        var description = string.Join(" ", new[]
        {
            arities.Contains(Arity.List)
                ? $"A list (at most {limits.MaxListLength} values) for operators that say so by name, such as in."
                : null,
            arities.Contains(Arity.Range) ? "[low, high], both included, for between." : null,
            arities.Contains(Arity.None) ? "Left out for null and notNull." : null,
            one.Count > 1 && types.Any(t => t is FieldType.Date or FieldType.Instant or FieldType.Yearly)
                ? "Dates are ISO 8601 (a day alone means the whole day in the segment's time zone) or relative."
                : null,
        }.OfType<string>());
        IOpenApiSchema item = one is [var only] ? only : new OpenApiSchema { AnyOf = one };
        if (arities.Contains(Arity.List) || arities.Contains(Arity.Range))
        {
            one = [.. one, new OpenApiSchema { Type = JsonSchemaType.Array, Items = item, MinItems = 1, MaxItems = limits.MaxListLength }];
        }

        return new OpenApiSchema { Description = description, AnyOf = one };
    }

    private void AddValues()
    {
        var relative = "A date reckoned from the evaluation's instant, in the segment's time zone: the anchor, then the offset. "
            + "Weeks start on Monday.";
        document.AddComponent("RelativeDate", Object(relative, ["mode", "anchor", "offset", "unit"], new()
        {
            ["mode"] = Enumeration(["relative"]),
            ["anchor"] = Enumeration(Names<DateAnchor>()),
            ["offset"] = new OpenApiSchema { Type = JsonSchemaType.Integer, Description = "Negative: back in time." },
            ["unit"] = Enumeration(Names<DateUnit>()),
        }));
        document.AddComponent("Sequence", Object("Events of each step, each strictly later than the one before.", ["steps"], new()
        {
            ["steps"] = new OpenApiSchema
            {
                Type = JsonSchemaType.Array,
                Items = Ref("EventGroup"),
                MinItems = EventRuleTerms.MinSteps,
                MaxItems = EventRuleTerms.MaxSteps
            },
            ["within"] = Object("The most time from the first step to the last.", ["amount", "unit"], new()
            {
                ["amount"] = new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "1" },
                ["unit"] = Enumeration(Names<DateUnit>()),
            }),
        }));
        document.AddComponent("Circle", Object("Around a place, great-circle distance.", ["latitude", "longitude", "radiusKm"], new()
        {
            ["latitude"] = Number("-90", "90"),
            ["longitude"] = Number("-180", "180"),
            ["radiusKm"] = Number("0", Area.MaxRadiusKm.ToString(CultureInfo.InvariantCulture), "Above 0."),
        }));
        var corner = new OpenApiSchema
        {
            Type = JsonSchemaType.Array,
            Items = new OpenApiSchema { Type = JsonSchemaType.Number },
            MinItems = 2,
            MaxItems = 2,
            Description = "[longitude, latitude]"
        };
        document.AddComponent(
            "Polygon", Object("An area, planar in degrees; open or closed. No edge spans more than 180 degrees.", ["polygon"], new()
            {
                ["polygon"] = new OpenApiSchema
                {
                    Type = JsonSchemaType.Array,
                    Items = corner,
                    MinItems = Area.MinCorners,
                    MaxItems = Area.MaxCorners
                },
            }));
        List<IOpenApiSchema> scalars =
        [
            new OpenApiSchema { Type = JsonSchemaType.Number },
            new OpenApiSchema { Type = JsonSchemaType.String },
            Ref("RelativeDate"),
        ];
        var threshold = new OpenApiSchema { AnyOf = scalars };
        document.AddComponent(
            "Match", Object("How many events must satisfy the group, or what an aggregate of those that do must be.", ["mode"], new()
            {
                ["mode"] = Enumeration(EventRuleTerms.ModesWithoutThreshold.Union(EventRuleTerms.Modes)),
                ["threshold"] = new OpenApiSchema
                {
                    Description = "A number; a date with min or max of occurredAt; [low, high] with between. None with some, none and all.",
                    AnyOf = [.. scalars, new OpenApiSchema { Type = JsonSchemaType.Array, Items = threshold, MinItems = 2, MaxItems = 2 }],
                },
                ["aggregate"] = Enumeration(EventRuleTerms.Aggregates, "Left out: the number of events."),
                ["of"] = new OpenApiSchema
                {
                    Type = JsonSchemaType.String,
                    Description =
                        "What is aggregated: amount, properties.NAME; occurredAt for min and max; any field of an event for distinct.",
                    MaxLength = limits.MaxTextLength
                },
            }));
        document.AddComponent(ExplainedRule, new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            Description =
                "The rule tree as stored. Each node has `matched` besides (null where muted), each rule `actual`: what the customer has.",
            AdditionalPropertiesAllowed = true,
        });
    }

    // A builder's own properties, and muting: on every node.
    private static Dictionary<string, IOpenApiSchema> State(Dictionary<string, IOpenApiSchema> properties)
    {
        properties["muted"] = new OpenApiSchema { Type = JsonSchemaType.Boolean, Description = "True: checked, then left out." };
        properties["id"] = new OpenApiSchema { Description = "The builder's own; kept." };
        properties["path"] = new OpenApiSchema { Description = "The builder's own; kept." };
        properties["disabled"] = new OpenApiSchema { Description = "The builder's own; kept." };
        return properties;
    }

    private static OpenApiSchema Object(string? description, string[] required, Dictionary<string, IOpenApiSchema> properties) => new()
    {
        Type = JsonSchemaType.Object,
        Description = description,
        Required = new HashSet<string>(required),
        Properties = properties,
        AdditionalPropertiesAllowed = false,
    };

    private static OpenApiSchema Enumeration(IEnumerable<string> values, string? description = null) =>
        new() { Type = JsonSchemaType.String, Enum = [.. values.Select(v => (JsonNode)v)], Description = description };

    private static IEnumerable<string> Names<T>() where T : struct, Enum =>
        Enum.GetNames<T>().Select(System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName);

    private static OpenApiSchema Number(string minimum, string maximum, string? description = null) =>
        new() { Type = JsonSchemaType.Number, Minimum = minimum, Maximum = maximum, Description = description };

    private OpenApiSchemaReference Ref(string name) => new(name, document);
}
