using System.Linq.Expressions;

namespace Segmentation.Rules.Expressions;

/// <summary>Puts expressions in the place of a lambda's parameters: how small typed lambdas are joined into one tree.</summary>
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

    /// <summary>All of them, as a balanced tree: a chain of thousands would exhaust the stack of whoever walks it.</summary>
    public static Expression And(params ReadOnlySpan<Expression> all) => Join(all, isAnd: true);

    /// <summary>Any of them, as a balanced tree.</summary>
    public static Expression Or(params ReadOnlySpan<Expression> any) => Join(any, isAnd: false);

    /// <summary>True or false.</summary>
    public static Expression Truth(bool value) => Expression.Constant(value);

    private static Expression Join(ReadOnlySpan<Expression> parts, bool isAnd)
    {
        if (parts.Length <= 1)
        {
            return parts.IsEmpty ? Truth(isAnd) : parts[0];
        }

        var (left, right) = (Join(parts[..(parts.Length / 2)], isAnd), Join(parts[(parts.Length / 2)..], isAnd));
        return left is ConstantExpression { Value: bool l } ? (l == isAnd ? right : left)
            : right is ConstantExpression { Value: bool r } ? (r == isAnd ? left : right)
            : isAnd ? Expression.AndAlso(left, right)
            : Expression.OrElse(left, right);
    }

    private sealed class Replacer(IReadOnlyDictionary<Expression, Expression> map) : ExpressionVisitor
    {
        [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(node))]
        public override Expression? Visit(Expression? node) =>
            node is not null && map.TryGetValue(node, out var replacement) ? replacement : base.Visit(node);
    }
}

/// <summary>
/// Holds a literal of a rule. EF Core sends what it finds in a field of a captured object as a parameter, and a class (unlike a
/// record) never equals another, so each literal is its own parameter and new literals make no new query shape.
/// </summary>
public sealed class Literal<T>(T value)
{
    public readonly T Value = value;

    public static Expression Of(T value) => Expression.Field(Expression.Constant(new Literal<T>(value)), nameof(Value));
}

/// <summary>
/// Stands for the rows of a table in a compiled rule, until <see cref="Bind"/> puts a real source in its place.
/// </summary>
public static class Rows<T>
{
    public static readonly IQueryable<T> All = Array.Empty<T>().AsQueryable();
}

/// <summary>Turns a compiled rule into a query's predicate: binds the evaluation and the sources of rows.</summary>
public sealed class Bind(ParameterExpression evaluation, Evaluation value, Func<Type, IQueryable> source) : ExpressionVisitor
{
    private readonly Expression literal = Literal<Evaluation>.Of(value);

    protected override Expression VisitParameter(ParameterExpression node) => node == evaluation ? literal : node;

    protected override Expression VisitConstant(ConstantExpression node) =>
        node.Value is IQueryable rows && node.Type.IsGenericType && node.Type.GetGenericTypeDefinition() == typeof(EnumerableQuery<>)
            ? source(rows.ElementType).Expression
            : node;

    protected override Expression VisitMember(MemberExpression node) =>
        node.Member.DeclaringType is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(Rows<>)
            ? source(type.GetGenericArguments()[0]).Expression
            : base.VisitMember(node);
}
