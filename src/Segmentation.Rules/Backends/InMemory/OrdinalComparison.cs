using System.Linq.Expressions;

namespace Segmentation.Rules.Backends.InMemory;

/// <summary>Makes string tests compare bytes, as SQL does: in .NET some would use the culture.</summary>
internal sealed class OrdinalComparison : ExpressionVisitor
{
    public static readonly OrdinalComparison Instance = new();

    protected override Expression VisitMethodCall(MethodCallExpression node)
    {
        var method = node.Method;
        if (method.DeclaringType == typeof(string) && node.Arguments is [var part]
            && method.Name is nameof(string.StartsWith) or nameof(string.EndsWith))
        {
            return Expression.Call(
                Visit(node.Object!), method.Name, null, Visit(part), Expression.Constant(StringComparison.Ordinal));
        }

        // C# 14 reads array.Contains(x) in a lambda as a call on a span, which the expression interpreter can't hold.
        if (method.DeclaringType == typeof(MemoryExtensions) && method.Name == nameof(MemoryExtensions.Contains)
            && node.Arguments is [MethodCallExpression { Method.Name: "op_Implicit", Arguments: [var array] }, var item])
        {
            return Expression.Call(
                typeof(Enumerable), nameof(Enumerable.Contains), method.GetGenericArguments(), Visit(array), Visit(item));
        }

        return base.VisitMethodCall(node);
    }
}
