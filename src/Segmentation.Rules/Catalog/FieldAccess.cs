using System.Linq.Expressions;

namespace Segmentation.Rules.Catalog;

/// <summary>How a field is read. The lambdas take the item and the <see cref="Evaluation"/>.</summary>
public abstract record FieldAccess;

/// <summary>One value.</summary>
/// <param name="Value"><c>(T, Evaluation) → X</c>; null is missing.</param>
public sealed record ScalarAccess(LambdaExpression Value) : FieldAccess;

/// <summary>
/// An ordered value that is cheaper to compare than to compute (an age is a comparison of birth dates). Each lambda takes item,
/// evaluation and a decimal. All but <paramref name="Missing"/> are false where the value is missing.
/// </summary>
/// <param name="Value">The value itself, for comparison with another field: <c>(T, Evaluation) → X?</c>.</param>
/// <param name="Missing">Whether there is none: <c>(T, Evaluation) → bool</c>.</param>
/// <param name="AtLeast">Whether it is the decimal or more: <c>(T, Evaluation, decimal) → bool</c>.</param>
/// <param name="Below">Whether it is less: <c>(T, Evaluation, decimal) → bool</c>.</param>
/// <param name="Above">Whether it is more: <c>(T, Evaluation, decimal) → bool</c>.</param>
/// <param name="AtMost">Whether it is the decimal or less: <c>(T, Evaluation, decimal) → bool</c>.</param>
public sealed record OrderedAccess(
    LambdaExpression Value,
    LambdaExpression Missing,
    LambdaExpression AtLeast,
    LambdaExpression Below,
    LambdaExpression Above,
    LambdaExpression AtMost) : FieldAccess;

/// <summary>A set of normalized strings.</summary>
/// <param name="HasAll">Whether it holds all of a list of normalized strings: <c>(T, Evaluation, string[]) → bool</c>.</param>
/// <param name="HasAny">Whether it holds any of them: <c>(T, Evaluation, string[]) → bool</c>.</param>
/// <param name="Empty">Whether it holds nothing, which counts as missing: <c>(T, Evaluation) → bool</c>.</param>
/// <param name="Value">What explanations show: <c>(T, Evaluation) → X</c>.</param>
public sealed record SetAccess(
    LambdaExpression HasAll, LambdaExpression HasAny, LambdaExpression Empty, LambdaExpression Value) : FieldAccess;

/// <summary>A day of the year, whatever the year.</summary>
/// <param name="MonthDay">Month × 100 + day: <c>(T, Evaluation) → int?</c>; null is missing.</param>
/// <param name="Value">What explanations show: <c>(T, Evaluation) → X</c>.</param>
public sealed record YearlyAccess(LambdaExpression MonthDay, LambdaExpression Value) : FieldAccess;

/// <summary>A point on the Earth's surface; missing where the latitude is null.</summary>
/// <param name="Latitude">Degrees, ±90: <c>(T, Evaluation) → double?</c>.</param>
/// <param name="Longitude">Degrees, ±180: <c>(T, Evaluation) → double?</c>.</param>
public sealed record PointAccess(LambdaExpression Latitude, LambdaExpression Longitude) : FieldAccess;

/// <summary>A value whose type each item decides: <c>(T, Evaluation) → X</c>, null where the item's value has another type.</summary>
/// <param name="Text">As a string, normalized.</param>
/// <param name="Number">As a decimal.</param>
/// <param name="Boolean">As a boolean.</param>
/// <param name="Exists">Whether there is a value of any type; never null.</param>
/// <param name="Scalar">A string that is equal exactly for equal values of any type.</param>
/// <param name="LargeNumber">Of a number that no decimal holds: as <see cref="Values.RuleNumber.ReadDigits"/> writes it.</param>
public sealed record PropertyAccess(
    LambdaExpression Text,
    LambdaExpression Number,
    LambdaExpression Boolean,
    LambdaExpression Exists,
    LambdaExpression Scalar,
    LambdaExpression LargeNumber) : FieldAccess;

/// <summary>Membership of segments: <c>(T, Evaluation, int) → bool</c>, of the segment with that id.</summary>
/// <param name="Manual">Of a manual segment.</param>
/// <param name="Stored">Of a segment whose membership is stored.</param>
public sealed record SegmentAccess(LambdaExpression Manual, LambdaExpression Stored) : FieldAccess;
