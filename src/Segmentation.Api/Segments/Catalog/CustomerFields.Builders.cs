using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Rules;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Events;
using Segmentation.Rules.Expressions;
using static Segmentation.Rules.Catalog.FieldType;

namespace Segmentation.Api.Segments;

/// <summary>What the table is written with.</summary>
public sealed partial class CustomerFields
{
    // consent.PURPOSE exists for every purpose; no record is no consent.
    private static Field? Consent(string name, IReadOnlyDictionary<string, int> expiries)
    {
        const string prefix = DefinitionSet.ConsentPrefix;
        if (!name.StartsWith(prefix, StringComparison.Ordinal) || !CustomerNames.IsValid(name[prefix.Length..]))
        {
            return null;
        }

        var purpose = name[prefix.Length..];
        return new Field(
            name, Kind(name), FieldType.Boolean, $"Consent to {purpose}", "The standing consent; no record is no consent.",
            new ScalarAccess(SegmentGate.Granted(purpose, expiries.TryGetValue(purpose, out var days) ? days : null)));
    }

    /// <summary>
    /// A registered attribute behaves as a built-in field of its type. Its name is a constant in SQL, so that an
    /// expression index can serve it.
    /// </summary>
    private static Field Attribute(CustomerAttribute attribute)
    {
        var type = Enum.Parse<FieldType>(attribute.Type, ignoreCase: true);
        var name = Expression.Constant(attribute.Name);
        FieldAccess access = type switch
        {
            Text => new ScalarAccess(Read((d, n) => JsonValue.Text(d, n))),
            FieldType.Boolean => new ScalarAccess(Read((d, n) => JsonValue.Boolean(d, n))),
            Date => new ScalarAccess(Read((d, n) => JsonValue.Date(d, n))),
            Instant => new ScalarAccess(Read((d, n) => JsonValue.Instant(d, n))),
            FieldType.Set => new SetAccess(
                ReadSet((d, n, v) => JsonValue.HasAll(d, n, v)),
                ReadSet((d, n, v) => JsonValue.HasAny(d, n, v)),
                Read((d, n) => JsonValue.IsEmpty(d, n)),
                Read((d, n) => JsonValue.Set(d, n))),
            _ => new ScalarAccess(Read((d, n) => JsonValue.Number(d, n))),
        };
        var label = attribute.Label ?? attribute.Name;
        var description = attribute.Description ?? "Registered attribute.";
        return new Field($"attributes.{attribute.Name}", attribute.Kind, type, label, description, access) { Values = attribute.Values };

        LambdaExpression Read<TValue>(Expression<Func<JsonElement?, string, TValue>> read)
        {
            var (c, x) = (Expression.Parameter(typeof(Customer), "c"), Expression.Parameter(typeof(Evaluation), "x"));
            return Expression.Lambda(Splice.Body(read, Expression.Property(c, nameof(Customer.AttributesFolded)), name), c, x);
        }

        LambdaExpression ReadSet(Expression<Func<JsonElement?, string, string[], bool>> read)
        {
            var c = Expression.Parameter(typeof(Customer), "c");
            var x = Expression.Parameter(typeof(Evaluation), "x");
            var v = Expression.Parameter(typeof(string[]), "v");
            return Expression.Lambda(Splice.Body(read, Expression.Property(c, nameof(Customer.AttributesFolded)), name, v), c, x, v);
        }
    }

    private static Field Field<TValue>(
        string name, FieldType type, string label, string description, Expression<Func<Customer, Evaluation, TValue>> value) =>
            new(name, Kind(name), type, label, description, new ScalarAccess(value));

    // For integers, "more than n" is "at least n + 1".
    private static Field Ordered<TValue>(
        string name,
        FieldType type,
        string label,
        string description,
        Expression<Func<Customer, Evaluation, TValue>> value,
        Expression<Func<Customer, Evaluation, bool>> missing,
        Expression<Func<Customer, Evaluation, decimal, bool>> atLeast,
        Expression<Func<Customer, Evaluation, decimal, bool>> below,
        Expression<Func<Customer, Evaluation, decimal, bool>>? above = null,
        Expression<Func<Customer, Evaluation, decimal, bool>>? atMost = null) =>
        new(
            name,
            Kind(name),
            type,
            label,
            description,
            new OrderedAccess(value, missing, atLeast, below, above ?? Next(atLeast), atMost ?? Next(below)));

    private static Expression<Func<Customer, Evaluation, decimal, bool>> Next(Expression<Func<Customer, Evaluation, decimal, bool>> test)
    {
        var (c, x, n) = (test.Parameters[0], test.Parameters[1], test.Parameters[2]);
        return Expression.Lambda<Func<Customer, Evaluation, decimal, bool>>(
            Splice.Body(test, c, x, Expression.Add(n, Expression.Constant(1m))), c, x, n);
    }

    private static Field Set(string name, string label, Expression<Func<Customer, Evaluation, string[]>> set)
    {
        var (c, x, v) = (set.Parameters[0], set.Parameters[1], Expression.Parameter(typeof(string[]), "v"));
        LambdaExpression Test(Expression<Func<string[], string[], bool>> test) =>
            Expression.Lambda(Splice.Body(test, set.Body, v), c, x, v);
        Expression<Func<string[], bool>> empty = s => s.Length == 0;
        return new Field(name, Kind(name), FieldType.Set, label, "A set of texts.", new SetAccess(
            Test((s, values) => values.All(value => s.Contains(value))),
            Test((s, values) => values.Any(value => s.Contains(value))),
            Expression.Lambda(Splice.Body(empty, set.Body), c, x),
            set));
    }

    private static Field Day<TDate>(
        string name,
        string label,
        string description,
        Expression<Func<Customer, Evaluation, int?>> monthDay,
        Expression<Func<Customer, Evaluation, TDate>> date) =>
        new(name, Kind(name), Yearly, label, description, new YearlyAccess(monthDay, date));

    private static Field Location(
        string name,
        string label,
        string description,
        Expression<Func<Customer, Evaluation, double?>> latitude,
        Expression<Func<Customer, Evaluation, double?>> longitude) =>
        new(name, Kind(name), Point, label, description, new PointAccess(latitude, longitude));

    private static Field Membership(
        string name,
        string label,
        string description,
        Expression<Func<Customer, Evaluation, int, bool>> manual,
        Expression<Func<Customer, Evaluation, int, bool>> stored) =>
        new(name, Kind(name), FieldType.Segment, label, description, new SegmentAccess(manual, stored));

    private static EventAccess<Customer, CustomerEvent> EventAccess(Backend backend, bool historical)
    {
        var catalog = backend == Backend.Memory ? EventFields.Loaded : EventFields.Catalog;
        return new(catalog, c => c.Events, e => e.CustomerKey, c => c.Key, e => e.OccurredAt, backend, historical);
    }

    private static string Kind(string name) => name.Split('.')[0];

    private static LambdaExpression With<TValue>(string literal, Expression<Func<Customer, string, TValue>> read)
    {
        var x = Expression.Parameter(typeof(Evaluation), "x");
        return Expression.Lambda(Splice.Body(read, read.Parameters[0], Literal<string>.Create(literal)), read.Parameters[0], x);
    }

    private static Expression<Func<Customer, Evaluation, TValue>> Combine<TA, TB, TValue>(
        Expression<Func<Customer, Evaluation, TA>> a,
        Expression<Func<Customer, Evaluation, TB>> b,
        Expression<Func<TA, TB, TValue>> join) =>
        Expression.Lambda<Func<Customer, Evaluation, TValue>>(
            Splice.Body(join, a.Body, Splice.Body(b, a.Parameters[0], a.Parameters[1])), a.Parameters);

    private static Expression<Func<Customer, Evaluation, decimal, bool>> Combine(
        Expression<Func<Customer, Evaluation, decimal>> a,
        Expression<Func<Customer, Evaluation, int>> b,
        Expression<Func<decimal, int, decimal, bool>> join) =>
        Expression.Lambda<Func<Customer, Evaluation, decimal, bool>>(
            Splice.Body(join, a.Body, Splice.Body(b, a.Parameters[0], a.Parameters[1]), join.Parameters[2]),
            [.. a.Parameters, join.Parameters[2]]);

    private static Expression<Func<Customer, Evaluation, TValue>> Combine<TA, TValue>(
        Expression<Func<Customer, Evaluation, TA>> a, Expression<Func<TA, Evaluation, TValue>> join) =>
            Expression.Lambda<Func<Customer, Evaluation, TValue>>(Splice.Body(join, a.Body, a.Parameters[1]), a.Parameters);

    private static Expression<Func<Customer, Evaluation, decimal, bool>> Combine<TA>(
        Expression<Func<Customer, Evaluation, TA>> a, Expression<Func<TA, Evaluation, decimal, bool>> join) =>
            Expression.Lambda<Func<Customer, Evaluation, decimal, bool>>(
                Splice.Body(join, a.Body, a.Parameters[1], join.Parameters[2]), [.. a.Parameters, join.Parameters[2]]);
}
