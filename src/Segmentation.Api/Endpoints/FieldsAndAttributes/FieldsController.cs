using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Endpoints;

/// <summary>What rules may ask: the catalog, in the form that react-querybuilder takes.</summary>
[ApiController]
[Route("api/v1/fields")]
[Tags("Fields")]
[Produces("application/json")]
public sealed class FieldsController(SegmentQuery query, FieldSuggestions suggestions) : ControllerBase
{
    /// <summary>All fields with their operators, as react-querybuilder's option groups.</summary>
    [HttpGet]
    [ProducesResponseType<IReadOnlyList<FieldGroup>>(StatusCodes.Status200OK)]
    public async Task<IReadOnlyList<FieldGroup>> List(CancellationToken cancellation)
    {
        var catalog = (await query.DefinitionsAsync(cancellation)).Catalog(Backend.Sql, historical: false);
        return
        [
            .. catalog.All.GroupBy(f => f.Kind)
                .Select(g => new FieldGroup(char.ToUpperInvariant(g.Key[0]) + g.Key[1..], g.Key, [.. g.Select(FieldOption.From)])),
        ];
    }

    /// <summary>Suggests values of a text or set field that are seen in the data.</summary>
    /// <param name="name">A text or set field; <c>segment</c>; or <c>type</c>, an event's type.</param>
    /// <param name="prefix">How they begin, whatever the case.</param>
    [HttpGet("{name}/values")]
    [ProducesResponseType<FieldValues>(StatusCodes.Status200OK)]
    public async Task<FieldValues> Values(string name, string? prefix, CancellationToken cancellation) =>
        new(await suggestions.ReadAsync(name, Paging.Text(prefix ?? "", "prefix"), cancellation));
}

/// <summary>The fields of a kind, as one of react-querybuilder's option groups.</summary>
/// <param name="Label">What an editor shows.</param>
/// <param name="Kind">demographic, geographic, psychographic, behavioral, temporal, value, customer, consent or segment.</param>
/// <param name="Options">The fields.</param>
public sealed record FieldGroup(string Label, string Kind, IReadOnlyList<FieldOption> Options);

/// <summary>A field, as react-querybuilder takes it.</summary>
/// <param name="Name">What rules call it.</param>
/// <param name="Label">What an editor shows.</param>
/// <param name="Operators">The operators that it has.</param>
/// <param name="Description">What it holds, with units and ranges.</param>
/// <param name="Type">What it holds: text, integer, decimal, boolean, date, instant, yearly, set, point, events, sequence, segment.</param>
/// <param name="InputType">The HTML input that suits it.</param>
/// <param name="ValueEditorType">react-querybuilder's editor that suits it.</param>
/// <param name="Values">The only values it takes, or suggestions for an attribute.</param>
/// <param name="MatchModes">Whether rules over it have <c>match</c>.</param>
/// <param name="Subproperties">The fields of one event, for rules within it.</param>
public sealed record FieldOption(
    string Name,
    string Label,
    string Type,
    string? InputType,
    IReadOnlyList<FieldOperator> Operators,
    string? ValueEditorType,
    IReadOnlyList<FieldOperator>? Values,
    string Description,
    bool? MatchModes = null,
    FieldOptions? Subproperties = null)
{
    internal static FieldOption From(Field field) => new(
        field.Name,
        field.Label,
        CaseNormalizer.Normalize(field.Type.ToString()),
        FindInputType(field.Type),
        [.. Rules.Catalog.Operators.ListFor(field.Type).Select(o => new FieldOperator(o.Name, o.Label))],
        field.Values.Count > 0 ? FindListEditor(field.Type) : FindEditor(field.Type),
        field.Values.Count == 0 ? null : [.. field.Values.Select(v => new FieldOperator(v, v))],
        field.Description,
        field.Type == FieldType.Events ? true : null,
        field.Type is FieldType.Events or FieldType.Sequence ? new FieldOptions([.. EventFields.Catalog.All.Select(From)]) : null);

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
}

/// <summary>An operator or a value, as react-querybuilder takes it.</summary>
/// <param name="Name">What rules call it.</param>
/// <param name="Label">What an editor shows.</param>
public sealed record FieldOperator(string Name, string Label);

/// <summary>The fields of one event.</summary>
/// <param name="Fields">The fields.</param>
public sealed record FieldOptions(IReadOnlyList<FieldOption> Fields);

/// <summary>Suggested values.</summary>
/// <param name="Values">Values that are seen in the data.</param>
public sealed record FieldValues(IReadOnlyList<string> Values);
