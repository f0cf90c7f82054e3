using System.Linq.Expressions;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Time;

/// <summary>
/// Finds in a test what the clock can change. A test is made of comparisons of a value with a bound that moves as time passes; between two
/// instants only those values can change sides that the bound has passed.
/// </summary>
internal static class ClockFlips
{
    private static readonly string[] Bounds =
        [nameof(Evaluation.From), nameof(Evaluation.To), nameof(Evaluation.Date), nameof(Evaluation.YearlyFirstLow), nameof(Evaluation.YearlyFirstHigh), nameof(Evaluation.YearlySecondLow), nameof(Evaluation.YearlySecondHigh)];

    /// <summary>
    /// True wherever the test's outcome differs between two instants, provided that each bound moves one way from one to the other; true elsewhere
    /// only for values that a bound has just reached. Null where the clock has no part in it.
    /// </summary>
    /// <param name="test">A test over an evaluation's clock.</param>
    /// <param name="clock">The evaluation.</param>
    /// <param name="from">Stands for the earlier instant's evaluation.</param>
    /// <param name="to">Stands for the later instant's.</param>
    public static Expression? Of(Expression test, ParameterExpression clock, ParameterExpression from, ParameterExpression to)
    {
        Expression At(Expression tree, ParameterExpression instant) => Splice.Replace(tree, new Dictionary<Expression, Expression> { [clock] = instant });

        if (!DependsOnClock(test))
        {
            return null;
        }

        // Everyone's changes at once, so they are asked at once.
        if (ReadsLocalTime(test) && test is not BinaryExpression { NodeType: ExpressionType.AndAlso or ExpressionType.OrElse } and not UnaryExpression { NodeType: ExpressionType.Not })
        {
            return null;
        }

        if (test is BinaryExpression { NodeType: ExpressionType.AndAlso or ExpressionType.OrElse } joined)
        {
            return (Of(joined.Left, clock, from, to), Of(joined.Right, clock, from, to)) switch
            {
                ({ } left, { } right) => Splice.Or(left, right),
                var (left, right) => left ?? right,
            };
        }

        if (test is UnaryExpression { NodeType: ExpressionType.Not } not)
        {
            return Of(not.Operand, clock, from, to);
        }

        // The value between what the bound was and what it will be: a range, which an index serves.
        if (test is BinaryExpression { NodeType: ExpressionType.Equal or ExpressionType.NotEqual or ExpressionType.LessThan or ExpressionType.LessThanOrEqual or ExpressionType.GreaterThan or ExpressionType.GreaterThanOrEqual } comparison
            && DependsOnClock(comparison.Left) != DependsOnClock(comparison.Right))
        {
            var (value, bound) = DependsOnClock(comparison.Right) ? (comparison.Left, comparison.Right) : (comparison.Right, comparison.Left);
            if (new Probe(bound).Parameters.Any(p => p != clock))
            {
                return Expression.NotEqual(At(test, from), At(test, to));
            }

            var (first, second) = (At(bound, from), At(bound, to));
            var (low, high) = (Call(nameof(Least), first, second), Call(nameof(Greatest), first, second));
            return Splice.And(Call(nameof(Differ), first, second), Expression.GreaterThanOrEqual(value, low), Expression.LessThanOrEqual(value, high));
        }

        return Expression.NotEqual(At(test, from), At(test, to));

        static Expression Call(string method, Expression first, Expression second) => Expression.Call(typeof(ClockFlips), method, [first.Type], first, second);
    }

    /// <summary>The test with every part that the clock decides taken for true: what holds at some instant holds here.</summary>
    public static Expression Relax(Expression test) => !DependsOnClock(test) ? test
        : test is BinaryExpression { NodeType: ExpressionType.AndAlso } and ? Splice.And(Relax(and.Left), Relax(and.Right))
        : test is BinaryExpression { NodeType: ExpressionType.OrElse } or ? Splice.Or(Relax(or.Left), Relax(or.Right))
        : Splice.Truth(true);

    /// <summary>Whether an expression's value can change as time passes, all data the same.</summary>
    public static bool DependsOnClock(Expression tree) => new Probe(tree).Found;

    /// <summary>Whether the hour or the day of the week is asked for that it is now at each item's own place.</summary>
    public static bool ReadsLocalTime(Expression tree) => new Probe(tree).LocalTime;

    /// <summary>The relative dates in a tree, and the time zones of segments whose rules are part of it.</summary>
    public static (IReadOnlySet<DateValue> Dates, IReadOnlySet<string> Zones) Clocks(Expression tree)
    {
        var probe = new Probe(tree);
        return (probe.Dates, probe.Zones);
    }

    public static T Least<T>(T a, T b) => Comparer<T>.Default.Compare(a, b) <= 0 ? a : b;

    public static T Greatest<T>(T a, T b) => Comparer<T>.Default.Compare(a, b) >= 0 ? a : b;

    public static bool Differ<T>(T a, T b) => !EqualityComparer<T>.Default.Equals(a, b);

    private sealed class Probe : ExpressionVisitor
    {
        public Probe(Expression tree) => Visit(tree);

        public bool Found { get; private set; }

        public bool LocalTime { get; private set; }

        public HashSet<ParameterExpression> Parameters { get; } = [];

        public HashSet<DateValue> Dates { get; } = [];

        public HashSet<string> Zones { get; } = [];

        protected override Expression VisitParameter(ParameterExpression node)
        {
            Parameters.Add(node);
            return node;
        }

        protected override Expression VisitMember(MemberExpression node)
        {
            // The zone is the segment's own; whatever else it says is said of an instant.
            Found |= node.Expression?.Type == typeof(Evaluation) && node.Member.Name != nameof(Evaluation.ZoneId);
            return base.VisitMember(node);
        }

        protected override Expression VisitMethodCall(MethodCallExpression node)
        {
            if (node.Object?.Type == typeof(Evaluation))
            {
                if (node.Method.Name == nameof(Evaluation.In))
                {
                    Zones.Add(Value<string>(node.Arguments[0]));
                }
                else if (!Bounds.Contains(node.Method.Name))
                {
                    Found = true;
                }
                else if (node.Arguments.Select(Value<DateValue>).Where(d => d is DateValue.Relative).ToList() is { Count: > 0 } relative)
                {
                    Found = true;
                    Dates.UnionWith(relative);
                }
            }

            else if (node.Method.DeclaringType == typeof(Values.LocalTime) && node.Method.Name is nameof(Values.LocalTime.Hour) or nameof(Values.LocalTime.DayOfWeek))
            {
                LocalTime |= node.Arguments[0] is MemberExpression { Member.Name: nameof(Evaluation.AsOf), Expression: { } of } && of.Type == typeof(Evaluation);
            }

            return base.VisitMethodCall(node);
        }

        private static TValue Value<TValue>(Expression literal) => ((Literal<TValue>)((ConstantExpression)((MemberExpression)literal).Expression!).Value!).Value;
    }
}
