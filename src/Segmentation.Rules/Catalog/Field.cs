namespace Segmentation.Rules.Catalog;

/// <summary>What kind of value a field holds, and so which operators it supports (<see cref="Operators"/>).</summary>
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
    /// <summary>What editors show it under; null where that is its kind.</summary>
    public string? Group { get; init; }

    /// <summary>The only valid values where <see cref="Check"/> enforces them, else suggestions.</summary>
    public IReadOnlyList<string> Values { get; init; } = [];

    /// <summary>The least and the greatest value that there can be, where both are fixed: the hours of a day.</summary>
    public (int Least, int Greatest)? Range { get; init; }

    /// <summary>
    /// What it can be compared as with another field of the same: <c>number</c>, <c>text</c>, <c>boolean</c>, <c>date</c> or
    /// <c>instant</c>; null where it can't be compared with any.
    /// </summary>
    public string? ComparableAs => Access is not (ScalarAccess or OrderedAccess) ? null : Type switch
    {
        FieldType.Integer or FieldType.Decimal => "number",
        FieldType.Text => "text",
        FieldType.Boolean => "boolean",
        FieldType.Date => "date",
        FieldType.Instant => "instant",
        _ => null,
    };

    /// <summary>Where <see cref="Check"/> enforces a form and no list: that form as a regular expression, without its ends.</summary>
    public string? Pattern { get; init; }

    /// <summary>Returns the error text for a rule's string that is not valid for this field, or null when it is.</summary>
    public Func<string, string?>? Check { get; init; }
}
