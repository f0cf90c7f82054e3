using System.Linq.Expressions;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules.Values;

/// <summary>
/// The left side of a rule. Every test is true or false, never null, and false where the value is missing (<see cref="Missing"/>
/// apart), so that an operator and its complement are both written without a NOT, which indexes can't serve.
/// </summary>
internal abstract class Comparand
{
    public abstract Expression Missing { get; }
    public abstract Expression Present { get; }

    public virtual Expression Equal(Operand v) => And(AtLeast(v), AtMost(v));
    public virtual Expression Differs(Operand v) => Or(Below(v), Above(v));
    public virtual Expression OneOf(ManyOperands v) => Or([.. v.Each.Select(Equal)]);
    public virtual Expression NoneOf(ManyOperands v) => And([.. v.Each.Select(Differs)]);
    public virtual Expression Below(Operand v) => throw new NotSupportedException();
    public virtual Expression AtLeast(Operand v) => throw new NotSupportedException();
    public virtual Expression Above(Operand v) => throw new NotSupportedException();
    public virtual Expression AtMost(Operand v) => throw new NotSupportedException();

    protected static Expression And(params ReadOnlySpan<Expression> all) => Splice.And(all);
    protected static Expression Or(params ReadOnlySpan<Expression> any) => Splice.Or(any);
}

/// <summary>A rule's value as expressions: a date-only value is a span of instants, any other has one.</summary>
internal sealed record Operand(Expression From, Expression To)
{
    public Operand(Expression only) : this(only, only)
    {
    }

    public bool IsSpan => From != To;
}

/// <summary>A list of values; <paramref name="Array"/> where they can be sent as one parameter.</summary>
internal sealed record ManyOperands(IReadOnlyList<Operand> Each, Expression? Array);

/// <summary>A value read by an expression of type X or X?.</summary>
internal sealed class ScalarComparand(Expression value) : Comparand
{
    private readonly Type underlying = Nullable.GetUnderlyingType(value.Type) ?? value.Type;

    private bool CanBeMissing => !value.Type.IsValueType || underlying != value.Type;

    public Expression Value => value;

    public override Expression Missing => CanBeMissing ? Expression.Equal(value, Expression.Constant(null, value.Type)) : Splice.Truth(false);

    public override Expression Present => CanBeMissing ? Expression.NotEqual(value, Expression.Constant(null, value.Type)) : Splice.Truth(true);

    public override Expression Equal(Operand v) => v.IsSpan ? base.Equal(v) : Expression.Equal(value, Lift(v.From));

    // Where the value is missing, C# and EF Core hold "differs" for true; the operator's complement says so first.
    public override Expression Differs(Operand v) => v.IsSpan ? base.Differs(v) : Expression.NotEqual(value, Lift(v.From));

    public override Expression OneOf(ManyOperands v) => v.Array is null ? base.OneOf(v) : And(Present, Contains(v.Array, bare: value is MemberExpression));

    public override Expression NoneOf(ManyOperands v) => v.Array is null ? base.NoneOf(v) : Expression.Call(
        typeof(Lists), nameof(Lists.HasNone), null, v.Array, underlying == value.Type && value.Type.IsValueType ? Expression.Convert(value, typeof(Nullable<>).MakeGenericType(value.Type)) : value);

    public override Expression Below(Operand v) => Expression.LessThan(value, Lift(v.From));

    public override Expression AtLeast(Operand v) => Expression.GreaterThanOrEqual(value, Lift(v.From));

    public override Expression Above(Operand v) => Expression.GreaterThan(value, Lift(v.To));

    public override Expression AtMost(Operand v) => Expression.LessThanOrEqual(value, Lift(v.To));

    /// <summary>A test of the text itself, and its complement with the missing left out.</summary>
    public Expression Text(Expression<Func<string, string, bool>> test, Operand v) => And(Present, Splice.Body(test, value, v.From));

    // EF Core adds a test for nulls within the list, unless it knows that the value is none. No rule holds an empty text, so that may stand
    // for a missing one; the bare column, where its presence has been tested, keeps its index.
    private Expression Contains(Expression array, bool bare) => Expression.Call(
        typeof(Enumerable), nameof(Enumerable.Contains), [underlying], array,
        value.Type == typeof(string) ? bare ? value : Expression.Coalesce(value, Expression.Constant("")) : underlying == value.Type ? value : Expression.Property(value, "Value"));

    private Expression Lift(Expression v) => v.Type == value.Type ? v : Expression.Convert(v, value.Type);
}

/// <summary>List tests that hosts map to SQL, since EF Core writes a NOT IN over parameters as two tests.</summary>
public static class Lists
{
    /// <summary>Whether the list lacks the value; a missing value stands in no list.</summary>
    public static bool HasNone(string[] list, string? value) => value is null || !list.Contains(value);

    /// <inheritdoc cref="HasNone(string[], string?)"/>
    public static bool HasNone(int[] list, int? value) => value is not { } v || !list.Contains(v);

    /// <inheritdoc cref="HasNone(string[], string?)"/>
    public static bool HasNone(decimal[] list, decimal? value) => value is not { } v || !list.Contains(v);
}

/// <summary>A value that is compared by its own lambdas.</summary>
internal sealed class OrderedComparand(OrderedAccess access, Expression item, Expression evaluation) : Comparand
{
    public override Expression Missing => Splice.Body(access.Missing, item, evaluation);

    public override Expression Present => Expression.Not(Missing);

    public override Expression Below(Operand v) => Splice.Body(access.Below, item, evaluation, v.From);

    public override Expression AtLeast(Operand v) => Splice.Body(access.AtLeast, item, evaluation, v.From);

    public override Expression Above(Operand v) => Splice.Body(access.Above, item, evaluation, v.From);

    public override Expression AtMost(Operand v) => Splice.Body(access.AtMost, item, evaluation, v.From);
}

/// <summary>A set of texts.</summary>
internal sealed class SetComparand(SetAccess access, Expression item, Expression evaluation) : Comparand
{
    public override Expression Missing => Splice.Body(access.Empty, item, evaluation);

    public override Expression Present => Expression.Not(Missing);

    public Expression HasAll(ManyOperands v) => Splice.Body(access.HasAll, item, evaluation, v.Array!);

    public Expression HasAny(ManyOperands v) => Splice.Body(access.HasAny, item, evaluation, v.Array!);
}

/// <summary>A day of the year; a window is two ranges, the second of which is empty unless it crosses New Year.</summary>
internal sealed class YearlyComparand(Expression monthDay) : Comparand
{
    private readonly ScalarComparand scalar = new(monthDay);

    public override Expression Missing => scalar.Missing;

    public override Expression Present => scalar.Present;

    public Expression Within(YearlyWindow w) => w.CanCross
        ? Or(And(scalar.AtLeast(w.FirstLow), scalar.AtMost(w.FirstHigh)), And(scalar.AtLeast(w.SecondLow), scalar.AtMost(w.SecondHigh)))
        : And(scalar.AtLeast(w.FirstLow), scalar.AtMost(w.FirstHigh));

    public Expression Outside(YearlyWindow w) => w.CanCross
        ? And(Or(scalar.Below(w.FirstLow), scalar.Above(w.FirstHigh)), Or(scalar.Below(w.SecondLow), scalar.Above(w.SecondHigh)))
        : Or(scalar.Below(w.FirstLow), scalar.Above(w.FirstHigh));
}

/// <summary>The bounds of a yearly window as month × 100 + day.</summary>
internal sealed record YearlyWindow(Operand FirstLow, Operand FirstHigh, Operand SecondLow, Operand SecondHigh, bool CanCross);

/// <summary>A place.</summary>
internal sealed class PointComparand(Expression latitude, Expression longitude) : Comparand
{
    public override Expression Missing => new ScalarComparand(latitude).Missing;

    public override Expression Present => new ScalarComparand(latitude).Present;

    public Expression Within(Area area) => And(Present, area.Contains(Expression.Property(latitude, "Value"), Expression.Property(longitude, "Value")));
}
