using System.Collections.Frozen;
using System.Linq.Expressions;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Backends.InMemory;

/// <summary>Makes comparisons of a test for membership of a rule's short list, and a look-up in a set of one of a long list.</summary>
internal sealed class ListMembership : ExpressionVisitor
{
    public static readonly ListMembership Instance = new();

    private const int MaxCompared = 4;

    protected override Expression VisitMethodCall(MethodCallExpression node)
    {
        var name = node.Method.Name;
        var isMembership = node.Object is null && name is nameof(Enumerable.Contains) or nameof(Lists.HasNone);
        if (!isMembership || node.Arguments is not [ConstantExpression { Value: string[] or int[] or decimal[] } list, var item])
        {
            return base.VisitMethodCall(node);
        }

        var contains = Contains((Array)list.Value, Visit(item));
        return name == nameof(Lists.HasNone) ? Expression.Not(contains) : contains;
    }

    // A missing value is in no list.
    private static BlockExpression Contains(Array list, Expression item) => Variables.ReadOnce(item, value =>
        Nullable.GetUnderlyingType(value.Type) is null
            ? ContainsValue(list, value)
            : Expression.AndAlso(Expression.Property(value, "HasValue"), ContainsValue(list, Expression.Property(value, "Value"))));

    private static Expression ContainsValue(Array list, Expression value)
    {
        if (list.Length <= MaxCompared)
        {
            return Splice.Or([.. list.Cast<object>().Select(v => Expression.Equal(value, Expression.Constant(v)))]);
        }

        var set = list switch
        {
            string[] strings => CreateSet(strings),
            int[] integers => CreateSet(integers),
            _ => CreateSet((decimal[])list),
        };
        return Expression.Call(set, nameof(FrozenSet<>.Contains), null, value);
    }

    private static ConstantExpression CreateSet<TValue>(TValue[] values) => Expression.Constant(values.ToFrozenSet());
}
