using System.Text.Json;
using Segmentation.Rules.Catalog;

namespace Segmentation.Rules.Checking;

/// <summary>Reads the type of a rule on a property, which is that of the rule's own value.</summary>
internal sealed class PropertyTypeReader(Compilation compilation, Field field)
{
    /// <summary>Text, decimal or boolean; null where the value is none of them, which adds an error.</summary>
    public FieldType? Read(JsonElement value, string pointer)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            return ReadList(value, pointer);
        }

        var type = ReadOne(value);
        if (type is null)
        {
            var expected = "a string, a number or a boolean, or a list of them";
            compilation.AddError(pointer, ErrorText.DescribeMismatch(field.Name, expected, value));
        }

        return type;
    }

    private FieldType? ReadList(JsonElement list, string pointer)
    {
        FieldType? type = null;
        var index = 0;
        foreach (var element in list.EnumerateArray())
        {
            var next = ReadOne(element);
            if (next is null || (type ?? next) != next)
            {
                var actual = ErrorText.DescribeActual(element);
                compilation.AddError(
                    $"{pointer}/{index}", $"A list for {field.Name} must hold only strings or only numbers, but this is {actual}.");
                return null;
            }

            type = next;
            index++;
        }

        if (type is null)
        {
            var expected = ErrorText.DescribeExpected(FieldType.Property);
            compilation.AddIncomplete(pointer, $"{field.Name} must be {expected}; a list must not be empty.");
        }

        return type;
    }

    private static FieldType? ReadOne(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => FieldType.Text,
        JsonValueKind.Number => FieldType.Decimal,
        JsonValueKind.True or JsonValueKind.False => FieldType.Boolean,
        _ => null,
    };
}
