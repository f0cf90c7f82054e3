using System.Linq.Expressions;
using Segmentation.Rules.Events;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules.Backends.Sql;

/// <summary>A sequence as EXISTS within EXISTS: each step after the one before, the last not after the end of the first's window.</summary>
internal sealed class SequenceQuery<T, TEvent>(
    EventAccess<T, TEvent> access, Expression evaluation, IReadOnlyList<SequenceStep> steps, SequenceWindow? window)
{
    private readonly ParameterExpression first = steps[0].Event;
    private readonly Expression? end = window?.FindEnd(access.ReadTime(steps[0].Event), evaluation);

    // The calendar needs a time zone twice for each pair of events: this bound leaves it the few pairs that can be in the window.
    private readonly Expression? latestEnd = window?.FindLatestEnd(access.ReadTime(steps[0].Event));

    /// <summary>The events that a sequence begins with.</summary>
    public IQueryable<TEvent> Create()
    {
        var begins = Splice.And(Test(0), Splice.And([.. ImplyBounds(0)]), Follow(1));
        return Rows<TEvent>.All.Where(Expression.Lambda<Func<TEvent, bool>>(begins, first));
    }

    private Expression Test(int step) =>
        Splice.And(access.HasHappened(steps[step].Event, evaluation), steps[step].Group.Emit(false));

    private MethodCallExpression Follow(int step)
    {
        var e = steps[step].Event;
        var time = access.ReadTime(e);
        var follows = Splice.And(
            Expression.Equal(Splice.Body(access.Owner, e), Splice.Body(access.Owner, first)),
            Test(step),
            Splice.And([.. ImplyBounds(step)]),
            Expression.GreaterThan(time, access.ReadTime(steps[step - 1].Event)),
            latestEnd is null ? Splice.Truth(true) : Expression.LessThanOrEqual(time, latestEnd),
            end is null ? Splice.Truth(true) : Expression.LessThanOrEqual(time, end),
            step + 1 < steps.Count ? Follow(step + 1) : Splice.Truth(true));
        return Expression.Call(
            typeof(Queryable), nameof(Queryable.Any), [typeof(TEvent)],
            Rows<TEvent>.All.Expression, Expression.Lambda<Func<TEvent, bool>>(follows, e));
    }

    // Where one step's time is bounded, so are the others': a later one is no earlier and, in a window, not much later. PostgreSQL doesn't
    // infer that, and would read the events of all time.
    private IEnumerable<Expression> ImplyBounds(int step)
    {
        var time = access.ReadTime(steps[step].Event);
        for (var other = 0; other < steps.Count; other++)
        {
            if (other == step)
            {
                continue;
            }

            foreach (var bound in FindBounds(steps[other].Group.Emit(false), access.ReadTime(steps[other].Event)))
            {
                if (MoveBound(bound, fromEarlier: other < step) is { } value)
                {
                    yield return bound.IsLower ? Expression.GreaterThanOrEqual(time, value) : Expression.LessThanOrEqual(time, value);
                }
            }
        }
    }

    // What a bound on another step's time means for a step; null where it means nothing.
    private Expression? MoveBound(Bound bound, bool fromEarlier)
    {
        if (bound.IsLower == fromEarlier)
        {
            return bound.Value;
        }

        if (window is null)
        {
            return null;
        }

        var minutes = Literal<int>.Create(window.MaxMinutes * (bound.IsLower ? -1 : 1));
        return Expression.Call(evaluation, nameof(Evaluation.Shift), null, bound.Value, minutes);
    }

    // The bounds that a conjunction sets to an event's time by the clock.
    private IEnumerable<Bound> FindBounds(Expression test, Expression time)
    {
        if (test is not BinaryExpression binary)
        {
            return [];
        }

        if (binary.NodeType == ExpressionType.AndAlso)
        {
            return FindBounds(binary.Left, time).Concat(FindBounds(binary.Right, time));
        }

        var isTime = binary.Left is MemberExpression left && left.Member == (time as MemberExpression)?.Member;
        if (!isTime || binary.Right is not MethodCallExpression value || value.Object != evaluation)
        {
            return [];
        }

        return binary.NodeType switch
        {
            ExpressionType.GreaterThan or ExpressionType.GreaterThanOrEqual => [new Bound(IsLower: true, value)],
            ExpressionType.LessThan or ExpressionType.LessThanOrEqual => [new Bound(IsLower: false, value)],
            ExpressionType.Equal => [new Bound(IsLower: true, value), new Bound(IsLower: false, value)],
            _ => [],
        };
    }

    private sealed record Bound(bool IsLower, Expression Value);
}
