using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Backends.Sql;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules.Events;

/// <summary>A step of a sequence: the rules that an event must satisfy.</summary>
internal sealed record SequenceStep(ParameterExpression Event, RuleNode Group);

/// <summary>Compiles rules on events of several steps, each strictly later than the one before.</summary>
internal sealed class EventSequenceCompiler<T, TEvent>(EventAccess<T, TEvent> access, RuleScope<T> scope)
{
    private readonly Compilation compilation = scope.Compilation;

    public CompiledTest? Compile(JsonElement value, string pointer, int depth)
    {
        var isObject = value.ValueKind == JsonValueKind.Object;
        var list = NodeJson.Find(value, "steps");
        var expected = ErrorText.DescribeExpected(FieldType.Sequence);
        if (value.ValueKind == JsonValueKind.Undefined)
        {
            compilation.AddIncomplete(pointer, $"behavioral.sequence needs a value: {expected}.");
            return null;
        }

        if (list.ValueKind != JsonValueKind.Array)
        {
            compilation.AddError(isObject ? $"{pointer}/steps" : pointer, $"behavioral.sequence must be {expected}.");
            return null;
        }

        var errors = compilation.Errors.Count;
        compilation.CheckPropertyNames(value, pointer, "a sequence", EventRuleTerms.SequenceProperties);
        var count = list.GetArrayLength();
        compilation.AddErrorIf(
            count is < EventRuleTerms.MinSteps or > EventRuleTerms.MaxSteps,
            $"{pointer}/steps",
            $"A sequence must have {EventRuleTerms.MinSteps} to {EventRuleTerms.MaxSteps} steps, but has {count}.");
        var steps = list.EnumerateArray().Select((step, i) => CompileStep(step, i, pointer, depth + 1)).OfType<SequenceStep>().ToList();
        var within = NodeJson.Find(value, "within");
        var window = within.ValueKind == JsonValueKind.Undefined
            ? null
            : SequenceWindow.Read(compilation, within, $"{pointer}/within");

        // Past a limit that was reported before, a group is left out without an error of its own.
        if (compilation.Errors.Count > errors || steps.Count < count)
        {
            return null;
        }

        var transitions = new EventTransitions<T, TEvent>(access, scope);
        foreach (var step in steps)
        {
            transitions.Add(step.Event, step.Group);
        }

        return CompileSteps(steps, window);
    }

    private SequenceStep? CompileStep(JsonElement step, int index, string pointer, int depth)
    {
        var e = Expression.Parameter(typeof(TEvent), $"e{index + 1}");
        var group = access.CompileGroup(scope, e, step, $"{pointer}/steps/{index}", depth);
        return group is null ? null : new SequenceStep(e, group);
    }

    private CompiledTest CompileSteps(List<SequenceStep> steps, SequenceWindow? window)
    {
        var description = "did " + string.Join(", then ", steps.Select(s => EventDescription.Read(s.Group).Step))
            + (window is null ? "" : $", the last within {window.Description} of the first");
        if (access.Backend == Backend.Sql)
        {
            var owners = new SequenceQuery<T, TEvent>(access, scope.Evaluation, steps, window).CreateOwners();
            var subquery = new OwnerSubquery<T, TEvent>(access, scope.Item);
            return new CompiledTest(negate => subquery.ContainsGroup(owners, negate), description, null, Compound: true);
        }

        var times = FindTimes(steps, window);
        var none = Expression.Constant(null, typeof(DateTimeOffset[]));
        return new CompiledTest(
            negate => negate ? Expression.Equal(times, none) : Expression.NotEqual(times, none), description, times, Compound: true);
    }

    private MethodCallExpression FindTimes(List<SequenceStep> steps, SequenceWindow? window)
    {
        var tests = steps.Select(step => Expression.Lambda<Func<TEvent, bool>>(
            Splice.And(access.HasHappened(step.Event, scope.Evaluation), step.Group.Emit(false)), step.Event));
        var first = steps[0].Event;
        var time = access.ReadTime(first);
        return Expression.Call(
            typeof(EventSequence), nameof(EventSequence.Find), [typeof(TEvent)],
            Splice.Body(access.Events, scope.Item),
            Expression.NewArrayInit(typeof(Func<TEvent, bool>), tests),
            Expression.Lambda<Func<TEvent, DateTimeOffset>>(time, first),
            window is null
                ? Expression.Constant(null, typeof(Func<TEvent, DateTimeOffset>))
                : Expression.Lambda<Func<TEvent, DateTimeOffset>>(window.FindEnd(time, scope.Evaluation), first));
    }
}
