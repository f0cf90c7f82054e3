using System.Diagnostics.CodeAnalysis;
using System.Linq.Expressions;
using Segmentation.Rules.Events;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules.Backends.InMemory;

/// <summary>
/// Evaluates conditions over lists, such as a customer's events, after all others, and reads a value once that several conditions test: as
/// whether there is one, and then what it is.
/// </summary>
internal sealed class ConditionOrdering : ExpressionVisitor
{
    public static readonly ConditionOrdering Instance = new();

    protected override Expression VisitBinary(BinaryExpression node) => node.NodeType is ExpressionType.AndAlso or ExpressionType.OrElse
        ? Join(node.NodeType, [.. Splice.Split(node, node.NodeType).OrderBy(ListProbe.ReadsList)])
        : base.VisitBinary(node);

    // Every node is true or false for everyone, so the order is free; a test that guards another stays before it.
    private Expression Join(ExpressionType joint, Expression[] parts)
    {
        List<ParameterExpression> read = [];
        for (var i = 0; i < parts.Length; i++)
        {
            if (parts[i] is not BinaryExpression { Left: MethodCallExpression value } test)
            {
                continue;
            }

            var later = parts.AsSpan(i + 1);
            if (!ContainsAny(later, value))
            {
                continue;
            }

            var variable = Expression.Variable(value.Type);
            read.Add(variable);
            parts[i] = test.Update(Expression.Assign(variable, value), test.Conversion, test.Right);
            foreach (ref var part in later)
            {
                part = Splice.Replace(part, new Dictionary<Expression, Expression> { [value] = variable });
            }
        }

        parts = [.. parts.Select(p => Visit(p)!)];
        var all = joint == ExpressionType.AndAlso ? Splice.And(parts) : Splice.Or(parts);
        return read.Count == 0 ? all : Expression.Block(read, all);
    }

    private static bool ContainsAny(ReadOnlySpan<Expression> parts, Expression value)
    {
        foreach (var part in parts)
        {
            if (PartProbe.Contains(part, value))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether one expression is part of another.</summary>
    private sealed class PartProbe(Expression part) : ExpressionVisitor
    {
        private bool found;

        public static bool Contains(Expression whole, Expression part)
        {
            var probe = new PartProbe(part);
            probe.Visit(whole);
            return probe.found;
        }

        [return: NotNullIfNotNull(nameof(node))]
        public override Expression? Visit(Expression? node)
        {
            found |= node == part;
            return found ? node : base.Visit(node);
        }
    }

    /// <summary>Whether a list is read, such as that of a customer's events; sets are arrays, and short.</summary>
    private sealed class ListProbe : ExpressionVisitor
    {
        private bool found;

        public static bool ReadsList(Expression node)
        {
            var probe = new ListProbe();
            probe.Visit(node);
            return probe.found;
        }

        protected override Expression VisitMethodCall(MethodCallExpression node)
        {
            var type = node.Method.DeclaringType;
            found |= (type == typeof(Enumerable) || type == typeof(EventSequence)) && !node.Arguments[0].Type.IsArray;
            return found ? node : base.VisitMethodCall(node);
        }
    }
}
