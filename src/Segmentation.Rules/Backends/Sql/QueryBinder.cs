using System.Linq.Expressions;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules.Backends.Sql;

/// <summary>Turns a compiled rule into a query's predicate: binds the evaluation and the sources of rows.</summary>
/// <param name="evaluation">The rule's parameter.</param>
/// <param name="value">The evaluation, which becomes a query parameter.</param>
/// <param name="source">Returns the queryable of a type's rows.</param>
public sealed class QueryBinder(ParameterExpression evaluation, Evaluation value, Func<Type, IQueryable> source) : ExpressionVisitor
{
    private readonly Expression literal = Literal<Evaluation>.Create(value);

    protected override Expression VisitParameter(ParameterExpression node) => node == evaluation ? literal : node;

    protected override Expression VisitConstant(ConstantExpression node)
    {
        var isRows = node.Type.IsGenericType && node.Type.GetGenericTypeDefinition() == typeof(EnumerableQuery<>);
        return isRows && node.Value is IQueryable rows ? source(rows.ElementType).Expression : node;
    }

    protected override Expression VisitMember(MemberExpression node)
    {
        var type = node.Member.DeclaringType;
        var isRows = type is { IsGenericType: true } && type.GetGenericTypeDefinition() == typeof(Rows<>);
        return isRows ? source(type!.GetGenericArguments()[0]).Expression : base.VisitMember(node);
    }
}
