using System.Linq.Expressions;

namespace Segmentation.Rules.Backends.InMemory;

/// <summary>Makes a compiled rule a fast function of loaded items without changing what it means.</summary>
internal static class InMemoryCompiler
{
    public static TDelegate Compile<TDelegate>(Expression<TDelegate> rule)
        where TDelegate : Delegate => Rewrite(rule).Compile();

    public static TDelegate Compile<TRule, TDelegate>(Expression<TRule> rule, params ParameterExpression[] first)
        where TDelegate : Delegate => Loops.Split<TDelegate>(Rewrite(rule), first).Compile();

    public static TDelegate Interpret<TDelegate>(Expression<TDelegate> rule)
        where TDelegate : Delegate => ((Expression<TDelegate>)OrdinalComparison.Instance.Visit(rule)).Compile(preferInterpretation: true);

    private static Expression<TDelegate> Rewrite<TDelegate>(Expression<TDelegate> rule) =>
        Loops.Unroll((Expression<TDelegate>)OrdinalComparison.Instance.Visit(rule));
}
