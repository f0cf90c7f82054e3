using System.Text.Json;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;

namespace Segmentation.Rules.Values;

/// <summary>Reads dates: ISO 8601 text, or relative to the evaluation.</summary>
internal sealed class DateReader(Compilation compilation, string subject, FieldType type)
{
    /// <summary>The units as rules write them, in the order of <see cref="DateUnit"/>.</summary>
    public static readonly string[] UnitNames = [.. Enum.GetNames<DateUnit>().Select(ToCamelCase)];

    /// <summary>The anchors as rules write them, in the order of <see cref="DateAnchor"/>.</summary>
    public static readonly string[] AnchorNames = [.. Enum.GetNames<DateAnchor>().Select(ToCamelCase)];

    /// <summary>The mode of a relative date.</summary>
    public const string Relative = "relative";

    /// <summary>The properties of a relative date.</summary>
    public static readonly string[] Properties = ["mode", "anchor", "offset", "unit"];

    private static readonly string[] Modes = [Relative];

    /// <summary>Reads a date; null where it is none, which adds an error.</summary>
    public DateValue? Read(JsonElement value, string pointer)
    {
        if (value.ValueKind == JsonValueKind.Object)
        {
            return ReadRelative(value, pointer);
        }

        var date = value.ValueKind == JsonValueKind.String ? DateValue.Parse(value.GetString()!.Trim()) : null;
        if (date is null)
        {
            compilation.AddError(pointer, ErrorText.DescribeMismatch(subject, ErrorText.DescribeExpected(type), value));
        }

        return date;
    }

    private DateValue.Relative? ReadRelative(JsonElement value, string pointer)
    {
        var errors = compilation.Errors.Count;
        compilation.CheckPropertyNames(value, pointer, "a relative date", Properties);
        ReadChoice(value, "mode", Modes, pointer);
        var anchor = ReadChoice(value, "anchor", AnchorNames, pointer);
        var unit = ReadChoice(value, "unit", UnitNames, pointer);
        var offset = 0;
        var isNumber = value.TryGetProperty("offset", out var number) && number.ValueKind == JsonValueKind.Number;
        if (!isNumber || !number.TryGetInt32(out offset))
        {
            compilation.AddError($"{pointer}/offset", ErrorText.DescribeMismatch("offset", "an integer", number));
        }

        return compilation.Errors.Count > errors ? null : new DateValue.Relative((DateAnchor)anchor, offset, (DateUnit)unit);
    }

    private int ReadChoice(JsonElement value, string name, string[] choices, string pointer)
    {
        var isString = value.TryGetProperty(name, out var choice) && choice.ValueKind == JsonValueKind.String;
        var index = isString ? Array.IndexOf(choices, choice.GetString()) : -1;
        compilation.AddErrorIf(index < 0, $"{pointer}/{name}", ErrorText.DescribeChoice(name, choices, choice));
        return index;
    }

    private static string ToCamelCase(string name) => char.ToLowerInvariant(name[0]) + name[1..];
}
