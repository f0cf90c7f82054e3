using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Rules.Backends.InMemory;
using Segmentation.Rules.Backends.Sql;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Time;
using Segmentation.Rules.Values;

namespace Segmentation.Rules;

/// <summary>The outcome of a compilation: a predicate, or all the errors.</summary>
public sealed class CompiledRule<T>
{
    private readonly ParameterExpression item, evaluation;
    private readonly Compilation compilation;
    private readonly Expression? gate;
    private readonly Lazy<(IReadOnlySet<DateValue> Dates, IReadOnlySet<string> Zones)> clocks;

    internal CompiledRule(JsonElement? source, RuleNode root, ParameterExpression item, Compilation compilation, Expression? gate)
    {
        Source = source;
        Root = root;
        this.item = item;
        this.compilation = compilation;
        this.gate = gate;
        evaluation = compilation.Evaluation;
        clocks = new(() => TimeTransitions.FindClocks(Predicate));
    }

    /// <summary>Every error; empty when the rule can be evaluated.</summary>
    public IReadOnlyList<RuleError> Errors => compilation.Errors;

    /// <summary>Whether the rule can be evaluated. If not, every member but <see cref="Errors"/> throws.</summary>
    public bool IsValid => Errors.Count == 0;

    /// <summary>
    /// The rule as it is stored: as sent, its words (<c>atLeast</c>) in the language's own spelling, without properties that are null. Null
    /// for JSON that is too large or can't be read.
    /// </summary>
    public JsonElement? Source { get; }

    /// <summary>The checked tree.</summary>
    /// <exception cref="InvalidOperationException">The rule has errors.</exception>
    public RuleNode Root { get => IsValid ? field : throw new InvalidOperationException("A rule with errors has no meaning."); }

    /// <summary>The rule, and its gate, as a predicate over item and evaluation.</summary>
    /// <exception cref="InvalidOperationException">The rule has errors.</exception>
    public Expression<Func<T, Evaluation, bool>> Predicate => Expression.Lambda<Func<T, Evaluation, bool>>(Test(), item, evaluation);

    /// <summary>The rule, and its gate, as a query's predicate.</summary>
    /// <param name="at">The evaluation, which becomes a query parameter.</param>
    /// <param name="source">Returns the queryable of a type's rows.</param>
    /// <exception cref="InvalidOperationException">The rule has errors.</exception>
    public Expression<Func<T, bool>> ToQuery(Evaluation at, Func<Type, IQueryable> source) =>
        Expression.Lambda<Func<T, bool>>(new QueryBinder(evaluation, at, source).Visit(Test()), item);

    /// <summary>The rule as a function of a loaded item. Compiling takes milliseconds: reuse the function.</summary>
    /// <exception cref="InvalidOperationException">The rule has errors.</exception>
    public Func<T, Evaluation, bool> ToFunc() => InMemoryCompiler.Compile(Predicate);

    /// <summary>Whether its outcome can change as time passes, all data the same.</summary>
    public bool ReadsClock => compilation.Transitions.Count > 0;

    /// <summary>
    /// Whether its outcome can change at every full quarter of an hour, since it reads items' own time of day.
    /// <see cref="ToTransitionQueries(Evaluation, Evaluation, Func{Type, IQueryable})"/> leaves that out.
    /// </summary>
    public bool ReadsLocalTime => compilation.ReadsLocalTime;

    /// <summary>
    /// Finds whom the clock may bring in or out between two instants, at most an hour apart and both sides <see cref="IsRegular"/>: it
    /// leaves nobody out, and may include some whose membership does not change.
    /// </summary>
    /// <param name="from">The evaluation of the earlier instant.</param>
    /// <param name="to">The evaluation of the later instant.</param>
    /// <param name="source">Returns the queryable of a type's rows.</param>
    /// <returns>
    /// A predicate by what items are themselves (null for nobody), and queries for the keys of those whose events the clock moves, which an
    /// index serves where the predicate reads everyone.
    /// </returns>
    public (Expression<Func<T, bool>>? Items, IReadOnlyList<Expression> Keys) ToTransitionQueries(
        Evaluation from, Evaluation to, Func<Type, IQueryable> source) =>
        Bind(compilation.Transitions.Select(t => (WithoutClock(t), from, to)), source);

    /// <summary>
    /// Finds whose membership may not be the same at all of some instants, however far apart: it leaves nobody out, and may include some
    /// whose membership does not change. It leaves out what <see cref="ReadsLocalTime"/> is about.
    /// </summary>
    /// <param name="instants">Evaluations in the order of time, two at least; from the second on at one time of day.</param>
    /// <param name="source">Returns the queryable of a type's rows.</param>
    /// <returns>As that for two instants returns it.</returns>
    public (Expression<Func<T, bool>>? Items, IReadOnlyList<Expression> Keys) ToTransitionQueries(
        IReadOnlyList<Evaluation> instants, Func<Type, IQueryable> source)
    {
        // A bound that only moves forward has passed between the ends what it passed between any two in between; only at the first is it
        // another time of day, from which a month ago may be later than from the next midnight. Any other bound is looked at step by step.
        (Evaluation From, Evaluation To)[] ends = [(instants[0], instants[1]), (instants[1], instants[^1])];
        (Evaluation From, Evaluation To)[] steps = [.. instants.Zip(instants.Skip(1))];
        return Bind(
            from transition in compilation.Transitions.Select(WithoutClock)
            from step in TimeTransitions.IsSteady(transition) ? ends.Take(instants.Count - 1) : steps
            select (transition, step.From, step.To),
            source);
    }

    /// <summary>
    /// A function of two evaluations, of the earlier and the later of any two instants, to a function that returns whether the clock may
    /// bring a loaded item in or out between them.
    /// </summary>
    public Func<Evaluation, Evaluation, Func<T, bool>> ToTransitionFunc()
    {
        var parameters = new[] { compilation.From, compilation.To };
        var test = Expression.Lambda<Func<T, Evaluation, Evaluation, bool>>(JoinTransitions(), [item, .. parameters]);
        return InMemoryCompiler.Compile<Func<T, Evaluation, Evaluation, bool>, Func<Evaluation, Evaluation, Func<T, bool>>>(
            test, parameters);
    }

    /// <summary>
    /// Whether all the rule's bounds move forward evenly between two instants: no clock is changed near either, nor near the dates that
    /// relative dates mean then. Else a bound may go back and forth by the change.
    /// </summary>
    /// <param name="from">The earlier instant.</param>
    /// <param name="to">The later instant.</param>
    /// <param name="zone">IANA name of the segment's own time zone.</param>
    public bool IsRegular(DateTimeOffset from, DateTimeOffset to, string zone) =>
        clocks.Value.Zones.Append(zone).All(id => ClockRegularity.IsRegular(from, to, id, clocks.Value.Dates));

    /// <summary>The members of <typeparamref name="T"/> that the rule reads, as paths: <c>Demographic.Gender</c>.</summary>
    public IReadOnlySet<string> MembersRead()
    {
        var probe = new MemberProbe(typeof(T));
        probe.Visit(Predicate);
        probe.Visit(JoinTransitions());
        return probe.Paths;
    }

    /// <summary>Evaluates one node of the tree on a loaded item: whether it matches, and the value that it tested.</summary>
    public (bool Matched, object? Actual) Explain(RuleNode node, T loaded, Evaluation at)
    {
        var body = Expression.New(
            typeof((bool, object?)).GetConstructors()[0],
            node.Emit(negate: false),
            node.Actual is { } actual ? Expression.Convert(actual, typeof(object)) : Expression.Constant(null));
        var explain = Expression.Lambda<Func<T, Evaluation, (bool, object?)>>(body, item, evaluation);
        return InMemoryCompiler.Interpret(explain)(loaded, at);
    }

    private (Expression<Func<T, bool>>? Items, IReadOnlyList<Expression> Keys) Bind(
        IEnumerable<(Expression Transition, Evaluation From, Evaluation To)> transitions, Func<Type, IQueryable> source)
    {
        List<Expression> ofItems = [], keys = [];
        foreach (var (transition, from, to) in transitions)
        {
            var later = new QueryBinder(compilation.To, to, source);
            var bound = later.Visit(new QueryBinder(compilation.From, from, source).Visit(transition));
            var isContains = bound is MethodCallExpression { Method.Name: nameof(Queryable.Contains) };
            if (isContains && ((MethodCallExpression)bound).Method.DeclaringType == typeof(Queryable))
            {
                keys.Add(((MethodCallExpression)bound).Arguments[0]);
            }
            else
            {
                ofItems.Add(bound);
            }
        }

        return (ofItems.Count == 0 ? null : Expression.Lambda<Func<T, bool>>(Splice.Or([.. ofItems]), item), keys);
    }

    private Expression Test() => gate is null ? Root.Emit(negate: false) : Splice.And(Root.Emit(negate: false), gate);

    private Expression JoinTransitions() => WithoutClock(Splice.Or([.. compilation.Transitions]));

    // What does not depend on the instant (the zone) is the same on either clock.
    private Expression WithoutClock(Expression transition) =>
        Splice.Replace(transition, new Dictionary<Expression, Expression> { [evaluation] = compilation.From });
}
