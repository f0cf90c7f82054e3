using System.Linq.Expressions;

namespace Segmentation.Rules.Backends.InMemory;

/// <summary>
/// Makes a compiled rule a fast function of loaded items without changing what it means: one rewriting pass after the other. A compiled
/// expression makes a delegate of each inner lambda anew whenever it comes by, which takes far longer than what a rule reads of twenty events.
/// </summary>
internal static class InMemoryCompiler
{
    /// <summary>The rule as a function.</summary>
    public static TDelegate Compile<TDelegate>(Expression<TDelegate> rule)
        where TDelegate : Delegate => Rewrite(rule).Compile();

    /// <summary>The rule as a function of its first parameters, which returns one of the others, with what depends on the first alone computed.</summary>
    public static TDelegate Compile<TRule, TDelegate>(Expression<TRule> rule, params ParameterExpression[] first)
        where TDelegate : Delegate => ConstantHoisting.Split<TDelegate>(Rewrite(rule), first).Compile();

    /// <summary>The rule with no more than .NET needs to agree with SQL: for a single evaluation, which other passes would outlast.</summary>
    public static TDelegate Interpret<TDelegate>(Expression<TDelegate> rule)
        where TDelegate : Delegate => Visit(OrdinalComparison.Instance, rule).Compile(preferInterpretation: true);

    // The order matters: conditions are ordered, and values read once, while nodes that stand in several places are still one object; a keyed
    // list's conditions are found while lists are still LINQ; and constants leave the loops when these are there, with the sets in them.
    private static Expression<TDelegate> Rewrite<TDelegate>(Expression<TDelegate> rule)
    {
        rule = Visit(OrdinalComparison.Instance, rule);
        rule = Visit(new LiteralInlining(), rule);
        rule = Visit(new ClockCaching(), rule);
        rule = Visit(ConditionOrdering.Instance, rule);
        rule = Visit(LoopUnrolling.Instance, rule);
        rule = Visit(ListMembership.Instance, rule);
        return Visit(new ConstantHoisting(rule.Parameters), rule);
    }

    private static Expression<TDelegate> Visit<TDelegate>(ExpressionVisitor pass, Expression<TDelegate> rule) =>
        Expression.Lambda<TDelegate>(pass.Visit(rule.Body), rule.Parameters);
}
