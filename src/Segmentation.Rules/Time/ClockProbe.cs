using System.Linq.Expressions;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Time;

/// <summary>What an expression reads of the clock.</summary>
internal sealed class ClockProbe : ExpressionVisitor
{
    // What these return is the clock's only where a date is relative.
    private static readonly string[] Bounds =
    [
        nameof(Evaluation.From), nameof(Evaluation.To), nameof(Evaluation.Date),
        nameof(Evaluation.YearlyFirstLow), nameof(Evaluation.YearlyFirstHigh),
        nameof(Evaluation.YearlySecondHigh),
    ];

    public ClockProbe(Expression tree) => Visit(tree);

    /// <summary>Whether its value can change as time passes.</summary>
    public bool DependsOnClock { get; private set; }

    /// <summary>Whether it reads what time it is now in an item's own time zone.</summary>
    public bool ReadsLocalTime { get; private set; }

    public HashSet<ParameterExpression> Parameters { get; } = [];

    /// <summary>The relative dates in it.</summary>
    public HashSet<DateValue> Dates { get; } = [];

    /// <summary>The time zones of segments whose rules are part of it.</summary>
    public HashSet<string> Zones { get; } = [];

    protected override Expression VisitParameter(ParameterExpression node)
    {
        Parameters.Add(node);
        return node;
    }

    protected override Expression VisitMember(MemberExpression node)
    {
        // The zone is the segment's own; every other property is of an instant.
        DependsOnClock |= node.Expression?.Type == typeof(Evaluation) && node.Member.Name != nameof(Evaluation.ZoneId);
        return base.VisitMember(node);
    }

    protected override Expression VisitMethodCall(MethodCallExpression node)
    {
        if (node.Object?.Type == typeof(Evaluation))
        {
            VisitEvaluation(node);
        }
        else if (node.Method.DeclaringType == typeof(LocalTime)
            && node.Method.Name is nameof(LocalTime.Hour) or nameof(LocalTime.DayOfWeek))
        {
            ReadsLocalTime |= IsInstant(node.Arguments[0]);
        }

        return base.VisitMethodCall(node);
    }

    private void VisitEvaluation(MethodCallExpression node)
    {
        if (node.Method.Name == nameof(Evaluation.In))
        {
            Zones.Add(ReadLiteral<string>(node.Arguments[0]));
            return;
        }

        if (!Bounds.Contains(node.Method.Name))
        {
            DependsOnClock = true;
            return;
        }

        var relative = node.Arguments.Select(ReadLiteral<DateValue>).Where(d => d is DateValue.Relative).ToList();
        DependsOnClock |= relative.Count > 0;
        Dates.UnionWith(relative);
    }

    private static bool IsInstant(Expression node) =>
        node is MemberExpression { Member.Name: nameof(Evaluation.AsOf) } member && member.Expression?.Type == typeof(Evaluation);

    private static TValue ReadLiteral<TValue>(Expression literal)
    {
        var holder = (ConstantExpression)((MemberExpression)literal).Expression!;
        return ((Literal<TValue>)holder.Value!).Value;
    }
}
