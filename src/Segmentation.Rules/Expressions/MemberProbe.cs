using System.Linq.Expressions;

namespace Segmentation.Rules.Expressions;

/// <summary>Finds the members of a type that an expression reads, as paths: <c>Demographic.Gender</c>.</summary>
internal sealed class MemberProbe(Type type) : ExpressionVisitor
{
    public HashSet<string> Paths { get; } = new(StringComparer.Ordinal);

    protected override Expression VisitMember(MemberExpression node)
    {
        var path = node.Member.Name;
        for (var owner = node.Expression; owner is MemberExpression or ParameterExpression; owner = (owner as MemberExpression)?.Expression)
        {
            if (owner.Type == type)
            {
                Paths.Add(path);
                break;
            }

            path = owner is MemberExpression { Member.Name: var name } ? $"{name}.{path}" : path;
        }

        return base.VisitMember(node);
    }
}
