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

/// <summary>A value read by an expression of type X or X?.</summary>
internal sealed class ScalarComparand(Expression value) : Comparand
{
    private readonly Type underlying = Nullable.GetUnderlyingType(value.Type) ?? value.Type;

    private bool CanBeMissing => !value.Type.IsValueType || underlying != value.Type;

    public override Expression Missing =>
        CanBeMissing ? Expression.Equal(value, Expression.Constant(null, value.Type)) : Splice.Truth(false);

    public override Expression Present =>
        CanBeMissing ? Expression.NotEqual(value, Expression.Constant(null, value.Type)) : Splice.Truth(true);

    public override Expression Equal(Operand v) => v.IsSpan ? base.Equal(v) : Expression.Equal(value, Lift(v.From));

    // Where the value is missing, C# and EF Core evaluate "differs" to true; the operator's complement tests that first.
    public override Expression Differs(Operand v) => v.IsSpan ? base.Differs(v) : Expression.NotEqual(value, Lift(v.From));

    public override Expression OneOf(ManyOperands v) =>
        v.Array is null ? base.OneOf(v) : And(Present, Contains(v.Array, bare: value is MemberExpression));

    public override Expression NoneOf(ManyOperands v)
    {
        if (v.Array is null)
        {
            return base.NoneOf(v);
        }

        var nullable = value.Type.IsValueType && !CanBeMissing
            ? Expression.Convert(value, typeof(Nullable<>).MakeGenericType(value.Type))
            : value;
        return Expression.Call(typeof(Lists), nameof(Lists.HasNone), null, v.Array, nullable);
    }

    public override Expression Below(Operand v) => Expression.LessThan(value, Lift(v.From));

    public override Expression AtLeast(Operand v) => Expression.GreaterThanOrEqual(value, Lift(v.From));

    public override Expression Above(Operand v) => Expression.GreaterThan(value, Lift(v.To));

    public override Expression AtMost(Operand v) => Expression.LessThanOrEqual(value, Lift(v.To));

    /// <summary>A test of the string itself, and its complement with the missing left out.</summary>
    public Expression Text(Expression<Func<string, string, bool>> test, Operand v) => And(Present, Splice.Body(test, value, v.From));

    // EF Core adds a test for nulls within the list, unless it can tell that the value is never null. No rule holds an empty string, so
    // that may stand for a missing one; the bare column, where its presence has been tested, keeps its index.
    private MethodCallExpression Contains(Expression array, bool bare)
    {
        Expression tested = value;
        if (value.Type == typeof(string))
        {
            tested = bare ? value : Expression.Coalesce(value, Expression.Constant(""));
        }
        else if (CanBeMissing)
        {
            tested = Expression.Property(value, "Value");
        }

        return Expression.Call(typeof(Enumerable), nameof(Enumerable.Contains), [underlying], array, tested);
    }

    private Expression Lift(Expression v) => v.Type == value.Type ? v : Expression.Convert(v, value.Type);
}

/// <summary>
/// A property's number, compared for equality with constants of which some are past what a decimal holds: those are strings of digits.
/// </summary>
internal sealed class LargeNumberComparand(Expression number, Expression digits) : Comparand
{
    private readonly ScalarComparand numbers = new(number), large = new(digits);

    public override Expression Missing => And(numbers.Missing, large.Missing);

    public override Expression Present => Or(numbers.Present, large.Present);

    public override Expression Equal(Operand v) => Find(v).Equal(v);

    public override Expression Differs(Operand v) => Or(Find(v).Missing, Find(v).Differs(v));

    public override Expression OneOf(ManyOperands v) => Or(
        v.Each.Count == 0 ? Splice.Truth(false) : numbers.OneOf(v), v.Large is null ? Splice.Truth(false) : large.OneOf(v.Large));

    public override Expression NoneOf(ManyOperands v) => And(
        v.Each.Count == 0 ? Splice.Truth(true) : Or(numbers.Missing, numbers.NoneOf(v)),
        v.Large is null ? Splice.Truth(true) : Or(large.Missing, large.NoneOf(v.Large)));

    private ScalarComparand Find(Operand v) => v.From.Type == typeof(string) ? large : numbers;
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

/// <summary>A set of strings.</summary>
internal sealed class SetComparand(SetAccess access, Expression item, Expression evaluation) : Comparand
{
    public override Expression Missing => Splice.Body(access.Empty, item, evaluation);

    public override Expression Present => Expression.Not(Missing);

    public Expression HasAll(ManyOperands v) => Splice.Body(access.HasAll, item, evaluation, v.Array!);

    public Expression HasAny(ManyOperands v) => Splice.Body(access.HasAny, item, evaluation, v.Array!);
}

/// <summary>A day of the year; a window is two ranges, the second from New Year on and empty unless the window crosses it.</summary>
internal sealed class YearlyComparand(Expression monthDay) : Comparand
{
    private readonly ScalarComparand scalar = new(monthDay);

    public override Expression Missing => scalar.Missing;

    public override Expression Present => scalar.Present;

    public Expression Within(YearlyWindow w)
    {
        var first = And(scalar.AtLeast(w.FirstLow), scalar.AtMost(w.FirstHigh));
        return w.CanCross ? Or(first, scalar.AtMost(w.SecondHigh)) : first;
    }

    public Expression Outside(YearlyWindow w)
    {
        var first = Or(scalar.Below(w.FirstLow), scalar.Above(w.FirstHigh));
        return w.CanCross ? And(first, scalar.Above(w.SecondHigh)) : first;
    }
}

/// <summary>A point on the Earth's surface.</summary>
internal sealed class PointComparand(Expression latitude, Expression longitude) : Comparand
{
    public override Expression Missing => new ScalarComparand(latitude).Missing;

    public override Expression Present => new ScalarComparand(latitude).Present;

    public Expression Within(Area area) =>
        And(Present, area.Contains(Expression.Property(latitude, "Value"), Expression.Property(longitude, "Value")));
}

/// <summary>Whether a property is there at all, whatever its type.</summary>
internal sealed class ExistsComparand(Expression exists) : Comparand
{
    public override Expression Missing => Expression.Not(exists);

    public override Expression Present => exists;
}
