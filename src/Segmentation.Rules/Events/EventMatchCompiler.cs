using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Backends.Sql;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Events;

/// <summary>Compiles rules on how many events satisfy a group of rules, or on an aggregate of them.</summary>
internal sealed class EventMatchCompiler<T, TEvent>(EventAccess<T, TEvent> access, RuleScope<T> scope)
{
    private readonly Compilation compilation = scope.Compilation;
    private readonly Expression evaluation = scope.Evaluation;
    private readonly ParameterExpression e = Expression.Parameter(typeof(TEvent), "e");

    public CompiledTest? Compile(JsonElement value, JsonElement match, string pointer, int depth)
    {
        var errors = compilation.Errors.Count;
        var group = access.CompileGroup(scope, e, value, $"{pointer}/value", depth + 1);
        var read = new EventMatchReader<T, TEvent>(access, scope, $"{pointer}/match").Read(match);
        if (compilation.Errors.Count > errors || group is null || read is null)
        {
            return null;
        }

        new EventTransitions<T, TEvent>(access, scope).Add(e, group, read.Bounds.OfType<DateValue>().Select(TestThreshold));
        var all = Splice.Body(access.Events, scope.Item);
        var described = EventDescription.Read(group);
        var description = described.Describe(read.Mode, read.Aggregate, read.Field, read.Bounds);
        if (FindQuantifier(read) is var (complement, negated))
        {
            var count = Call(nameof(Enumerable.Count), all, Where(group, complement: false));
            return new CompiledTest(
                negate => Any(all, Where(group, complement), negate != negated), description, count, described.IsCompound);
        }

        var where = Where(group, complement: false, read.Selector);
        var some = Expression.Call(typeof(Enumerable), nameof(Enumerable.Where), [typeof(TEvent)], all, where);
        return new CompiledTest(negate => Compare(some, where, read, negate), description, MeasureActual(read, some), described.IsCompound);
    }

    // Whether an event is past the date that a threshold means.
    private BinaryExpression TestThreshold(DateValue date)
    {
        var threshold = Expression.Call(evaluation, nameof(Evaluation.From), null, Literal<DateValue>.Create(date));
        return Expression.GreaterThanOrEqual(access.ReadTime(e), threshold);
    }

    // Where one event suffices, a semi-join stops at the first: whether any satisfies the group or its complement, or whether none does.
    private static (bool Complement, bool Negated)? FindQuantifier(EventMatch<TEvent> match) => match.Mode switch
    {
        "some" => (false, false),
        "none" => (false, true),
        "all" => (true, true),
        _ when match.IsOneOrMore => (false, false),
        _ => null,
    };

    private Expression<Func<TEvent, bool>> Where(RuleNode group, bool complement, LambdaExpression? selector = null)
    {
        var hasValue = selector is null
            ? Splice.Truth(true)
            : new ScalarComparand(Splice.Body(selector, e, evaluation)).Present;
        return Expression.Lambda<Func<TEvent, bool>>(Splice.And(access.HasHappened(e, evaluation), group.Emit(complement), hasValue), e);
    }

    private static MethodCallExpression Call(string method, Expression events, Expression<Func<TEvent, bool>> where) =>
        Expression.Call(typeof(Enumerable), method, [typeof(TEvent)], events, where);

    private static Expression Any(Expression events, Expression<Func<TEvent, bool>> where, bool negate)
    {
        var any = Call(nameof(Enumerable.Any), events, where);
        return negate ? Expression.Not(any) : any;
    }

    private Expression Compare(Expression some, Expression<Func<TEvent, bool>> where, EventMatch<TEvent> match, bool negate)
    {
        if (access.Backend == Backend.Memory)
        {
            var test = match.Test(some, evaluation, negate: false);
            var any = Expression.Call(typeof(Enumerable), nameof(Enumerable.Any), [typeof(TEvent)], some);
            Expression holds = match.HasZero ? test : Expression.AndAlso(any, test);
            return negate ? Expression.Not(holds) : holds;
        }

        // Customers without such events form no group. Where nothing counts as 0 and 0 passes, find who fails, and take the rest.
        var complement = match.HasZero && match.ZeroPasses;
        var g = Expression.Parameter(typeof(IGrouping<long, TEvent>), "g");
        var groupTest = match.Test(g, evaluation, complement);
        var groups = Rows<TEvent>.All.Where(where).GroupBy(access.Owner);
        var keys = groups.Where(Expression.Lambda<Func<IGrouping<long, TEvent>, bool>>(groupTest, g)).Select(x => x.Key);
        return new OwnerSubquery<T, TEvent>(access, scope.Item).ContainsGroup(keys, negate != complement);
    }

    private Expression MeasureActual(EventMatch<TEvent> match, Expression some)
    {
        if (match.HasZero)
        {
            return match.Measure(some, evaluation);
        }

        var any = Expression.Call(typeof(Enumerable), nameof(Enumerable.Any), [typeof(TEvent)], some);
        var actual = Expression.Convert(match.MeasureActual(some, evaluation), typeof(object));
        return Expression.Condition(any, actual, Expression.Constant(null, typeof(object)));
    }
}
