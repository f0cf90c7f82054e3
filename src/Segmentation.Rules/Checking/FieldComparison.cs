using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Checking;

/// <summary>Compiles rules that compare a field with another one (<c>"valueSource": "field"</c>).</summary>
internal sealed class FieldComparison<T>(RuleScope<T> scope)
{
    private readonly Compilation compilation = scope.Compilation;

    public CompiledTest? Compile(Field field, Operator op, string label, JsonElement value, string pointer)
    {
        if (FindOther(value, $"{pointer}/value") is not { } other)
        {
            return null;
        }

        if (field.ComparableAs is null || field.ComparableAs != other.ComparableAs)
        {
            compilation.AddError($"{pointer}/value", $"{DescribeType(field)} can't be compared with {DescribeType(other)}.");
            return null;
        }

        var isOrdered = field.Type is not (FieldType.Text or FieldType.Boolean);
        if (FindComparison(op.Name, isOrdered) is not var (holds, fails))
        {
            compilation.AddError($"{pointer}/operator", "Two fields are compared by =, != and, for numbers and dates, <, <=, >, >=.");
            return null;
        }

        var (left, right) = ConvertToOneType(ReadValue(field), ReadValue(other));
        var first = new ScalarComparand(left);
        var second = new ScalarComparand(right);
        return new CompiledTest(
            negate => negate
                ? Splice.Or(first.Missing, second.Missing, fails(left, right))
                : Splice.And(first.Present, second.Present, holds(left, right)),
            $"{field.Label} {label} {other.Label}",
            Expression.NewArrayInit(typeof(object), Expression.Convert(left, typeof(object)), Expression.Convert(right, typeof(object))));
    }

    private Field? FindOther(JsonElement value, string pointer)
    {
        const string expected = "With valueSource \"field\", value must be the name of a field.";
        if (value.ValueKind != JsonValueKind.String)
        {
            if (value.ValueKind == JsonValueKind.Undefined)
            {
                compilation.AddIncomplete(pointer, expected);
                return null;
            }

            compilation.AddError(pointer, expected);
            return null;
        }

        var name = value.GetString()!;
        if (name.Length == 0)
        {
            compilation.AddIncomplete(pointer, expected);
            return null;
        }

        var other = scope.Catalog.Find(name);
        if (other is null)
        {
            compilation.AddError(pointer, scope.DescribeUnknown(name));
        }

        return other;
    }

    private static string DescribeType(Field field) => $"{field.Name} ({CaseNormalizer.Normalize(field.Type.ToString())})";

    private static (Func<Expression, Expression, Expression> Holds, Func<Expression, Expression, Expression> Fails)? FindComparison(
        string operatorName, bool isOrdered) => (operatorName, isOrdered) switch
        {
            ("=", _) => (Expression.Equal, Expression.NotEqual),
            ("<", true) => (Expression.LessThan, Expression.GreaterThanOrEqual),
            ("<=", true) => (Expression.LessThanOrEqual, Expression.GreaterThan),
            (">", true) => (Expression.GreaterThan, Expression.LessThanOrEqual),
            (">=", true) => (Expression.GreaterThanOrEqual, Expression.LessThan),
            _ => null,
        };

    private Expression ReadValue(Field field) =>
        scope.Read(field.Access is OrderedAccess ordered ? ordered.Value : ((ScalarAccess)field.Access).Value);

    private static (Expression Left, Expression Right) ConvertToOneType(Expression left, Expression right)
    {
        if (left.Type == right.Type)
        {
            return (left, right);
        }

        var leftType = Nullable.GetUnderlyingType(left.Type) ?? left.Type;
        var rightType = Nullable.GetUnderlyingType(right.Type) ?? right.Type;
        var common = typeof(Nullable<>).MakeGenericType(leftType == rightType ? leftType : typeof(decimal));
        return (Expression.Convert(left, common), Expression.Convert(right, common));
    }
}
