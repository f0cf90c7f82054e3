using System.Linq.Expressions;

namespace Segmentation.Rules.Expressions;

/// <summary>Replaces a lambda's parameters by expressions: how small typed lambdas are joined into one tree.</summary>
public static class Splice
{
    /// <summary>The lambda's body with its parameters replaced, in order.</summary>
    public static Expression Body(LambdaExpression lambda, params ReadOnlySpan<Expression> arguments)
    {
        var map = new Dictionary<Expression, Expression>(arguments.Length);
        for (var i = 0; i < arguments.Length; i++)
        {
            map.Add(lambda.Parameters[i], arguments[i]);
        }

        return Replace(lambda.Body, map);
    }

    /// <summary>The tree with every occurrence of a key replaced by its value.</summary>
    public static Expression Replace(Expression tree, IReadOnlyDictionary<Expression, Expression> map) => new Replacer(map).Visit(tree);

    /// <summary>All of them, as a balanced tree: a chain of thousands would exhaust the stack of every visitor.</summary>
    public static Expression And(params ReadOnlySpan<Expression> all) => Join(all, isAnd: true);

    /// <summary>Any of them, as a balanced tree.</summary>
    public static Expression Or(params ReadOnlySpan<Expression> any) => Join(any, isAnd: false);

    /// <summary>The parts of nested ANDs or ORs, in order.</summary>
    internal static IEnumerable<Expression> Split(Expression tree, ExpressionType joint) =>
        tree is BinaryExpression binary && binary.NodeType == joint ? Split(binary.Left, joint).Concat(Split(binary.Right, joint)) : [tree];

    /// <summary>True or false.</summary>
    public static Expression Truth(bool value) => Expression.Constant(value);

    private static Expression Join(ReadOnlySpan<Expression> parts, bool isAnd)
    {
        if (parts.Length <= 1)
        {
            return parts.IsEmpty ? Truth(isAnd) : parts[0];
        }

        var half = parts.Length / 2;
        var left = Join(parts[..half], isAnd);
        var right = Join(parts[half..], isAnd);
        if (left is ConstantExpression { Value: bool first })
        {
            return first == isAnd ? right : left;
        }

        if (right is ConstantExpression { Value: bool second })
        {
            return second == isAnd ? left : right;
        }

        return isAnd ? Expression.AndAlso(left, right) : Expression.OrElse(left, right);
    }

    private sealed class Replacer(IReadOnlyDictionary<Expression, Expression> map) : ExpressionVisitor
    {
        [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(node))]
        public override Expression? Visit(Expression? node) =>
            node is not null && map.TryGetValue(node, out var replacement) ? replacement : base.Visit(node);
    }
}
