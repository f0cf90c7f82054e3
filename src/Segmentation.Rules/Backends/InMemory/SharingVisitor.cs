using System.Diagnostics.CodeAnalysis;
using System.Linq.Expressions;

namespace Segmentation.Rules.Backends.InMemory;

/// <summary>
/// A pass that rewrites a node once, however often the tree holds it: <see cref="ConditionOrdering"/> finds by that what is read twice.
/// </summary>
internal abstract class SharingVisitor : ExpressionVisitor
{
    private readonly Dictionary<Expression, Expression> rewritten = new(ReferenceEqualityComparer.Instance);

    [return: NotNullIfNotNull(nameof(node))]
    public override Expression? Visit(Expression? node)
    {
        if (node is null)
        {
            return null;
        }

        if (!rewritten.TryGetValue(node, out var result))
        {
            result = base.Visit(node);
            rewritten.Add(node, result);
        }

        return result;
    }
}
