using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Rules.Backends.InMemory;
using Segmentation.Rules.Backends.Sql;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Time;
using Segmentation.Rules.Values;

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
    private readonly RulePass pass;
    private readonly Lazy<(IReadOnlySet<DateValue> Dates, IReadOnlySet<string> Zones)> clocks;

    internal CompiledRule(RuleNode root, ParameterExpression item, RulePass pass, IReadOnlyList<RuleError> errors)
    {
        (Root, this.item, this.pass, evaluation, Errors) = (root, item, pass, pass.Evaluation, errors);
        clocks = new(() => ClockFlips.Clocks(Predicate));
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
        Expression.Lambda<Func<T, bool>>(new QueryBinder(evaluation, at, source).Visit(Root.Emit(negate: false)), item);

    /// <summary>The rule as a function of a loaded item.</summary>
    public Func<T, Evaluation, bool> ToFunc() => Loops.Unroll((Expression<Func<T, Evaluation, bool>>)InMemory.Instance.Visit(Predicate)).Compile();

    /// <summary>Whether its answer can change as time passes, all data the same.</summary>
    public bool ReadsClock => pass.Flips.Count > 0;

    /// <summary>Whether its answer can change at every full quarter of an hour, since items' own time of day is asked for. <see cref="ToFlipsQueries"/> leaves that out.</summary>
    public bool ReadsLocalTime => pass.ReadsLocalTime;

    /// <summary>
    /// Whom the clock may bring in or out between two instants, at most an hour apart and both sides <see cref="IsRegular"/>: nobody is left out, some may
    /// be in who stay where they are. First by what they are themselves (null for nobody), then by their events: queries for the keys of those who have such,
    /// which an index answers where the others ask everyone.
    /// </summary>
    public (Expression<Func<T, bool>>? OfItems, IReadOnlyList<Expression> Keys) ToFlipsQueries(Evaluation from, Evaluation to, Func<Type, IQueryable> source)
    {
        var flips = pass.Flips.Select(f => new QueryBinder(pass.To, to, source).Visit(new QueryBinder(pass.From, from, source).Visit(OfEither(f))))
            .ToLookup(f => f is MethodCallExpression { Method.Name: nameof(Queryable.Contains) } among && among.Method.DeclaringType == typeof(Queryable));
        return (flips[false].Any() ? Expression.Lambda<Func<T, bool>>(Splice.Or([.. flips[false]]), item) : null, [.. flips[true].Select(f => ((MethodCallExpression)f).Arguments[0])]);
    }

    /// <summary>Whether the clock may bring a loaded item in or out between two instants, whichever.</summary>
    public Func<Evaluation, Evaluation, Func<T, bool>> ToFlipsFunc() => Loops.Split<Func<Evaluation, Evaluation, Func<T, bool>>>(
        Loops.Unroll((Expression<Func<T, Evaluation, Evaluation, bool>>)InMemory.Instance.Visit(Expression.Lambda<Func<T, Evaluation, Evaluation, bool>>(Flips, item, pass.From, pass.To))), pass.From, pass.To).Compile();

    /// <summary>
    /// Whether all the rule's bounds move forward evenly between two instants: no clock is changed near either, nor near the dates that relative
    /// dates mean then. Else a bound may go back and forth by the change.
    /// </summary>
    /// <param name="zone">The segment's own.</param>
    public bool IsRegular(DateTimeOffset from, DateTimeOffset to, string zone)
    {
        var (dates, zones) = clocks.Value;
        return zones.Append(zone).All(z =>
        {
            var (info, first, last) = (LocalTime.Find(z), new Evaluation(from, z), new Evaluation(to, z));
            bool Even(DateTimeOffset a, DateTimeOffset b, double hours) =>
                info.GetUtcOffset(a.AddHours(-hours)) == info.GetUtcOffset(b.AddHours(hours));
            return !info.SupportsDaylightSavingTime && info.GetAdjustmentRules().Length == 0
                || (Even(from, to, 26) && dates.All(d => Even(first.From(d), last.From(d), 26)));
        });
    }

    /// <summary>The members of <typeparamref name="T"/> that the rule reads, as paths: <c>Demographic.Gender</c>.</summary>
    public IReadOnlySet<string> MembersRead()
    {
        var reads = new Reads();
        reads.Visit(Predicate);
        reads.Visit(Flips);
        return reads.Paths;
    }

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

    private Expression Flips => OfEither(Splice.Or([.. pass.Flips]));

    // What does not depend on the instant (the zone) is the same on either clock.
    private Expression OfEither(Expression flip) => Splice.Replace(flip, new Dictionary<Expression, Expression> { [evaluation] = pass.From });

    private sealed class Reads : ExpressionVisitor
    {
        public HashSet<string> Paths { get; } = new(StringComparer.Ordinal);

        protected override Expression VisitMember(MemberExpression node)
        {
            var path = node.Member.Name;
            for (var of = node.Expression; of is MemberExpression or ParameterExpression; of = (of as MemberExpression)?.Expression)
            {
                if (of.Type == typeof(T))
                {
                    Paths.Add(path);
                    break;
                }

                path = of is MemberExpression { Member.Name: var name } ? $"{name}.{path}" : path;
            }

            return base.VisitMember(node);
        }
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
