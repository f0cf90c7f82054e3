using System.Linq.Expressions;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;
using static Segmentation.Rules.Catalog.FieldType;

namespace Segmentation.Rules.Catalog;

/// <summary>THE operator table: what there is, on what, and what it means.</summary>
public static class Operators
{
    private static readonly FieldType[] Numbers = [Integer, FieldType.Decimal];
    private static readonly FieldType[] Dates = [Date, Instant];
    private static readonly FieldType[] Ordered = [.. Numbers, .. Dates];
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
        .. Compare("<", "is less than", "is before", (x, v) => x.Below(v), (x, v) => x.AtLeast(v)),
        .. Compare("<=", "is at most", "is on or before", (x, v) => x.AtMost(v), (x, v) => x.Above(v)),
        .. Compare(">", "is more than", "is after", (x, v) => x.Above(v), (x, v) => x.AtMost(v)),
        .. Compare(">=", "is at least", "is on or after", (x, v) => x.AtLeast(v), (x, v) => x.Below(v)),
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
            KeepsBlanks = true,
            Holds = (x, v) => Matches(x, v, (t, part) => t.Contains(part)),
            Fails = (x, v) => Differs(x, v, (t, part) => !t.Contains(part)),
        },
        new("beginsWith", "begins with", "doesNotBeginWith", "does not begin with", Arity.One, Text)
        {
            KeepsBlanks = true,
            Holds = (x, v) => Matches(x, v, (t, part) => t.StartsWith(part)),
            Fails = (x, v) => Differs(x, v, (t, part) => !t.StartsWith(part)),
        },
        new("endsWith", "ends with", "doesNotEndWith", "does not end with", Arity.One, Text)
        {
            KeepsBlanks = true,
            Holds = (x, v) => Matches(x, v, (t, part) => t.EndsWith(part)),
            Fails = (x, v) => Differs(x, v, (t, part) => !t.EndsWith(part)),
        },
        new("=", "is", "!=", "is not", Arity.One, Yearly)
        {
            Holds = (x, v) => AsYearly(x).Within(v.Window),
            Fails = (x, v) => Or(x.Missing, AsYearly(x).Outside(v.Window)),
        },
        new("between", "is between", "notBetween", "is not between", Arity.Range, Yearly)
        {
            Holds = (x, v) => AsYearly(x).Within(v.Window),
            Fails = (x, v) => Or(x.Missing, AsYearly(x).Outside(v.Window)),
        },
        new("contains", "include", "doesNotContain", "do not include", Arity.OneOrMany, Set)
        {
            Holds = (x, v) => AsSet(x).HasAll(v.Many),
            Fails = (x, v) => Expression.Not(AsSet(x).HasAll(v.Many)),
        },
        new("in", "include any of", "notIn", "include none of", Arity.List, Set)
        {
            Holds = (x, v) => AsSet(x).HasAny(v.Many),
            Fails = (x, v) => Expression.Not(AsSet(x).HasAny(v.Many)),
        },
        new("within", "is within", "notWithin", "is not within", Arity.One, Point)
        {
            Holds = (x, v) => ((PointComparand)x).Within(v.Area),
            Fails = (x, v) => Expression.Not(((PointComparand)x).Within(v.Area)),
        },
        new("null", "is missing", "notNull", "is known", Arity.None, [.. Comparable, Yearly, Property])
        {
            Holds = (x, _) => x.Missing,
            Fails = (x, _) => x.Present,
        },
        new("null", "are missing", "notNull", "are known", Arity.None, Set)
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

    // All that make sense where only listed values are taken.
    private static readonly string[] OfClosedLists = ["=", "!=", "in", "notIn", "null", "notNull"];

    /// <summary>The operators of a field: those of its type, and of a closed list those alone that ask for whole values.</summary>
    public static IEnumerable<(string Name, string Label, Arity Arity)> ListFor(Field field) =>
        ListFor(field.Type).Where(o => field.Check is null || OfClosedLists.Contains(o.Name));

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

    // The same test of numbers and of dates, which English has different words for.
    private static Operator[] Compare(
        string name,
        string label,
        string dateLabel,
        Func<Comparand, Operand, Expression> holds,
        Func<Comparand, Operand, Expression> fails)
    {
        Operator Create(string words, FieldType[] types) => new(name, words, null, null, Arity.One, types)
        {
            Holds = (x, v) => holds(x, v.One),
            Fails = (x, v) => Or(x.Missing, fails(x, v.One)),
        };
        return [Create(label, Numbers), Create(dateLabel, Dates)];
    }

    private static IEnumerable<NamedOperator> Named(Operator o)
    {
        yield return new(o.Name, o.Label, o, Negative: false);
        if (o.Negative is not null)
        {
            yield return new(o.Negative, o.NegativeLabel!, o, Negative: true);
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
