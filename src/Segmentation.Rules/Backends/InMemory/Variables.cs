using System.Linq.Expressions;

namespace Segmentation.Rules.Backends.InMemory;

internal static class Variables
{
    /// <summary>An expression that reads a value into a variable and uses that.</summary>
    public static BlockExpression ReadOnce(Expression value, Func<ParameterExpression, Expression> use)
    {
        var variable = Expression.Variable(value.Type);
        return Expression.Block([variable], Expression.Assign(variable, value), use(variable));
    }
}
