using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules;

/// <summary>A node of a checked rule: a group with children, or a rule.</summary>
public sealed class RuleNode
{
    private readonly Func<bool, Expression> emit;

    internal RuleNode(JsonElement source, bool muted, string description, IReadOnlyList<RuleNode> children, Func<bool, Expression> emit, Expression? actual, bool compound = false)
    {
        (Source, Muted, Description, Children, this.emit, Actual, Compound) = (source, muted, description, children, emit, actual, compound);
    }

    /// <summary>The node as sent.</summary>
    public JsonElement Source { get; }

    /// <summary>Whether it was left out.</summary>
    public bool Muted { get; }

    /// <summary>The node in plain English.</summary>
    public string Description { get; }

    /// <summary>A group's nodes, in order; empty for a rule.</summary>
    public IReadOnlyList<RuleNode> Children { get; }

    /// <summary>What the rule looks at: the customer's value, a count, an aggregate. Null for groups.</summary>
    internal Expression? Actual { get; }

    /// <summary>Whether the description joins several by "and" or "or".</summary>
    internal bool Compound { get; }

    /// <summary>The description as one thing within another.</summary>
    internal string Grouped => Compound ? $"({Description})" : Description;

    /// <summary>The node as an expression that is never null; <paramref name="negate"/> asks for its exact complement.</summary>
    internal Expression Emit(bool negate) => emit(negate);
}

/// <summary>The outcome of a compilation: a predicate, or all the errors.</summary>
public sealed class CompiledRule<T>
{
    private readonly ParameterExpression item, evaluation;

    internal CompiledRule(RuleNode root, ParameterExpression item, ParameterExpression evaluation, IReadOnlyList<RuleError> errors)
    {
        (Root, this.item, this.evaluation, Errors) = (root, item, evaluation, errors);
    }

    /// <summary>Every fault; empty when the rule can be evaluated.</summary>
    public IReadOnlyList<RuleError> Errors { get; }

    public bool IsValid => Errors.Count == 0;

    /// <summary>The checked tree.</summary>
    /// <exception cref="InvalidOperationException">The rule has errors.</exception>
    public RuleNode Root { get => IsValid ? field : throw new InvalidOperationException("A rule with errors has no meaning."); }

    /// <summary>The rule as a predicate over item and evaluation.</summary>
    public Expression<Func<T, Evaluation, bool>> Predicate => Expression.Lambda<Func<T, Evaluation, bool>>(Root.Emit(negate: false), item, evaluation);

    /// <summary>The rule as a query's predicate, for one evaluation and one source of rows.</summary>
    public Expression<Func<T, bool>> ToQuery(Evaluation at, Func<Type, IQueryable> source) =>
        Expression.Lambda<Func<T, bool>>(new Bind(evaluation, at, source).Visit(Root.Emit(negate: false)), item);

    /// <summary>The rule as a function of a loaded item.</summary>
    public Func<T, Evaluation, bool> ToFunc() => Loops.Unroll((Expression<Func<T, Evaluation, bool>>)InMemory.Instance.Visit(Predicate)).Compile();

    /// <summary>Evaluates one node of the tree on a loaded item: whether it matches, and what it looked at.</summary>
    public (bool Matched, object? Actual) Explain(RuleNode node, T loaded, Evaluation at)
    {
        var body = Expression.New(
            typeof((bool, object?)).GetConstructors()[0],
            node.Emit(negate: false),
            node.Actual is { } actual ? Expression.Convert(actual, typeof(object)) : Expression.Constant(null));
        return ((Expression<Func<T, Evaluation, (bool, object?)>>)InMemory.Instance.Visit(Expression.Lambda<Func<T, Evaluation, (bool, object?)>>(body, item, evaluation)))
            .Compile(preferInterpretation: true)(loaded, at);
    }

    private sealed class InMemory : ExpressionVisitor
    {
        public static readonly InMemory Instance = new();

        protected override Expression VisitMethodCall(MethodCallExpression node) => node switch
        {
            // In SQL these compare bytes; in .NET they would ask the culture.
            { Method: { DeclaringType: var type, Name: nameof(string.StartsWith) or nameof(string.EndsWith) }, Arguments: [var part] } when type == typeof(string) =>
                Expression.Call(Visit(node.Object!), node.Method.Name, null, Visit(part), Expression.Constant(StringComparison.Ordinal)),

            // C# 14 reads array.Contains(x) in a lambda as a call on a span, which the expression interpreter can't hold.
            { Method: { DeclaringType: var type, Name: nameof(MemoryExtensions.Contains) }, Arguments: [MethodCallExpression { Method.Name: "op_Implicit", Arguments: [var array] }, var item] }
                when type == typeof(MemoryExtensions) =>
                Expression.Call(typeof(Enumerable), nameof(Enumerable.Contains), node.Method.GetGenericArguments(), Visit(array), Visit(item)),
            _ => base.VisitMethodCall(node),
        };
    }
}

/// <summary>A segment that a rule refers to.</summary>
/// <param name="ManualId">The id that <see cref="SegmentAccess.Manual"/> takes; null for a segment with a rule.</param>
public sealed record SegmentReference(string Key, JsonElement? Rule, string TimeZone, int? ManualId);
