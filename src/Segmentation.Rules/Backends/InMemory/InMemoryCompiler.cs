using System.Linq.Expressions;

namespace Segmentation.Rules.Backends.InMemory;

/// <summary>
/// Makes a compiled rule a fast function of loaded items without changing what it means: one rewriting pass after the other. A compiled
/// expression creates a delegate of each inner lambda anew on every call, which costs far more than what a rule reads of twenty events.
/// </summary>
internal static class InMemoryCompiler
{
    /// <summary>The rule as a function.</summary>
    public static TDelegate Compile<TDelegate>(Expression<TDelegate> rule)
        where TDelegate : Delegate => Rewrite(rule).Compile();

    /// <summary>
    /// The rule in two steps: a function of its first parameters, which computes what depends on them alone and returns a function
    /// of the others.
    /// </summary>
    public static TDelegate Compile<TRule, TDelegate>(Expression<TRule> rule, params ParameterExpression[] first)
        where TDelegate : Delegate => ConstantHoisting.Split<TDelegate>(Rewrite(rule), first).Compile();

    /// <summary>The rule as a function for a single evaluation, which the other passes would take longer than.</summary>
    public static TDelegate Interpret<TDelegate>(Expression<TDelegate> rule)
        where TDelegate : Delegate => Visit(OrdinalComparison.Instance, rule).Compile(preferInterpretation: true);

    // The order matters. Values that several conditions read are found while a node with several parents is still one object, so before the
    // loops take copies; conditions on keys are found before lists of constants become sets; and constants leave the
    // loops last, sets included.
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
