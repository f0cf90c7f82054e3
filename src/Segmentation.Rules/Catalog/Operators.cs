using System.Linq.Expressions;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;
using static Segmentation.Rules.Catalog.FieldType;

namespace Segmentation.Rules.Catalog;

/// <summary>THE operator table: what there is, on what, and what it means.</summary>
public static class Operators
{
    private static readonly FieldType[] Ordered = [Integer, FieldType.Decimal, Date, Instant];
    private static readonly FieldType[] Comparable = [Text, FieldType.Boolean, .. Ordered];
    private static readonly FieldType[] Listable = [Text, .. Ordered];

    /// <summary>Every operator with its complement. Some names stand for several operators, on different types.</summary>
    public static readonly IReadOnlyList<Operator> All =
    [
        new("=", "is", "!=", "is not", Arity.One, Comparable)
        {
            Holds = (x, v) => x.Equal(v.One),
            Fails = (x, v) => Or(x.Missing, x.Differs(v.One)),
        },
        new("<", "is less than", null, "is not less than", Arity.One, Ordered)
        {
            Holds = (x, v) => x.Below(v.One),
            Fails = (x, v) => Or(x.Missing, x.AtLeast(v.One)),
        },
        new("<=", "is at most", null, "is not at most", Arity.One, Ordered)
        {
            Holds = (x, v) => x.AtMost(v.One),
            Fails = (x, v) => Or(x.Missing, x.Above(v.One)),
        },
        new(">", "is more than", null, "is not more than", Arity.One, Ordered)
        {
            Holds = (x, v) => x.Above(v.One),
            Fails = (x, v) => Or(x.Missing, x.AtMost(v.One)),
        },
        new(">=", "is at least", null, "is not at least", Arity.One, Ordered)
        {
            Holds = (x, v) => x.AtLeast(v.One),
            Fails = (x, v) => Or(x.Missing, x.Below(v.One)),
        },
        new("between", "is between", "notBetween", "is not between", Arity.Range, Ordered)
        {
            Holds = (x, v) => And(x.AtLeast(v.Low), x.AtMost(v.High)),
            Fails = (x, v) => Or(x.Missing, x.Below(v.Low), x.Above(v.High)),
        },
        new("in", "is one of", "notIn", "is none of", Arity.List, Listable)
        {
            Holds = (x, v) => x.OneOf(v.Many),
            Fails = (x, v) => Or(x.Missing, x.NoneOf(v.Many)),
        },
        new("contains", "contains", "doesNotContain", "does not contain", Arity.One, Text)
        {
            Holds = (x, v) => Matches(x, v, (t, part) => t.Contains(part)),
            Fails = (x, v) => Differs(x, v, (t, part) => !t.Contains(part)),
        },
        new("beginsWith", "begins with", "doesNotBeginWith", "does not begin with", Arity.One, Text)
        {
            Holds = (x, v) => Matches(x, v, (t, part) => t.StartsWith(part)),
            Fails = (x, v) => Differs(x, v, (t, part) => !t.StartsWith(part)),
        },
        new("endsWith", "ends with", "doesNotEndWith", "does not end with", Arity.One, Text)
        {
            Holds = (x, v) => Matches(x, v, (t, part) => t.EndsWith(part)),
            Fails = (x, v) => Differs(x, v, (t, part) => !t.EndsWith(part)),
        },
        new("=", "is on", "!=", "is not on", Arity.One, Yearly)
        {
            Holds = (x, v) => AsYearly(x).Within(v.Window),
            Fails = (x, v) => Or(x.Missing, AsYearly(x).Outside(v.Window)),
        },
        new("between", "is between", "notBetween", "is not between", Arity.Range, Yearly)
        {
            Holds = (x, v) => AsYearly(x).Within(v.Window),
            Fails = (x, v) => Or(x.Missing, AsYearly(x).Outside(v.Window)),
        },
        new("contains", "has", "doesNotContain", "does not have", Arity.List, Set)
        {
            Holds = (x, v) => AsSet(x).HasAll(v.Many),
            Fails = (x, v) => Expression.Not(AsSet(x).HasAll(v.Many)),
        },
        new("in", "has any of", "notIn", "has none of", Arity.List, Set)
        {
            Holds = (x, v) => AsSet(x).HasAny(v.Many),
            Fails = (x, v) => Expression.Not(AsSet(x).HasAny(v.Many)),
        },
        new("within", "is within", "notWithin", "is not within", Arity.One, Point)
        {
            Holds = (x, v) => ((PointComparand)x).Within(v.Area),
            Fails = (x, v) => Expression.Not(((PointComparand)x).Within(v.Area)),
        },
        new("null", "is missing", "notNull", "is known", Arity.None, [.. Comparable, Yearly, Set, Property])
        {
            Holds = (x, _) => x.Missing,
            Fails = (x, _) => x.Present,
        },
        new("=", "is", "!=", "is not", Arity.One, FieldType.Events, Sequence),
        new("in", "is in any of", "notIn", "is in none of", Arity.List, Segment),
    ];

    private static readonly ILookup<FieldType, NamedOperator> ByType = All
        .SelectMany(o => o.Types.Select(t => (Type: t, Operator: o)))
        .SelectMany(o => Named(o.Operator).Select(named => (o.Type, Named: named)))
        .ToLookup(o => o.Type, o => o.Named);

    /// <summary>
    /// The operators of a type with their complements, in the table's order. A property has those of strings and numbers: each item's value
    /// decides which apply.
    /// </summary>
    public static IEnumerable<(string Name, string Label, Arity Arity)> ListFor(FieldType type)
    {
        IEnumerable<NamedOperator> named = type == Property
            ? ByType[Text].Concat(ByType[FieldType.Decimal]).Concat(ByType[Property])
            : ByType[type];
        return named.Select(o => (o.Name, o.Label, o.Operator.Arity)).DistinctBy(o => o.Name);
    }

    /// <summary>The operator of that name on that type, and whether the name is its complement's; null where there is none.</summary>
    internal static (Operator Operator, bool Negative)? Find(FieldType type, string name) =>
        ByType[type].FirstOrDefault(o => o.Name == name) is { } found ? (found.Operator, found.Negative) : null;

    private static IEnumerable<NamedOperator> Named(Operator o)
    {
        yield return new(o.Name, o.Label, o, Negative: false);
        if (o.Negative is not null)
        {
            yield return new(o.Negative, o.NegativeLabel, o, Negative: true);
        }
    }

    private static Expression Matches(Comparand x, Operands v, Expression<Func<string, string, bool>> test) =>
        ((ScalarComparand)x).Text(test, v.One);

    private static Expression Differs(Comparand x, Operands v, Expression<Func<string, string, bool>> complement) =>
        Or(x.Missing, ((ScalarComparand)x).Text(complement, v.One));

    private static SetComparand AsSet(Comparand x) => (SetComparand)x;

    private static YearlyComparand AsYearly(Comparand x) => (YearlyComparand)x;

    private static Expression And(params ReadOnlySpan<Expression> all) => Splice.And(all);

    private static Expression Or(params ReadOnlySpan<Expression> any) => Splice.Or(any);

    private sealed record NamedOperator(string Name, string Label, Operator Operator, bool Negative);
}
