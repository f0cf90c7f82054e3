using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules.Events;

/// <summary>A field that holds rules over the items that belong to a <typeparamref name="T"/>.</summary>
public abstract record SubqueryAccess<T> : FieldAccess
{
    internal abstract CompiledTest? CompileMatch(RuleScope<T> scope, JsonElement value, JsonElement match, string pointer, int depth);

    internal abstract CompiledTest? CompileSequence(RuleScope<T> scope, JsonElement value, string pointer, int depth);

    /// <summary>Whether the items have a field of that name.</summary>
    internal abstract bool HasField(string name);
}

/// <summary>Rules over the events of a customer. The shapes were chosen by measurement (docs/decisions/0005-event-subqueries.md).</summary>
/// <param name="Catalog">The fields of an event.</param>
/// <param name="Events">A customer's events.</param>
/// <param name="Owner">An event's customer.</param>
/// <param name="Key">A customer's key, which <paramref name="Owner"/> names.</param>
/// <param name="OccurredAt">When an event happened.</param>
/// <param name="Backend">Where the rule runs.</param>
/// <param name="Historical">Whether events after the evaluation's instant may exist, and must not be seen.</param>
public sealed record EventAccess<T, TEvent>(
    FieldCatalog<TEvent> Catalog,
    Expression<Func<T, IEnumerable<TEvent>>> Events,
    Expression<Func<TEvent, long>> Owner,
    Expression<Func<T, long>> Key,
    Expression<Func<TEvent, DateTimeOffset>> OccurredAt,
    Backend Backend,
    bool Historical) : SubqueryAccess<T>
{
    internal override CompiledTest? CompileMatch(RuleScope<T> scope, JsonElement value, JsonElement match, string pointer, int depth) =>
        new EventMatchCompiler<T, TEvent>(this, scope).Compile(value, match, pointer, depth);

    internal override CompiledTest? CompileSequence(RuleScope<T> scope, JsonElement value, string pointer, int depth) =>
        new EventSequenceCompiler<T, TEvent>(this, scope).Compile(value, $"{pointer}/value", depth);

    internal override bool HasField(string name) => Catalog.Find(name) is not null;

    /// <summary>Compiles a group of rules over one event.</summary>
    internal RuleNode? CompileGroup(RuleScope<T> scope, ParameterExpression e, JsonElement group, string pointer, int depth)
    {
        var inner = new RuleScope<TEvent>(
            Catalog,
            scope.Compilation,
            e,
            scope.Evaluation,
            null,
            [],
            name => DescribeUnknown(scope, name),
            EventDescription.Anything,
            EventDescription.Nothing);
        return new GroupCompiler<TEvent>(inner).CompileRoot(group, pointer, depth);
    }

    /// <summary>The error text for a name that is none of an event's field.</summary>
    internal string DescribeUnknown(RuleScope<T> scope, string name) => scope.Catalog.Find(name) is null
        ? Catalog.DescribeUnknown(name)
        : $"{ErrorText.Quote(name)} is about the customer, not about one event: it belongs outside.";

    /// <summary>When an event happened.</summary>
    internal Expression ReadTime(Expression e) => Splice.Body(OccurredAt, e);

    /// <summary>Whether an event had happened at the evaluation's instant.</summary>
    internal Expression HasHappened(Expression e, Expression evaluation) => Historical
        ? Expression.LessThanOrEqual(ReadTime(e), Expression.Property(evaluation, nameof(Evaluation.AsOf)))
        : Splice.Truth(true);
}
