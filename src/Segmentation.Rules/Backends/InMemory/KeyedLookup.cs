using System.Linq.Expressions;
using System.Reflection;
using Segmentation.Rules.Events;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules.Backends.InMemory;

/// <summary>A condition on a keyed list of which one part is that items have one of a few keys.</summary>
/// <param name="Keys">Those keys.</param>
/// <param name="Others">The other parts.</param>
internal sealed record KeyedLookup(IReadOnlyList<string> Keys, Expression Others)
{
    // Each is a loop of its own.
    private const int MaxKeys = 4;

    /// <summary>Finds such a part; null where there is none.</summary>
    /// <param name="list">The list's type.</param>
    /// <param name="where">The condition.</param>
    public static KeyedLookup? Find(Type list, LambdaExpression where)
    {
        if (!list.IsGenericType || list.GetGenericTypeDefinition() != typeof(KeyedList<>))
        {
            return null;
        }

        // A condition that reads a value once is a block of one expression.
        var block = where.Body as BlockExpression;
        Expression[] parts = [.. Splice.Split(block is null ? where.Body : block.Result, ExpressionType.AndAlso)];
        for (var i = 0; i < parts.Length; i++)
        {
            string[] keys = [.. FindKeys(parts[i], where.Parameters[0]).Distinct()];
            if (keys.Length is > 0 and <= MaxKeys)
            {
                var others = Splice.And([.. parts[..i], .. parts[(i + 1)..]]);
                return new KeyedLookup(keys, block is null ? others : block.Update(block.Variables, [others]));
            }
        }

        return null;
    }

    private static IEnumerable<string> FindKeys(Expression part, ParameterExpression item)
    {
        if (part is BinaryExpression { NodeType: ExpressionType.Equal } equal)
        {
            return IsKey(equal.Left, item) && equal.Right is ConstantExpression { Value: string key } ? [key] : [];
        }

        var isContains = part is MethodCallExpression { Object: null, Method.Name: nameof(Enumerable.Contains) };
        if (!isContains || ((MethodCallExpression)part).Arguments is not [ConstantExpression { Value: string[] keys }, var tested])
        {
            return [];
        }

        return IsKey(tested, item) ? keys : [];
    }

    private static bool IsKey(Expression tested, ParameterExpression item) =>
        tested is MemberExpression member && member.Expression == item && member.Member.IsDefined(typeof(ListKeyAttribute));
}
