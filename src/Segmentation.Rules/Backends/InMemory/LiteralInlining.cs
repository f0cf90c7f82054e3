using System.Linq.Expressions;
using System.Reflection;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules.Backends.InMemory;

/// <summary>Makes constants of a rule's literals, and of sums of them: only SQL needs them as parameters.</summary>
internal sealed class LiteralInlining : SharingVisitor
{
    protected override Expression VisitMember(MemberExpression node)
    {
        var holder = (node.Expression as ConstantExpression)?.Value;
        var type = holder?.GetType();
        var isLiteral = type is { IsGenericType: true } && type.GetGenericTypeDefinition() == typeof(Literal<>);
        return isLiteral ? Expression.Constant(((FieldInfo)node.Member).GetValue(holder), node.Type) : base.VisitMember(node);
    }

    protected override Expression VisitBinary(BinaryExpression node)
    {
        var visited = base.VisitBinary(node);
        return visited is BinaryExpression { NodeType: ExpressionType.Add } sum
            && sum.Left is ConstantExpression { Value: decimal left }
            && sum.Right is ConstantExpression { Value: decimal right }
            ? Expression.Constant(left + right)
            : visited;
    }
}
