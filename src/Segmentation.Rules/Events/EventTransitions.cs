using System.Linq.Expressions;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Backends.Sql;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Time;

namespace Segmentation.Rules.Events;

/// <summary>
/// Finds customers whose events the clock may bring into a group, or take out of it; where a threshold is a date, it passes the events that
/// are measured.
/// </summary>
internal sealed class EventTransitions<T, TEvent>(EventAccess<T, TEvent> access, RuleScope<T> scope)
{
    /// <summary>Adds the test of a group's customers to the compilation's, if the clock has a part in it.</summary>
    /// <param name="e">An event.</param>
    /// <param name="group">The rules over it.</param>
    /// <param name="thresholds">Tests of the event against dates that the clock moves.</param>
    public void Add(ParameterExpression e, RuleNode group, params IEnumerable<Expression> thresholds)
    {
        var compilation = scope.Compilation;
        var test = group.Emit(false);
        Expression[] found = [.. thresholds.Prepend(test).Select(compilation.FindTransition).OfType<Expression>()];
        if (found.Length == 0)
        {
            return;
        }

        var relaxed = TimeTransitions.Relax(test);
        var transition = Splice.Or(found);
        if (access.Backend == Backend.Sql)
        {
            var rows = Rows<TEvent>.All.Where(Expression.Lambda<Func<TEvent, bool>>(Splice.And(relaxed, transition), e));
            compilation.Transitions.Add(new OwnerSubquery<T, TEvent>(access, scope.Item).Contains(rows, negate: false));
            return;
        }

        // In memory what is rarely true comes first; PostgreSQL decides that for itself.
        var where = Expression.Lambda<Func<TEvent, bool>>(Splice.And(transition, relaxed), e);
        var events = Splice.Body(access.Events, scope.Item);
        compilation.Transitions.Add(Expression.Call(typeof(Enumerable), nameof(Enumerable.Any), [typeof(TEvent)], events, where));
    }
}
