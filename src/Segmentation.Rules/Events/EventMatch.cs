using System.Globalization;
using System.Linq.Expressions;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Events;

/// <summary>How many events, or which aggregate of them, must compare how.</summary>
/// <param name="Mode">One of <see cref="EventRuleTerms.Modes"/>.</param>
/// <param name="Aggregate">One of <see cref="EventRuleTerms.Aggregates"/>; null for a count.</param>
/// <param name="Selector">What is aggregated: <c>(TEvent, Evaluation) → X</c>; null for a count.</param>
/// <param name="Bounds">One or two of int, decimal or <see cref="DateValue"/>; none where the mode has no threshold.</param>
/// <param name="Field">The name of the field that is aggregated; null where none is.</param>
internal sealed record EventMatch<TEvent>(
    string Mode, string? Aggregate, LambdaExpression? Selector, IReadOnlyList<object> Bounds, string? Field)
{
    /// <summary>Whether nothing counts as 0; avg, min and max of nothing have no value.</summary>
    public bool HasZero => Aggregate is null or "sum" or "distinct" or "distinctDays";

    /// <summary>Whether a count of 0 passes; only where <see cref="HasZero"/>.</summary>
    public bool ZeroPasses => Mode switch
    {
        "atLeast" => 0 >= GetNumber(0),
        "atMost" => 0 <= GetNumber(0),
        "exactly" => 0 == GetNumber(0),
        "moreThan" => 0 > GetNumber(0),
        "lessThan" => 0 < GetNumber(0),
        _ => 0 >= GetNumber(0) && 0 <= GetNumber(1),
    };

    /// <summary>Whether one event of any kind in the group is all that it needs.</summary>
    public bool IsOneOrMore => Aggregate is null && Mode switch
    {
        "atLeast" => GetNumber(0) == 1,
        "moreThan" => GetNumber(0) == 0,
        _ => false,
    };

    /// <summary>The test of a group of events, or its complement.</summary>
    public Expression Test(Expression events, Expression evaluation, bool negate)
    {
        var left = new ScalarComparand(Measure(events, evaluation));

        // An average is compared as sum against bound × count: a division would round.
        var factor = Aggregate == "avg" ? Expression.Convert(Count(events), typeof(decimal)) : null;
        Operand Bound(int i) => CreateBound(Bounds[i], factor, evaluation);

        return (Mode, negate) switch
        {
            ("atLeast", false) or ("lessThan", true) => left.AtLeast(Bound(0)),
            ("atLeast", true) or ("lessThan", false) => left.Below(Bound(0)),
            ("atMost", false) or ("moreThan", true) => left.AtMost(Bound(0)),
            ("atMost", true) or ("moreThan", false) => left.Above(Bound(0)),
            ("exactly", false) => left.Equal(Bound(0)),
            ("exactly", true) => left.Differs(Bound(0)),
            (_, false) => Splice.And(left.AtLeast(Bound(0)), left.AtMost(Bound(1))),
            (_, true) => Splice.Or(left.Below(Bound(0)), left.Above(Bound(1))),
        };
    }

    /// <summary>What is compared: a count, a sum (for avg too), a least or greatest, a count of different values.</summary>
    public Expression Measure(Expression events, Expression evaluation)
    {
        if (Selector is null)
        {
            return Count(events);
        }

        var e = Expression.Parameter(typeof(TEvent), "e");
        var selector = Expression.Lambda(Splice.Body(Selector, e, evaluation), e);
        if (Aggregate is "distinct" or "distinctDays")
        {
            return CountDistinct(events, selector);
        }

        var isExtreme = Aggregate is "min" or "max";
        var method = Aggregate switch { "min" => nameof(Enumerable.Min), "max" => nameof(Enumerable.Max), _ => nameof(Enumerable.Sum) };
        Type[] types = isExtreme && selector.ReturnType == typeof(DateTimeOffset)
            ? [typeof(TEvent), typeof(DateTimeOffset)]
            : [typeof(TEvent)];
        return Expression.Call(typeof(Enumerable), method, types, events, selector);
    }

    /// <summary>What an explanation shows.</summary>
    public Expression MeasureActual(Expression events, Expression evaluation)
    {
        var measured = Measure(events, evaluation);
        return Aggregate == "avg"
            ? Expression.Divide(Expression.Convert(measured, typeof(decimal?)), Expression.Convert(Count(events), typeof(decimal?)))
            : measured;
    }

    private decimal GetNumber(int bound) => Convert.ToDecimal(Bounds[bound], CultureInfo.InvariantCulture);

    private static Operand CreateBound(object value, Expression? factor, Expression evaluation)
    {
        if (value is DateValue date)
        {
            var literal = Literal<DateValue>.Create(date);
            var from = Expression.Call(evaluation, nameof(Evaluation.From), null, literal);
            return date is DateValue.Day
                ? new Operand(from, Expression.Call(evaluation, nameof(Evaluation.To), null, literal))
                : new Operand(from);
        }

        var number = value is int n ? Literal<int>.Create(n) : Literal<decimal>.Create((decimal)value);
        return new Operand(factor is null ? number : Expression.Multiply(number, factor));
    }

    private static MethodCallExpression Count(Expression events) =>
        Expression.Call(typeof(Enumerable), nameof(Enumerable.Count), [typeof(TEvent)], events);

    private static MethodCallExpression CountDistinct(Expression events, LambdaExpression selector)
    {
        Type[] type = [selector.ReturnType];
        var values = Expression.Call(
            typeof(Enumerable), nameof(Enumerable.Select), [typeof(TEvent), selector.ReturnType], events, selector);
        var distinct = Expression.Call(typeof(Enumerable), nameof(Enumerable.Distinct), type, values);
        return Expression.Call(typeof(Enumerable), nameof(Enumerable.Count), type, distinct);
    }
}
