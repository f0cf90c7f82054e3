using System.Linq.Expressions;
using Segmentation.Rules.Values;
using static Segmentation.Rules.Catalog.FieldType;

namespace Segmentation.Rules.Catalog;

/// <summary>How many values an operator takes.</summary>
public enum Arity { None, One, List, Range }

/// <summary>An operator on some types of field, and its exact complement.</summary>
/// <param name="Name">As written in a rule.</param>
/// <param name="Label">Reads on after a field's label: "is one of".</param>
/// <param name="Negative">The complement's name; null where the language has none.</param>
/// <param name="NegativeLabel">The complement's label, which descriptions need in any case.</param>
/// <param name="Arity">How many values it takes.</param>
/// <param name="Types">The types of field it is for.</param>
public sealed record Operator(string Name, string Label, string? Negative, string NegativeLabel, Arity Arity, params FieldType[] Types)
{
    /// <summary>True where the rule holds; the complement is written out, since an index serves no NOT.</summary>
    internal Func<Comparand, Values, Expression> Holds { get; init; } = (_, _) => throw new NotSupportedException();

    internal Func<Comparand, Values, Expression> Fails { get; init; } = (_, _) => throw new NotSupportedException();
}

/// <summary>The values of a rule, as many as its operator's arity.</summary>
internal sealed record Values
{
    public Operand One { get; init; } = null!;
    public Operand Low => One;
    public Operand High { get; init; } = null!;
    public ManyOperands Many { get; init; } = null!;
    public YearlyWindow Window { get; init; } = null!;
    public Area Area { get; init; } = null!;
}

/// <summary>THE operator table: what there is, on what, and what it means.</summary>
public static class Operators
{
    private static readonly FieldType[] Ordered = [Integer, FieldType.Decimal, Date, Instant];
    private static readonly FieldType[] Comparable = [Text, FieldType.Boolean, .. Ordered];
    private static readonly FieldType[] Listable = [Text, .. Ordered];

    public static readonly IReadOnlyList<Operator> All =
    [
        new("=", "is", "!=", "is not", Arity.One, Comparable) { Holds = (x, v) => x.Equal(v.One), Fails = (x, v) => Or(x.Missing, x.Differs(v.One)) },
        new("<", "is less than", null, "is not less than", Arity.One, Ordered) { Holds = (x, v) => x.Below(v.One), Fails = (x, v) => Or(x.Missing, x.AtLeast(v.One)) },
        new("<=", "is at most", null, "is not at most", Arity.One, Ordered) { Holds = (x, v) => x.AtMost(v.One), Fails = (x, v) => Or(x.Missing, x.Above(v.One)) },
        new(">", "is more than", null, "is not more than", Arity.One, Ordered) { Holds = (x, v) => x.Above(v.One), Fails = (x, v) => Or(x.Missing, x.AtMost(v.One)) },
        new(">=", "is at least", null, "is not at least", Arity.One, Ordered) { Holds = (x, v) => x.AtLeast(v.One), Fails = (x, v) => Or(x.Missing, x.Below(v.One)) },
        new("between", "is between", "notBetween", "is not between", Arity.Range, Ordered) { Holds = (x, v) => And(x.AtLeast(v.Low), x.AtMost(v.High)), Fails = (x, v) => Or(x.Missing, x.Below(v.Low), x.Above(v.High)) },
        new("in", "is one of", "notIn", "is none of", Arity.List, Listable) { Holds = (x, v) => x.OneOf(v.Many), Fails = (x, v) => Or(x.Missing, x.NoneOf(v.Many)) },
        new("contains", "contains", "doesNotContain", "does not contain", Arity.One, Text) { Holds = (x, v) => Is(x, v, (t, part) => t.Contains(part)), Fails = (x, v) => IsNot(x, v, (t, part) => !t.Contains(part)) },
        new("beginsWith", "begins with", "doesNotBeginWith", "does not begin with", Arity.One, Text) { Holds = (x, v) => Is(x, v, (t, part) => t.StartsWith(part)), Fails = (x, v) => IsNot(x, v, (t, part) => !t.StartsWith(part)) },
        new("endsWith", "ends with", "doesNotEndWith", "does not end with", Arity.One, Text) { Holds = (x, v) => Is(x, v, (t, part) => t.EndsWith(part)), Fails = (x, v) => IsNot(x, v, (t, part) => !t.EndsWith(part)) },
        new("=", "is on", "!=", "is not on", Arity.One, Yearly) { Holds = (x, v) => Day(x).Within(v.Window), Fails = (x, v) => Or(x.Missing, Day(x).Outside(v.Window)) },
        new("between", "is between", "notBetween", "is not between", Arity.Range, Yearly) { Holds = (x, v) => Day(x).Within(v.Window), Fails = (x, v) => Or(x.Missing, Day(x).Outside(v.Window)) },
        new("contains", "has", "doesNotContain", "does not have", Arity.List, Set) { Holds = (x, v) => Of(x).HasAll(v.Many), Fails = (x, v) => Expression.Not(Of(x).HasAll(v.Many)) },
        new("in", "has any of", "notIn", "has none of", Arity.List, Set) { Holds = (x, v) => Of(x).HasAny(v.Many), Fails = (x, v) => Expression.Not(Of(x).HasAny(v.Many)) },
        new("within", "is within", "notWithin", "is not within", Arity.One, Point) { Holds = (x, v) => ((PointComparand)x).Within(v.Area), Fails = (x, v) => Expression.Not(((PointComparand)x).Within(v.Area)) },
        new("null", "is missing", "notNull", "is known", Arity.None, [.. Comparable, Yearly, Set, Property]) { Holds = (x, _) => x.Missing, Fails = (x, _) => x.Present },
        new("=", "is", "!=", "is not", Arity.One, FieldType.Events, Sequence),
        new("in", "is in any of", "notIn", "is in none of", Arity.List, Segment),
    ];

    private static readonly ILookup<FieldType, (string Name, string Label, Operator Operator, bool Negative)> ByType = All
        .SelectMany(o => o.Types.Select(t => (Type: t, Operator: o)))
        .SelectMany(o => new[] { (o.Type, o.Operator.Name, o.Operator.Label, o.Operator, Negative: false), (o.Type, Name: o.Operator.Negative!, Label: o.Operator.NegativeLabel, o.Operator, Negative: true) })
        .Where(o => o.Name is not null)
        .ToLookup(o => o.Type, o => (o.Name, o.Label, o.Operator, o.Negative));

    /// <summary>The operators of a type with their complements, in the table's order.</summary>
    public static IEnumerable<(string Name, string Label, Arity Arity)> Of(FieldType type) =>
        (type == Property ? Names(Text).Concat(Names(FieldType.Decimal)).Concat(Names(Property)) : Names(type)).DistinctBy(o => o.Name);

    /// <summary>The operator of that name on that type, and whether the name is its complement's.</summary>
    internal static (Operator Operator, bool Negative)? Find(FieldType type, string name) =>
        ByType[type].Where(o => o.Name == name).Select(o => ((Operator, bool)?)(o.Operator, o.Negative)).FirstOrDefault();

    private static IEnumerable<(string Name, string Label, Arity Arity)> Names(FieldType type) => ByType[type].Select(o => (o.Name, o.Label, o.Operator.Arity));

    private static Expression Is(Comparand x, Values v, Expression<Func<string, string, bool>> test) => ((ScalarComparand)x).Text(test, v.One);

    private static Expression IsNot(Comparand x, Values v, Expression<Func<string, string, bool>> test) => Or(x.Missing, ((ScalarComparand)x).Text(test, v.One));

    private static SetComparand Of(Comparand x) => (SetComparand)x;

    private static YearlyComparand Day(Comparand x) => (YearlyComparand)x;

    private static Expression And(params ReadOnlySpan<Expression> all) => Expressions.Splice.And(all);

    private static Expression Or(params ReadOnlySpan<Expression> any) => Expressions.Splice.Or(any);
}
