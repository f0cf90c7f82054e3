using System.Linq.Expressions;
using Segmentation.Rules.Checking;

namespace Segmentation.Rules.Catalog;

/// <summary>What kind of value a field holds, and so which operators it takes (<see cref="Operators"/>).</summary>
public enum FieldType { Text, Integer, Decimal, Boolean, Date, Instant, Yearly, Set, Point, Events, Sequence, Segment, Property }

/// <summary>A field that rules may name.</summary>
/// <param name="Name">As written in a rule: <c>demographic.age</c>.</param>
/// <param name="Kind">One of the six kinds, or <c>customer</c>, <c>consent</c>, <c>segment</c>, <c>event</c>.</param>
/// <param name="Type">What it holds.</param>
/// <param name="Label">What an editor shows.</param>
/// <param name="Description">One sentence with units and ranges.</param>
/// <param name="Access">How its value is read.</param>
public sealed record Field(string Name, string Kind, FieldType Type, string Label, string Description, FieldAccess Access)
{
    /// <summary>The only values it takes when <see cref="Check"/> says so, else suggestions.</summary>
    public IReadOnlyList<string> Values { get; init; } = [];

    /// <summary>Says what a rule's text must be, or null when the text is one.</summary>
    public Func<string, string?>? Check { get; init; }
}

/// <summary>How a field is read. The lambdas take the item and the <see cref="Evaluation"/>.</summary>
public abstract record FieldAccess;

/// <summary>One value: a lambda <c>(T, Evaluation) → X</c>; null is missing.</summary>
public sealed record ScalarAccess(LambdaExpression Value) : FieldAccess;

/// <summary>
/// An ordered value that is cheaper to compare than to compute (an age is a comparison of birth dates). Each lambda takes item,
/// evaluation and a decimal. All but <paramref name="Missing"/> are false where the value is missing.
/// </summary>
/// <param name="Value">The value itself, for comparison with another field: <c>(T, Evaluation) → X?</c>.</param>
/// <param name="Missing">Whether there is none: <c>(T, Evaluation) → bool</c>.</param>
public sealed record OrderedAccess(
    LambdaExpression Value, LambdaExpression Missing, LambdaExpression AtLeast, LambdaExpression Below, LambdaExpression Above, LambdaExpression AtMost) : FieldAccess;

/// <summary>A set of folded texts; the first two lambdas take a list of folded texts as well.</summary>
public sealed record SetAccess(LambdaExpression HasAll, LambdaExpression HasAny, LambdaExpression Empty, LambdaExpression Value) : FieldAccess;

/// <summary>A day of the year as month × 100 + day: <c>(T, Evaluation) → int?</c>; the value is what explains show.</summary>
public sealed record YearlyAccess(LambdaExpression MonthDay, LambdaExpression Value) : FieldAccess;

/// <summary>A place in degrees.</summary>
public sealed record PointAccess(LambdaExpression Latitude, LambdaExpression Longitude) : FieldAccess;

/// <summary>A value whose type each item decides; each lambda is null where the item's value has another type.</summary>
/// <param name="Scalar">Text that is equal exactly for equal values of any type.</param>
public sealed record PropertyAccess(LambdaExpression Text, LambdaExpression Number, LambdaExpression Boolean, LambdaExpression Exists, LambdaExpression Scalar) : FieldAccess;

/// <summary>Membership of segments: each takes item, evaluation and a segment's id.</summary>
/// <param name="Manual">Of a manual segment.</param>
/// <param name="Kept">Of one whose membership is stored.</param>
public sealed record SegmentAccess(LambdaExpression Manual, LambdaExpression Kept) : FieldAccess;

/// <summary>All fields of <typeparamref name="T"/> that a rule may name: look-up and enumeration.</summary>
public sealed class FieldCatalog<T>
{
    private readonly Dictionary<string, Field> byName;
    private readonly Func<string, Field?>? open;

    /// <param name="fields">The fixed fields, in the order in which they are shown.</param>
    /// <param name="open">Makes fields of open families (<c>properties.NAME</c>); null for a name of no such family.</param>
    public FieldCatalog(IEnumerable<Field> fields, Func<string, Field?>? open = null)
    {
        All = [.. fields];
        byName = All.ToDictionary(f => f.Name, StringComparer.Ordinal);
        this.open = open;
    }

    public IReadOnlyList<Field> All { get; }

    public Field? Find(string name) => byName.GetValueOrDefault(name) ?? open?.Invoke(name);

    public FieldCatalog<T> With(IEnumerable<Field> more) => new(All.Concat(more), open);

    /// <summary>What to say of an unknown name.</summary>
    public string Unknown(string name) => $"{Nearest.Quote(name)} is not a field. {Nearest.Hint(name, byName.Keys)}";
}
