using System.Linq.Expressions;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Backends.InMemory;

/// <summary>Computes what depends on the clock and on constants once an evaluation, not once a customer.</summary>
internal sealed class ClockCaching : SharingVisitor
{
    protected override Expression VisitMethodCall(MethodCallExpression node)
    {
        if (node.Object?.Type != typeof(Evaluation) || node.Method.Name == nameof(Evaluation.In))
        {
            return base.VisitMethodCall(node);
        }

        var clock = Visit(node.Object);
        var arguments = Visit(node.Arguments);
        if (arguments.Count == 0 || !arguments.All(a => a is ConstantExpression { Value: DateValue or decimal }))
        {
            return node.Update(clock, arguments);
        }

        var cache = EvaluationCache.Create(node.Method, [.. arguments.Select(a => ((ConstantExpression)a).Value!)]);
        return Expression.Call(Expression.Constant(cache), nameof(EvaluationCache<>.Get), null, clock);
    }
}
