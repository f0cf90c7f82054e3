using System.Linq.Expressions;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Endpoints;

/// <summary>What rules may ask: the catalog, in the form that react-querybuilder takes.</summary>
[ApiController]
[Route("api/v1/fields")]
[Tags("Fields and attributes")]
[Produces("application/json")]
public sealed class FieldsController(SegmentationDb db, SegmentQuery query) : ControllerBase
{
    /// <summary>Values suggested at most.</summary>
    public const int MaxSuggestions = 50;

    /// <summary>All fields with their operators, as react-querybuilder's option groups.</summary>
    [HttpGet]
    [ProducesResponseType<IReadOnlyList<FieldGroup>>(StatusCodes.Status200OK)]
    public async Task<IReadOnlyList<FieldGroup>> List(CancellationToken cancellation)
    {
        var catalog = (await query.DefinitionsAsync(cancellation)).Catalog(Backend.Sql, historical: false);
        return
        [
            .. catalog.All.GroupBy(f => f.Kind).Select(g => new FieldGroup(char.ToUpperInvariant(g.Key[0]) + g.Key[1..], g.Key, [.. g.Select(FieldOption.From)])),
        ];
    }

    /// <summary>Suggests values of a text or set field that are seen in the data.</summary>
    /// <param name="name">A text or set field; <c>segment</c>; or <c>type</c>, an event's type.</param>
    /// <param name="prefix">How they begin, whatever the case.</param>
    [HttpGet("{name}/values")]
    [ProducesResponseType<FieldValues>(StatusCodes.Status200OK)]
    public async Task<FieldValues> Values(string name, string? prefix, CancellationToken cancellation)
    {
        var all = await query.DefinitionsAsync(cancellation);
        var begin = CaseNormalizer.Normalize(Paging.Text(prefix ?? "", "prefix"));
        if (name == "type")
        {
            return new FieldValues(await EventTypesAsync(begin, cancellation));
        }

        var field = all.Catalog(Backend.Sql, historical: false).Find(name) ?? throw ApiProblem.NotFound("field");
        if (field.Values.Count > 0 || field.Type == FieldType.Segment)
        {
            var known = field.Type == FieldType.Segment ? all.Segments.Keys.Order(StringComparer.Ordinal) : field.Values.AsEnumerable();
            return new FieldValues([.. known.Where(v => CaseNormalizer.Normalize(v).StartsWith(begin, StringComparison.Ordinal)).Take(MaxSuggestions)]);
        }

        var values = (field.Type, field.Access) switch
        {
            (FieldType.Text, ScalarAccess text) => db.Customers.Select(Sent<string?>(text.Value)),
            (FieldType.Set, SetAccess { Value.ReturnType: var type } set) when type == typeof(string[]) => db.Customers.SelectMany(Sent<IEnumerable<string?>>(set.Value)),
            (FieldType.Set, SetAccess) => db.Database.SqlQuery<string?>($"SELECT jsonb_array_elements_text(attributes -> {field.Name["attributes.".Length..]}) AS \"Value\" FROM customers WHERE jsonb_typeof(attributes -> {field.Name["attributes.".Length..]}) = 'array'"),
            _ => throw ApiProblem.Invalid("name", $"{field.Name} is a {CaseNormalizer.Normalize(field.Type.ToString())}; values are suggested for texts and sets."),
        };
        return new FieldValues((await values.Where(v => v != null && v.ToLower().StartsWith(begin)).Distinct().OrderBy(v => v).Take(MaxSuggestions).ToListAsync(cancellation))!);
    }

    // Few types stand in many rows: hop from each to the next in the index.
    private async Task<IReadOnlyList<string>> EventTypesAsync(string begin, CancellationToken cancellation)
    {
        List<string> types = [];
        string? last = null;
        while (types.Count < MaxSuggestions)
        {
            var next = last is null ? db.Events.Where(e => string.Compare(e.Type, begin) >= 0) : db.Events.Where(e => string.Compare(e.Type, last) > 0);
            last = await next.OrderBy(e => e.Type).Select(e => e.Type).FirstOrDefaultAsync(cancellation);
            if (last is null || !last.StartsWith(begin, StringComparison.Ordinal))
            {
                break;
            }

            types.Add(last);
        }

        return types;
    }

    // Rules read the folded twin; a person wants to see what was sent.
    private static Expression<Func<Customer, TValue>> Sent<TValue>(LambdaExpression value) =>
        Expression.Lambda<Func<Customer, TValue>>(new Unfold().Visit(value.Body), value.Parameters[0]);

    private sealed class Unfold : ExpressionVisitor
    {
        protected override Expression VisitMember(MemberExpression node) =>
            node.Member.Name.EndsWith("Folded", StringComparison.Ordinal) ? Expression.Property(Visit(node.Expression)!, node.Member.Name[..^"Folded".Length]) : base.VisitMember(node);
    }
}

/// <summary>The fields of a kind.</summary>
public sealed record FieldGroup(string Label, string Kind, IReadOnlyList<FieldOption> Options);

/// <summary>A field, as react-querybuilder takes it.</summary>
/// <param name="Type">What it holds: text, integer, decimal, boolean, date, instant, yearly, set, point, events, sequence, segment.</param>
/// <param name="InputType">The HTML input that suits it.</param>
/// <param name="ValueEditorType">react-querybuilder's editor that suits it.</param>
/// <param name="Values">The only values it takes, or suggestions for an attribute.</param>
/// <param name="MatchModes">Whether rules over it have <c>match</c>.</param>
/// <param name="Subproperties">The fields of one event, for rules within it.</param>
public sealed record FieldOption(
    string Name, string Label, string Type, string? InputType, IReadOnlyList<FieldOperator> Operators, string? ValueEditorType, IReadOnlyList<FieldOperator>? Values, string Description,
    bool? MatchModes = null, FieldOptions? Subproperties = null)
{
    internal static FieldOption From(Field field) => new(
        field.Name,
        field.Label,
        CaseNormalizer.Normalize(field.Type.ToString()),
        field.Type switch
        {
            FieldType.Integer or FieldType.Decimal => "number",
            FieldType.Date or FieldType.Yearly => "date",
            FieldType.Instant => "datetime-local",
            FieldType.Boolean => "checkbox",
            FieldType.Text or FieldType.Set or FieldType.Segment or FieldType.Property => "text",
            _ => null,
        },
        [.. Rules.Catalog.Operators.ListFor(field.Type).Select(o => new FieldOperator(o.Name, o.Label))],
        field.Type switch { FieldType.Boolean => "checkbox", _ when field.Values.Count > 0 => field.Type == FieldType.Set ? "multiselect" : "select", FieldType.Text or FieldType.Integer or FieldType.Decimal or FieldType.Date or FieldType.Instant or FieldType.Yearly or FieldType.Set or FieldType.Segment => "text", _ => null },
        field.Values.Count == 0 ? null : [.. field.Values.Select(v => new FieldOperator(v, v))],
        field.Description,
        field.Type == FieldType.Events ? true : null,
        field.Type is FieldType.Events or FieldType.Sequence ? new FieldOptions([.. EventFields.Catalog.All.Select(From)]) : null);
}

/// <summary>An operator or a value, as react-querybuilder takes it.</summary>
public sealed record FieldOperator(string Name, string Label);

public sealed record FieldOptions(IReadOnlyList<FieldOption> Fields);

/// <summary>Suggested values.</summary>
public sealed record FieldValues(IReadOnlyList<string> Values);
