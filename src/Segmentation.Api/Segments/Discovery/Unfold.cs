using System.Linq.Expressions;

namespace Segmentation.Api.Segments;

/// <summary>Turns what rules read, which is case-folded, into what people want to see: the original.</summary>
internal sealed class Unfold : ExpressionVisitor
{
    /// <summary>How the names of folded twins end.</summary>
    public const string Suffix = "Folded";

    protected override Expression VisitMember(MemberExpression node) => node.Member.Name.EndsWith(Suffix, StringComparison.Ordinal)
        ? Expression.Property(Visit(node.Expression)!, node.Member.Name[..^Suffix.Length])
        : base.VisitMember(node);
}
