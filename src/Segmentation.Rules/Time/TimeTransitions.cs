using System.Linq.Expressions;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Time;

/// <summary>
/// Finds in a test what the clock can change. A test is made of comparisons of a value with a bound that moves as time passes; between two
/// instants only those values can change sides that the bound has passed.
/// </summary>
internal static class TimeTransitions
{
    /// <summary>
    /// True wherever the test's outcome differs between two instants, provided that each bound moves one way from one to the other; true
    /// elsewhere only for values that a bound has just reached. Null where the clock has no part in it.
    /// </summary>
    /// <param name="test">A test over an evaluation's clock.</param>
    /// <param name="clock">The evaluation.</param>
    /// <param name="from">Stands for the earlier instant's evaluation.</param>
    /// <param name="to">Stands for the later instant's.</param>
    public static Expression? Find(Expression test, ParameterExpression clock, ParameterExpression from, ParameterExpression to)
    {
        if (!DependsOnClock(test))
        {
            return null;
        }

        if (test is BinaryExpression { NodeType: ExpressionType.AndAlso or ExpressionType.OrElse } joined)
        {
            return (Find(joined.Left, clock, from, to), Find(joined.Right, clock, from, to)) switch
            {
                ({ } left, { } right) => Splice.Or(left, right),
                var (left, right) => left ?? right,
            };
        }

        if (test is UnaryExpression { NodeType: ExpressionType.Not } not)
        {
            return Find(not.Operand, clock, from, to);
        }

        // Everyone's changes at once, so that they are re-evaluated at once.
        if (ReadsLocalTime(test))
        {
            return null;
        }

        return FindPassed(test, clock, from, to)
            ?? FindChosen(test, clock, from, to)
            ?? Expression.NotEqual(At(test, clock, from), At(test, clock, to));
    }

    /// <summary>
    /// Whether what <see cref="Find"/> found between the two ends of a time is all that it would find between any two instants of it: each
    /// bound only moves forward. That of a yearly window goes back once a year, and what is no comparison with a bound (a number of days,
    /// compared with another field) may be true for a moment.
    /// </summary>
    public static bool IsSteady(Expression transition)
    {
        var probe = new SteadyProbe();
        probe.Visit(transition);
        return probe.IsSteady;
    }

    /// <summary>The test with every part that the clock decides taken for true: what holds at some instant holds here.</summary>
    public static Expression Relax(Expression test)
    {
        if (!DependsOnClock(test))
        {
            return test;
        }

        return test switch
        {
            BinaryExpression { NodeType: ExpressionType.AndAlso } and => Splice.And(Relax(and.Left), Relax(and.Right)),
            BinaryExpression { NodeType: ExpressionType.OrElse } or => Splice.Or(Relax(or.Left), Relax(or.Right)),
            _ => Splice.Truth(true),
        };
    }

    /// <summary>Whether an expression's value can change as time passes, all data the same.</summary>
    public static bool DependsOnClock(Expression tree) => new ClockProbe(tree).DependsOnClock;

    /// <summary>Whether an expression reads the hour or the day of the week that it is now in each item's own time zone.</summary>
    public static bool ReadsLocalTime(Expression tree) => new ClockProbe(tree).ReadsLocalTime;

    /// <summary>The relative dates in a tree, and the time zones of segments whose rules are part of it.</summary>
    public static (IReadOnlySet<DateValue> Dates, IReadOnlySet<string> Zones) FindClocks(Expression tree)
    {
        var probe = new ClockProbe(tree);
        return (probe.Dates, probe.Zones);
    }

    /// <summary>The lesser of two bounds; compiled rules call it.</summary>
    public static T Least<T>(T a, T b) => Comparer<T>.Default.Compare(a, b) <= 0 ? a : b;

    /// <summary>The greater of two bounds; compiled rules call it.</summary>
    public static T Greatest<T>(T a, T b) => Comparer<T>.Default.Compare(a, b) >= 0 ? a : b;

    /// <summary>Whether a bound has moved; compiled rules call it.</summary>
    public static bool Differ<T>(T a, T b) => !EqualityComparer<T>.Default.Equals(a, b);

    // The value between what the bound was and what it will be: a range, which an index serves.
    private static Expression? FindPassed(Expression test, ParameterExpression clock, ParameterExpression from, ParameterExpression to)
    {
        if (test is not BinaryExpression comparison || !IsComparison(test.NodeType))
        {
            return null;
        }

        var isRight = DependsOnClock(comparison.Right);
        if (DependsOnClock(comparison.Left) == isRight)
        {
            return null;
        }

        var value = isRight ? comparison.Left : comparison.Right;
        var bound = isRight ? comparison.Right : comparison.Left;
        if (new ClockProbe(bound).Parameters.Any(p => p != clock))
        {
            return null;
        }

        var first = At(bound, clock, from);
        var second = At(bound, clock, to);
        return Splice.And(
            Call(nameof(Differ), first, second),
            Expression.GreaterThanOrEqual(value, Call(nameof(Least), first, second)),
            Expression.LessThanOrEqual(value, Call(nameof(Greatest), first, second)));
    }

    // A value of several, where all that the clock decides is which: it can change where one of those decisions does.
    private static Expression? FindChosen(Expression test, ParameterExpression clock, ParameterExpression from, ParameterExpression to)
    {
        var choices = new ChoiceProbe();
        var made = choices.Visit(test);
        return choices.Found.Count == 0 || DependsOnClock(made)
            ? null
            : Splice.Or([.. choices.Found.Select(c => Find(c, clock, from, to)!)]);
    }

    private static bool IsComparison(ExpressionType type) => type
        is ExpressionType.Equal or ExpressionType.NotEqual
        or ExpressionType.LessThan or ExpressionType.LessThanOrEqual
        or ExpressionType.GreaterThan or ExpressionType.GreaterThanOrEqual;

    private static Expression At(Expression tree, ParameterExpression clock, ParameterExpression instant) =>
        Splice.Replace(tree, new Dictionary<Expression, Expression> { [clock] = instant });

    private static MethodCallExpression Call(string method, Expression first, Expression second) =>
        Expression.Call(typeof(TimeTransitions), method, [first.Type], first, second);

    // Finds the choices that the clock decides, and takes each for made.
    private sealed class ChoiceProbe : ExpressionVisitor
    {
        public List<Expression> Found { get; } = [];

        protected override Expression VisitConditional(ConditionalExpression node)
        {
            if (!DependsOnClock(node.Test))
            {
                return base.VisitConditional(node);
            }

            Found.Add(node.Test);
            return node.Update(Splice.Truth(true), Visit(node.IfTrue), Visit(node.IfFalse));
        }
    }

    // Bounds are compared by the three methods alone: a clock that is read anywhere else is no bound.
    private sealed class SteadyProbe : ExpressionVisitor
    {
        private bool isBound;

        public bool IsSteady { get; private set; } = true;

        protected override Expression VisitMethodCall(MethodCallExpression node)
        {
            IsSteady &= node.Object?.Type != typeof(Evaluation) || !node.Method.Name.StartsWith("Yearly", StringComparison.Ordinal);
            var before = isBound;
            isBound |= node.Method.DeclaringType == typeof(TimeTransitions);
            base.VisitMethodCall(node);
            isBound = before;
            return node;
        }

        protected override Expression VisitMember(MemberExpression node) =>
            node.Member.Name == nameof(Evaluation.ZoneId) && node.Expression?.Type == typeof(Evaluation) ? node : base.VisitMember(node);

        protected override Expression VisitParameter(ParameterExpression node)
        {
            IsSteady &= isBound || node.Type != typeof(Evaluation);
            return node;
        }
    }
}
