using Segmentation.Api.Segments;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Events;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Endpoints;

/// <summary>The fields of a kind, as one of react-querybuilder's option groups.</summary>
/// <param name="Label">What an editor shows.</param>
/// <param name="Kind">demographic, geographic, psychographic, behavioral, temporal, value, customer, segment, consent, event or
/// context.</param>
/// <param name="Options">The fields.</param>
public sealed record FieldGroup(string Label, string Kind, IReadOnlyList<FieldOption> Options);

/// <summary>A field, as react-querybuilder takes it.</summary>
/// <param name="Name">What rules call it.</param>
/// <param name="Label">What an editor shows.</param>
/// <param name="Description">What it holds, with units and ranges.</param>
/// <param name="Type">
/// What it holds: text, integer, decimal, boolean, date, instant, yearly, set, point, events, sequence, segment, or property (what the
/// event carries there).
/// </param>
/// <param name="InputType">The HTML input that suits it.</param>
/// <param name="Operators">The operators that it has.</param>
/// <param name="ValueEditorType">react-querybuilder's editor that suits it.</param>
/// <param name="Values">The only values it takes, or suggestions for an attribute; of <c>segment</c> the segments.</param>
/// <param name="ValueSources"><c>value</c>, and <c>field</c> where there is another field to compare it with.</param>
/// <param name="Comparator">The property that is the same in the fields it can be compared with.</param>
/// <param name="ComparableAs">number, text, boolean, date or instant.</param>
/// <param name="DefaultOperator">The operator for a new rule, where that is not the first.</param>
/// <param name="DefaultValue">The value for a new rule: of dates 30 days ago.</param>
/// <param name="MatchModes">The modes of <c>match</c>, for a field whose rules have one.</param>
/// <param name="Aggregates">The aggregates of <c>match</c>, each with the fields of which it can be.</param>
/// <param name="Subproperties">The fields of one event, for the rules in its value.</param>
/// <param name="Group">What it is one of inside its kind: <c>predicted</c>; missing for most.</param>
public sealed record FieldOption(
    string Name,
    string Label,
    string Type,
    string? InputType,
    IReadOnlyList<FieldOperator> Operators,
    string? ValueEditorType,
    IReadOnlyList<FieldOperator>? Values,
    string Description,
    IReadOnlyList<string> ValueSources,
    string? Comparator = null,
    string? ComparableAs = null,
    string? DefaultOperator = null,
    RelativeDate? DefaultValue = null,
    IReadOnlyList<FieldOperator>? MatchModes = null,
    IReadOnlyList<FieldAggregate>? Aggregates = null,
    IReadOnlyList<FieldOption>? Subproperties = null,
    string? Group = null)
{
    private static readonly RelativeDate ThirtyDaysAgo = new("relative", "now", -30, "day");

    private static readonly FieldOperator[] Modes = [.. EventRuleTerms.Modes.Select(m => new FieldOperator(m, LabelMode(m)))];

    /// <summary>The fields of customers, or of the context.</summary>
    internal static IReadOnlyList<FieldOption> List(
        IReadOnlyList<Field> fields, IReadOnlyList<SegmentDefinition> segments, IReadOnlyList<FieldOption> ofEvents)
    {
        var aggregates = ListAggregates();
        return
        [
            .. fields.Select(f => f.Type switch
            {
                FieldType.Segment => Create(f, fields) with
                {
                    ValueEditorType = "multiselect",
                    Values = [.. segments.Select(s => new FieldOperator(s.Key, s.Name))],
                },
                FieldType.Events => Create(f, fields) with { MatchModes = Modes, Aggregates = aggregates, Subproperties = ofEvents },
                FieldType.Sequence => Create(f, fields) with { Subproperties = ofEvents },
                _ => Create(f, fields),
            }),
        ];
    }

    /// <summary>The fields of an event.</summary>
    internal static IReadOnlyList<FieldOption> ListForEvents(IReadOnlyList<EventField> fields)
    {
        Field[] all = [.. fields.Select(f => f.Field)];
        return [.. fields.Select(f => f.Seen is { } seen ? Create(f.Field, all).Fit(seen) : Create(f.Field, all))];
    }

    private static FieldOption Create(Field field, IReadOnlyList<Field> all)
    {
        var isComparable = field.ComparableAs is { } kind && all.Any(f => f.Name != field.Name && f.ComparableAs == kind);
        var isOrdered = field.Type is FieldType.Integer or FieldType.Decimal or FieldType.Date or FieldType.Instant;
        var isDate = field.Type is FieldType.Date or FieldType.Instant or FieldType.Yearly;
        return new FieldOption(
            field.Name,
            field.Label,
            CaseNormalizer.Normalize(field.Type.ToString()),
            FindInputType(field.Type),
            [.. Rules.Catalog.Operators.ListFor(field).Select(o => new FieldOperator(o.Name, o.Label))],
            field.Values.Count > 0 ? FindListEditor(field.Type) : FindEditor(field.Type),
            field.Values.Count == 0 ? null : [.. field.Values.Select(v => new FieldOperator(v, v))],
            field.Description,
            isComparable ? ["value", "field"] : ["value"],
            isComparable ? "comparableAs" : null,
            isComparable ? field.ComparableAs : null,
            field.Check is not null ? "in" : isOrdered ? ">=" : null,
            isDate ? ThirtyDaysAgo : null,
            Group: field.Group);
    }

    // The type of a rule on a property is that of its value: the operators are those of the types that events have there.
    private FieldOption Fit(SeenProperty seen)
    {
        List<FieldType> types =
        [
            .. seen.HasTexts ? [FieldType.Text] : Array.Empty<FieldType>(),
            .. seen.HasNumbers ? [FieldType.Decimal] : Array.Empty<FieldType>(),
            .. seen.HasBooleans ? [FieldType.Boolean] : Array.Empty<FieldType>(),
        ];
        var allowed = types.SelectMany(Rules.Catalog.Operators.ListFor).Select(o => o.Name).ToHashSet();
        var only = types is [var one] ? one : FieldType.Text;
        return this with
        {
            Operators = [.. Operators.Where(o => allowed.Contains(o.Name))],
            InputType = FindInputType(only),
            ValueEditorType = FindEditor(only),
            DefaultOperator = only == FieldType.Decimal ? ">=" : null,
        };
    }

    private static FieldAggregate[] ListAggregates() =>
    [
        .. EventRuleTerms.Aggregates.Select(a => new FieldAggregate(a, LabelAggregate(a),
        [
            .. EventFields.Catalog.All.Where(f => EventRuleTerms.CanAggregate(a, f.Type)).Select(f => f.Name),
            .. EventRuleTerms.CanAggregate(a, FieldType.Property) ? ["properties.*"] : Array.Empty<string>(),
        ])),
    ];

    private static string? FindInputType(FieldType type) => type switch
    {
        FieldType.Integer or FieldType.Decimal => "number",
        FieldType.Date or FieldType.Yearly => "date",
        FieldType.Instant => "datetime-local",
        FieldType.Boolean => "checkbox",
        FieldType.Text or FieldType.Set or FieldType.Segment or FieldType.Property => "text",
        _ => null,
    };

    private static string? FindEditor(FieldType type) => type switch
    {
        FieldType.Boolean => "checkbox",
        FieldType.Point or FieldType.Events or FieldType.Sequence or FieldType.Property => null,
        _ => "text",
    };

    private static string FindListEditor(FieldType type) => type switch
    {
        FieldType.Boolean => "checkbox",
        FieldType.Set => "multiselect",
        _ => "select",
    };

    private static string LabelMode(string mode) => mode switch
    {
        "atLeast" => "at least",
        "atMost" => "at most",
        "moreThan" => "more than",
        "lessThan" => "fewer than",
        _ => mode,
    };

    private static string LabelAggregate(string aggregate) => aggregate switch
    {
        "sum" => "the sum",
        "avg" => "the average",
        "min" => "the least or first",
        "max" => "the greatest or last",
        "distinct" => "the number of different values",
        _ => "the number of different days",
    };
}

/// <summary>An operator, a mode or a value, as react-querybuilder takes it.</summary>
/// <param name="Name">What rules call it.</param>
/// <param name="Label">What an editor shows.</param>
public sealed record FieldOperator(string Name, string Label);

/// <summary>An aggregate of <c>match</c>.</summary>
/// <param name="Name">What <c>match.aggregate</c> calls it.</param>
/// <param name="Label">What an editor shows.</param>
/// <param name="Of">The fields of which it can be; <c>properties.*</c> is any property. Empty where it is of none.</param>
public sealed record FieldAggregate(string Name, string Label, IReadOnlyList<string> Of);

/// <summary>A date that depends on the time of evaluation.</summary>
/// <param name="Mode">relative.</param>
/// <param name="Anchor">now, or the start or end of the day, week, month or year.</param>
/// <param name="Offset">How many units after it; negative for before.</param>
/// <param name="Unit">minute, hour, day, week, month or year.</param>
public sealed record RelativeDate(string Mode, string Anchor, int Offset, string Unit);
