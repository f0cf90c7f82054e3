using System.Linq.Expressions;
using Segmentation.Rules.Events;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Backends.Sql;

/// <summary>
/// A sequence in one pass over the events that match its steps, in the order of time. Each event of a step has the latest end of the
/// windows of the sequences that it goes on with: the greatest of the events of the step before that are earlier, which is a window
/// function. One that is later than that end, or that no sequence reaches, goes no further.
/// </summary>
/// <remarks>
/// However often the steps match, the events are sorted once and read once a step. EXISTS within EXISTS tries each event with each later
/// one where the last step is rare (docs/decisions/0034-sequences-in-one-pass.md).
/// </remarks>
internal sealed class SequenceQuery<T, TEvent>(
    EventAccess<T, TEvent> access, Expression evaluation, IReadOnlyList<SequenceStep> steps, SequenceWindow? window)
{
    private static readonly Expression<Func<long, DateTimeOffset, DateTimeOffset?, int, SequenceRow>> begin =
        (owner, at, until, step) => new SequenceRow { Owner = owner, At = at, Step = step, Until = until };

    // Of a step and the one before it: those that go on.
    private static readonly Expression<Func<SequenceRow, int, bool>> goesOn =
        (row, step) => row.Step == step || (row.Step == step - 1 && row.At <= row.Until);

    private static readonly Expression<Func<SequenceRow, int, DateTimeOffset?>> findUntil = (row, step) =>
        row.Step == step ? SequenceRow.FindLatestBefore(row.Step == step - 1 ? row.Until : null, row.Owner, row.At) : null;

    private static readonly Expression<Func<SequenceRow, DateTimeOffset?, SequenceRow>> follow =
        (row, until) => new SequenceRow { Owner = row.Owner, At = row.At, Step = row.Step, Until = until };

    private static readonly Expression<Func<SequenceRow, DateTimeOffset?, SequenceOwner>> end =
        (row, until) => new SequenceOwner { Owner = row.Owner, Found = row.At <= until };

    /// <summary>The owners of such a sequence, each once.</summary>
    /// <remarks>
    /// Neither WHERE nor another window function can hold a window function. EF Core makes a sub-query of a selection where a set follows:
    /// UNION ALL with the events of the next step; after the last, DISTINCT with a limit that limits nothing.
    /// </remarks>
    public IQueryable<long> CreateOwners()
    {
        var rows = FindEvents(0);
        var row = Expression.Parameter(typeof(SequenceRow), "row");
        for (var i = 1; ; i++)
        {
            var step = Expression.Constant(i);
            rows = rows.Concat(FindEvents(i))
                .Where(Expression.Lambda<Func<SequenceRow, bool>>(Splice.Body(goesOn, row, step), row));
            var until = Splice.Body(findUntil, row, step);
            if (i == steps.Count - 1)
            {
                var owners = rows.Select(Expression.Lambda<Func<SequenceRow, SequenceOwner>>(Splice.Body(end, row, until), row)).Distinct();
                var all = Expression.Call(
                    typeof(Queryable), nameof(Queryable.Take), [typeof(SequenceOwner)],
                    owners.Expression, Literal<int>.Create(int.MaxValue));
                return owners.Provider.CreateQuery<SequenceOwner>(all).Where(o => o.Found).Select(o => o.Owner);
            }

            rows = rows.Select(Expression.Lambda<Func<SequenceRow, SequenceRow>>(Splice.Body(follow, row, until), row));
        }
    }

    // A query a step: each reads its own range of an index, where one with OR would read all of the table.
    private IQueryable<SequenceRow> FindEvents(int step)
    {
        var (e, group) = steps[step];
        var time = access.ReadTime(e);
        var test = Splice.And(access.HasHappened(e, evaluation), group.Emit(false), Splice.And([.. ImplyBounds(step)]));
        var until = step > 0 ? time : window?.FindEnd(time, evaluation) ?? Literal<DateTimeOffset>.Create(LocalTime.Latest);
        var row = Splice.Body(
            begin, Splice.Body(access.Owner, e), time, Expression.Convert(until, typeof(DateTimeOffset?)), Expression.Constant(step));
        return Rows<TEvent>.All
            .Where(Expression.Lambda<Func<TEvent, bool>>(test, e))
            .Select(Expression.Lambda<Func<TEvent, SequenceRow>>(row, e));
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
