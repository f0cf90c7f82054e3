using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Backends.Sql;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Segments;

/// <summary>Suggests values of a field, for editors of rules.</summary>
public sealed class FieldSuggestions(
    SegmentationDb db, SegmentQuery query, FieldDirectory directory, EventSuggestions events, TimeProvider time)
{
    /// <summary>Values suggested at most.</summary>
    public const int MaxItems = 50;

    private static readonly string[] EventPrefixes = ["behavioral.events.", "behavioral.sequence."];

    /// <summary>Values of a field that begin with a text, as rules compare texts; in order.</summary>
    /// <param name="name">
    /// A field; one of events after <c>behavioral.events.</c>; <c>consent</c> for its purposes; or <c>type</c>, an event's type.
    /// </param>
    /// <exception cref="ApiProblem">404: there is no such field; 400: it has no values to list.</exception>
    public async Task<FieldValues> ReadAsync(string name, string prefix, CancellationToken cancellation)
    {
        prefix = CaseNormalizer.Normalize(prefix);
        if (name == "type" || Array.Find(EventPrefixes, p => name.StartsWith(p, StringComparison.Ordinal)) is { } all)
        {
            var inner = name == "type" ? name : name[(name.IndexOf('.', "behavioral.".Length) + 1)..];
            return await events.ReadAsync(EventFields.Catalog.Find(inner) ?? throw ApiProblem.NotFound("field"), prefix, cancellation);
        }

        if (name == "consent")
        {
            return Filter(await directory.ListPurposesAsync(cancellation), prefix);
        }

        var definitions = await query.DefinitionsAsync(cancellation);
        var field = definitions.Catalog(Backend.Sql, historical: false).Find(name) ?? throw ApiProblem.NotFound(
            EventFields.Catalog.Find(name) is null ? "field" : $"field of customers; of events it is {EventPrefixes[0]}{name}");
        return field switch
        {
            { Type: FieldType.Segment } => SuggestSegments(definitions, prefix),
            { Type: FieldType.Boolean } => Filter(["true", "false"], prefix),
            { Range: { } range } => new FieldValues([], range.Least, range.Greatest),
            { Type: FieldType.Integer or FieldType.Decimal or FieldType.Date or FieldType.Instant } =>
                await ReadRangeAsync(field, cancellation),
            { Values.Count: > 0 } => Filter(field.Values, prefix),
            { Type: FieldType.Text } => new FieldValues(await ReadTextsAsync((ScalarAccess)field.Access, prefix, cancellation)),
            { Type: FieldType.Set } => new FieldValues(await ReadSetAsync(field, prefix, cancellation)),
            _ => throw ApiProblem.Invalid("name", $"{field.Name} has no values to list."),
        };
    }

    /// <summary>Those that begin with a text.</summary>
    /// <param name="prefix">Normalized.</param>
    internal static FieldValues Filter(IEnumerable<string> values, string prefix) =>
        new([.. values.Where(v => StartsWith(v, prefix)).Take(MaxItems)]);

    private static bool StartsWith(string text, string prefix) =>
        CaseNormalizer.Normalize(text).StartsWith(prefix, StringComparison.Ordinal);

    private static FieldValues SuggestSegments(DefinitionSet all, string prefix)
    {
        var found = all.Segments.Values.Where(s => StartsWith(s.Key, prefix) || StartsWith(s.Name, prefix))
            .OrderBy(s => s.Key, StringComparer.Ordinal).Take(MaxItems).ToList();
        return new FieldValues([.. found.Select(s => s.Key)], Labels: found.ToDictionary(s => s.Key, s => s.Name));
    }

    // One spelling of each text that rules tell apart.
    private async Task<IReadOnlyList<string>> ReadTextsAsync(ScalarAccess text, string prefix, CancellationToken cancellation)
    {
        var customer = text.Value.Parameters[0];
        var spelling = Expression.MemberInit(
            Expression.New(typeof(Spelling)),
            Expression.Bind(typeof(Spelling).GetProperty(nameof(Spelling.Folded))!, text.Value.Body),
            Expression.Bind(typeof(Spelling).GetProperty(nameof(Spelling.Original))!, new Unfold().Visit(text.Value.Body)));
        return await db.Customers.Select(Expression.Lambda<Func<Customer, Spelling>>(spelling, customer))
            .Where(s => s.Folded != null && s.Folded.StartsWith(prefix))
            .GroupBy(s => s.Folded).OrderBy(g => g.Key).Select(g => g.Max(s => s.Original)!)
            .Take(MaxItems).ToListAsync(cancellation);
    }

    private async Task<IReadOnlyList<string>> ReadSetAsync(Field field, string prefix, CancellationToken cancellation)
    {
        if (((SetAccess)field.Access).Value.Body is not MemberExpression { Expression: MemberExpression part } folded)
        {
            var name = field.Name["attributes.".Length..];
            return await db.Database.SqlQuery<string>(
                $"""
                SELECT max(item.original) AS "Value" FROM customers, ROWS FROM (
                    jsonb_array_elements_text(attributes -> {name}), jsonb_array_elements_text(attributes_folded -> {name})
                ) AS item (original, folded)
                WHERE jsonb_typeof(attributes -> {name}) = 'array' AND starts_with(item.folded, {prefix})
                GROUP BY item.folded ORDER BY item.folded LIMIT {MaxItems}
                """).ToListAsync(cancellation);
        }

        // The names of columns are the model's own.
        string Column(string member) => db.Model.FindEntityType(typeof(Customer))!.FindComplexProperty(part.Member.Name)!.ComplexType
            .FindProperty(member)!.GetColumnName();
        var (original, twin) = (Column(folded.Member.Name[..^Unfold.Suffix.Length]), Column(folded.Member.Name));
        var sql =
            $$"""
            SELECT max(item.original) AS "Value" FROM customers, unnest({{original}}, {{twin}}) AS item (original, folded)
            WHERE starts_with(item.folded, {0}) GROUP BY item.folded ORDER BY item.folded LIMIT {1}
            """;
        return await db.Database.SqlQueryRaw<string>(sql, prefix, MaxItems).ToListAsync(cancellation);
    }

    private Task<FieldValues> ReadRangeAsync(Field field, CancellationToken cancellation)
    {
        var value = field.Access is OrderedAccess ordered ? ordered.Value : ((ScalarAccess)field.Access).Value;
        var now = new Evaluation(time.GetUtcNow(), TimeZones.Default);
        var body = new QueryBinder(value.Parameters[1], now, db.Rows).Visit(value.Body);
        return (Nullable.GetUnderlyingType(body.Type) ?? body.Type) switch
        {
            var t when t == typeof(int) => ReadRangeAsync<int>(body, value.Parameters[0], cancellation),
            var t when t == typeof(decimal) => ReadRangeAsync<decimal>(body, value.Parameters[0], cancellation),
            var t when t == typeof(DateOnly) => ReadRangeAsync<DateOnly>(body, value.Parameters[0], cancellation),
            _ => ReadRangeAsync<DateTimeOffset>(body, value.Parameters[0], cancellation),
        };
    }

    private async Task<FieldValues> ReadRangeAsync<TValue>(
        Expression body, ParameterExpression customer, CancellationToken cancellation)
        where TValue : struct
    {
        var value = Expression.Lambda<Func<Customer, TValue?>>(Expression.Convert(body, typeof(TValue?)), customer);
        var values = db.Customers.Select(value);
        return new FieldValues([], await values.MinAsync(cancellation), await values.MaxAsync(cancellation));
    }

    private sealed class Spelling
    {
        public string? Folded { get; init; }
        public string? Original { get; init; }
    }
}

/// <summary>Values that a field has.</summary>
/// <param name="Values">Texts to choose from, 50 at most; none for numbers and dates.</param>
/// <param name="Min">The least value of a number or a date; missing where there is none.</param>
/// <param name="Max">The greatest.</param>
/// <param name="Labels">Names to show, by value: of segments by key.</param>
public sealed record FieldValues(
    IReadOnlyList<string> Values, object? Min = null, object? Max = null, IReadOnlyDictionary<string, string>? Labels = null);
