using System.Linq.Expressions;

namespace Segmentation.Rules.Expressions;

/// <summary>
/// Holds a literal of a rule. EF Core sends what it finds in a field of a captured object as a parameter, and a class (unlike a
/// record) never equals another, so each literal is its own parameter and new literals make no new query shape.
/// </summary>
public sealed class Literal<T>(T value)
{
    public readonly T Value = value;

    /// <summary>A literal as an expression of type <typeparamref name="T"/>.</summary>
    public static Expression Create(T value) => Expression.Field(Expression.Constant(new Literal<T>(value)), nameof(Value));
}
