using System.Globalization;
using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules.Values;

/// <summary>One constant of a rule.</summary>
/// <param name="Operand">As a parameter.</param>
/// <param name="Value">As a string, int, decimal or boolean; of a date, its own date or time; null for a relative date.</param>
/// <param name="Date">As a date; null for other types.</param>
/// <param name="Description">In plain English.</param>
internal sealed record Constant(Operand Operand, object? Value, DateValue? Date, string Description)
{
    /// <summary>As the bound of a range: a <see cref="DateValue"/> or a number.</summary>
    public object? Bound => (object?)Date ?? Value;
}

/// <summary>Reads single constants of a type, and checks them.</summary>
/// <param name="compilation">Where errors are added.</param>
/// <param name="field">The field that they are compared with.</param>
/// <param name="type">Its type; for a property, that of the rule's value.</param>
/// <param name="evaluation">The clock of relative dates.</param>
internal sealed class ConstantReader(Compilation compilation, Field field, FieldType type, Expression evaluation)
{
    // A builder's values are often strings whatever the field holds; a property's value is compared as its JSON type.
    private readonly bool allowsStrings = field.Type != FieldType.Property;

    /// <summary>Reads a constant; null where it is none of the type, which adds an error.</summary>
    public Constant? Read(JsonElement value, string pointer, bool inList) => type switch
    {
        FieldType.Text or FieldType.Set => ReadText(value, pointer, inList),
        FieldType.Integer or FieldType.Decimal => ReadNumber(value, pointer),
        FieldType.Boolean => ReadBoolean(value, pointer),
        FieldType.Date or FieldType.Instant or FieldType.Yearly => ReadDate(value, pointer),
        _ => AddMismatch(value, pointer),
    };

    private Constant? ReadText(JsonElement value, string pointer, bool inList)
    {
        if (value.ValueKind != JsonValueKind.String)
        {
            return AddMismatch(value, pointer);
        }

        var text = value.GetString()!;
        var max = compilation.Limits.MaxTextLength;
        if (text.Length > max)
        {
            return AddError(pointer, $"{field.Name}: a string may have {max} characters at most; this has {text.Length}.");
        }

        if (string.IsNullOrWhiteSpace(text))
        {
            return AddError(pointer, inList
                ? $"{field.Name} must be {ErrorText.DescribeExpected(type)}; a list must not have a blank item."
                : $"{field.Name} must be a string that is not empty; for a missing value use the operator null.");
        }

        if (field.Check?.Invoke(text) is { } fault)
        {
            return AddError(pointer, fault);
        }

        var normalized = CaseNormalizer.Normalize(text);
        return new Constant(new Operand(Literal<string>.Create(normalized)), normalized, null, $"\"{text}\"");
    }

    private Constant? ReadNumber(JsonElement value, string pointer)
    {
        decimal? parsed = value.ValueKind switch
        {
            JsonValueKind.Number => RuleNumber.Parse(value),
            JsonValueKind.String when allowsStrings => RuleNumber.Parse(value.GetString()),
            _ => null,
        };
        if (parsed is null && value.ValueKind == JsonValueKind.Number)
        {
            return AddError(pointer, $"{field.Name} must be {ErrorText.DescribeExpected(type)}. {RuleNumber.Range}");
        }

        if (parsed is not { } number || (type == FieldType.Integer && decimal.Truncate(number) != number))
        {
            return AddMismatch(value, pointer);
        }

        var description = (number / 1.0000000000m).ToString("0.#########", CultureInfo.InvariantCulture);
        if (!IsReadAsInt())
        {
            return new Constant(new Operand(Literal<decimal>.Create(number)), number, null, description);
        }

        return number is < int.MinValue or > int.MaxValue
            ? AddError(pointer, $"{field.Name} must be an integer from {int.MinValue} to {int.MaxValue}.")
            : new Constant(new Operand(Literal<int>.Create((int)number)), (int)number, null, description);
    }

    // A parameter is as wide as the field's own expression: a wider one would have every row cast.
    private bool IsReadAsInt()
    {
        if (field.Access is not ScalarAccess scalar)
        {
            return false;
        }

        var read = scalar.Value.ReturnType;
        return (Nullable.GetUnderlyingType(read) ?? read) == typeof(int);
    }

    private Constant? ReadBoolean(JsonElement value, string pointer)
    {
        bool? flag = value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            JsonValueKind.String when allowsStrings && bool.TryParse(value.GetString(), out var read) => read,
            _ => null,
        };

        // Two shapes of query rather than a comparison of truth values.
        return flag is { } constant
            ? new Constant(new Operand(Expression.Constant(constant)), constant, null, constant ? "true" : "false")
            : AddMismatch(value, pointer);
    }

    private Constant? ReadDate(JsonElement value, string pointer)
    {
        if (new DateReader(compilation, field.Name, type).Read(value, pointer) is not { } date)
        {
            return null;
        }

        object? own = date switch
        {
            DateValue.Day day => day.Date,
            DateValue.Exact exact => exact.Instant,
            DateValue.Local local => local.Time,
            _ => null,
        };
        return new Constant(CreateOperand(date), own, date, date.Describe());
    }

    private Operand CreateOperand(DateValue date)
    {
        var literal = Literal<DateValue>.Create(date);
        if (type != FieldType.Instant)
        {
            return new Operand(Expression.Call(evaluation, nameof(Evaluation.Date), null, literal));
        }

        var from = Expression.Call(evaluation, nameof(Evaluation.From), null, literal);
        return date is DateValue.Day
            ? new Operand(from, Expression.Call(evaluation, nameof(Evaluation.To), null, literal))
            : new Operand(from);
    }

    private Constant? AddMismatch(JsonElement value, string pointer) =>
        AddError(pointer, ErrorText.DescribeMismatch(field.Name, ErrorText.DescribeExpected(type), value));

    private Constant? AddError(string pointer, string message)
    {
        compilation.AddError(pointer, message);
        return null;
    }
}
