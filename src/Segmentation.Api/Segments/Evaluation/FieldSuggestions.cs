using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Segments;

/// <summary>Suggests values of a field, for editors of rules.</summary>
public sealed class FieldSuggestions(SegmentationDb db, SegmentQuery query)
{
    /// <summary>Values suggested at most.</summary>
    public const int MaxItems = 50;

    /// <summary>Values of a field that begin with a text, whatever the case; in order.</summary>
    /// <param name="name">A text or set field; <c>segment</c>; or <c>type</c>, an event's type.</param>
    /// <exception cref="ApiProblem">404: there is no such field; 400: it is of another type.</exception>
    public async Task<IReadOnlyList<string>> ReadAsync(string name, string prefix, CancellationToken cancellation)
    {
        prefix = CaseNormalizer.Normalize(prefix);
        if (name == "type")
        {
            return await ReadEventTypesAsync(prefix, cancellation);
        }

        var all = await query.DefinitionsAsync(cancellation);
        var field = all.Catalog(Backend.Sql, historical: false).Find(name) ?? throw ApiProblem.NotFound("field");
        if (field.Type == FieldType.Segment)
        {
            return Filter(all.Segments.Keys.Order(StringComparer.Ordinal), prefix);
        }

        return field.Values.Count > 0 ? Filter(field.Values, prefix) : await ReadCustomersAsync(field, prefix, cancellation);
    }

    private static IReadOnlyList<string> Filter(IEnumerable<string> values, string prefix) =>
        [.. values.Where(v => CaseNormalizer.Normalize(v).StartsWith(prefix, StringComparison.Ordinal)).Take(MaxItems)];

    private async Task<IReadOnlyList<string>> ReadCustomersAsync(Field field, string prefix, CancellationToken cancellation)
    {
        var values = (field.Type, field.Access) switch
        {
            (FieldType.Text, ScalarAccess text) => db.Customers.Select(Original<string?>(text.Value)),
            (FieldType.Set, SetAccess set) when set.Value.ReturnType == typeof(string[]) =>
                db.Customers.SelectMany(Original<IEnumerable<string?>>(set.Value)),
            (FieldType.Set, SetAccess) => ReadAttribute(field.Name["attributes.".Length..]),
            _ => throw ApiProblem.Invalid(
                "name", $"{field.Name} is a {CaseNormalizer.Normalize(field.Type.ToString())}; values are suggested for texts and sets."),
        };
        return (await values.Where(v => v != null && v.ToLower().StartsWith(prefix)).Distinct().OrderBy(v => v).Take(MaxItems)
            .ToListAsync(cancellation))!;
    }

    private IQueryable<string?> ReadAttribute(string name) => db.Database.SqlQuery<string?>(
        $"""
        SELECT jsonb_array_elements_text(attributes -> {name}) AS "Value" FROM customers
        WHERE jsonb_typeof(attributes -> {name}) = 'array'
        """);

    // There are few types in many rows: hop from each to the next in the index.
    private async Task<IReadOnlyList<string>> ReadEventTypesAsync(string prefix, CancellationToken cancellation)
    {
        List<string> types = [];
        string? last = null;
        while (types.Count < MaxItems)
        {
            var next = last is null
                ? db.Events.Where(e => string.Compare(e.Type, prefix) >= 0)
                : db.Events.Where(e => string.Compare(e.Type, last) > 0);
            last = await next.OrderBy(e => e.Type).Select(e => e.Type).FirstOrDefaultAsync(cancellation);
            if (last is null || !last.StartsWith(prefix, StringComparison.Ordinal))
            {
                break;
            }

            types.Add(last);
        }

        return types;
    }

    // Rules read the case-folded value; people want to see the original.
    private static Expression<Func<Customer, TValue>> Original<TValue>(LambdaExpression value) =>
        Expression.Lambda<Func<Customer, TValue>>(new Unfold().Visit(value.Body), value.Parameters[0]);

    private sealed class Unfold : ExpressionVisitor
    {
        private const string Suffix = "Folded";

        protected override Expression VisitMember(MemberExpression node) => node.Member.Name.EndsWith(Suffix, StringComparison.Ordinal)
            ? Expression.Property(Visit(node.Expression)!, node.Member.Name[..^Suffix.Length])
            : base.VisitMember(node);
    }
}
