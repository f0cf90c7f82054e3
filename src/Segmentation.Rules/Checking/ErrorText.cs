using System.Text;
using System.Text.Json;
using Segmentation.Rules.Catalog;

namespace Segmentation.Rules.Checking;

/// <summary>The parts that error texts are made of.</summary>
public static class ErrorText
{
    private const int MaxQuoted = 60;
    private const int MaxDigits = 40;

    /// <summary>Text in quotation marks: at most 60 characters of it, control characters shown as question marks.</summary>
    public static string Quote(string text)
    {
        var shown = new StringBuilder("\"");
        foreach (var c in text.Length > MaxQuoted ? text[..(MaxQuoted - 3)] + "..." : text)
        {
            shown.Append(char.IsControl(c) ? '?' : c);
        }

        return shown.Append('"').ToString();
    }

    /// <summary>The value that a rule on a field of that type needs.</summary>
    internal static string DescribeExpected(FieldType type) => type switch
    {
        FieldType.Text => "a string",
        FieldType.Integer => "an integer",
        FieldType.Decimal => "a number",
        FieldType.Boolean => "true or false",
        FieldType.Date => "a date (\"2024-05-31\") or a relative date",
        FieldType.Yearly => "a date, whose year is ignored (\"2024-05-31\"), or a relative date",
        FieldType.Instant => "a date, an instant (\"2024-05-31T12:00:00Z\") or a relative date",
        FieldType.Set => "a string or a list of strings",
        FieldType.Point => "{\"latitude\",\"longitude\",\"radiusKm\"} or {\"polygon\":[[lon,lat],…]}",
        FieldType.Segment => "a list of segment keys",
        FieldType.Events => "a group of rules over an event",
        FieldType.Sequence => "{\"steps\":[group, group, …],\"within\":{\"amount\",\"unit\"}}",
        _ => "a string, a number or a boolean",
    };

    /// <summary>The value that the rule has.</summary>
    internal static string DescribeActual(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Undefined => "missing",
        JsonValueKind.String => $"the string {Quote(value.GetString()!)}",
        JsonValueKind.Number => $"the number {(value.GetRawText() is { Length: <= MaxDigits } raw ? raw : "of too many digits")}",
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        _ => value.GetRawText(),
    };

    /// <summary>The error for a value of another type than expected.</summary>
    /// <param name="subject">The name of the field or property whose value it is.</param>
    /// <param name="expected">A description that reads on after "must be": "an integer".</param>
    /// <param name="actual">The value.</param>
    internal static string DescribeMismatch(string subject, string expected, JsonElement actual) =>
        $"{subject} must be {expected}, but is {DescribeActual(actual)}.";

    /// <summary>The error for a value that is none of a fixed list of strings.</summary>
    internal static string DescribeChoice(string subject, IReadOnlyCollection<string> choices, JsonElement actual) =>
        $"{subject} must be one of {string.Join(", ", choices)}, but is {DescribeActual(actual)}."
        + NearestName.Suggest(actual.ValueKind == JsonValueKind.String ? actual.GetString() : null, choices);

    /// <summary>The error for a property that an object does not have.</summary>
    /// <param name="name">The property's name.</param>
    /// <param name="owner">What the object is: "a group".</param>
    /// <param name="known">The properties that it has.</param>
    internal static string DescribeUnknownProperty(string name, string owner, IReadOnlyCollection<string> known) =>
        $"{Quote(name)} is not a property of {owner}. {NearestName.Hint(name, known)}";
}
