using System.Globalization;
using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules.Values;

/// <summary>One constant of a rule.</summary>
/// <param name="Operand">As a parameter.</param>
/// <param name="Value">
/// As a string, int, decimal or boolean; of a date, its own date or time; null for a relative date. A number past what a decimal holds is
/// the string of its digits.
/// </param>
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
/// <param name="op">The operator whose values they are; null for thresholds of <c>match</c>.</param>
internal sealed class ConstantReader(Compilation compilation, Field field, FieldType type, Expression evaluation, Operator? op = null)
{
    private const int MaxDescribedDigits = 40;

    // A builder's values are often strings whatever the field holds; a property's value is compared as its JSON type.
    private readonly bool allowsStrings = field.Type != FieldType.Property;

    // As the data are: an event's properties are kept as sent, all other texts are trimmed where they are written.
    private readonly bool keepsBlanks = field.Type == FieldType.Property || op is { KeepsBlanks: true };

    // Numbers past what a decimal holds can be told apart, but are in no order.
    private readonly bool allowsLargeNumbers = field.Type == FieldType.Property && op?.Name is "=" or "in";

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

        var text = keepsBlanks ? value.GetString()! : value.GetString()!.Trim();
        var max = compilation.Limits.MaxTextLength;
        if (text.Length > max)
        {
            return AddError(pointer, $"{field.Name}: a string may have {max} characters at most; this has {text.Length}.");
        }

        if (op is { KeepsBlanks: true } ? text.Length == 0 : string.IsNullOrWhiteSpace(text))
        {
            compilation.AddIncomplete(pointer, inList
                ? $"{field.Name} must be {ErrorText.DescribeExpected(type)}; a list must not have a blank item."
                : $"{field.Name} needs a value: a string that is not empty; for a missing value use the operator null.");
            return null;
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
        if (IsBlank(value))
        {
            return AddIncomplete(pointer);
        }

        var text = value.ValueKind == JsonValueKind.Number ? value.GetRawText()
            : value.ValueKind == JsonValueKind.String && allowsStrings ? value.GetString()
            : null;
        var kind = RuleNumber.Read(text, out var number);
        if (kind == NumberKind.TooLarge)
        {
            return allowsLargeNumbers
                ? CreateLargeNumber(text!)
                : AddError(pointer, $"{field.Name} must be {ErrorText.DescribeExpected(type)}. {RuleNumber.Range}");
        }

        if (kind == NumberKind.None || (type == FieldType.Integer && decimal.Truncate(number) != number))
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

    private static Constant CreateLargeNumber(string text)
    {
        var digits = RuleNumber.ReadDigits(text)!;
        return new Constant(new Operand(Literal<string>.Create(digits)), digits, null, text.Length <= MaxDescribedDigits ? text : digits);
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
        if (IsBlank(value))
        {
            return AddIncomplete(pointer);
        }

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
        if (IsBlank(value))
        {
            return AddIncomplete(pointer);
        }

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
        return new Constant(CreateOperand(date), own, date, DateDescription.Describe(date, type, alone: op?.Name == "="));
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

    private bool IsBlank(JsonElement value) =>
        allowsStrings && value.ValueKind == JsonValueKind.String && string.IsNullOrWhiteSpace(value.GetString());

    private Constant? AddIncomplete(string pointer)
    {
        compilation.AddIncomplete(pointer, $"{field.Name} needs a value: {ErrorText.DescribeExpected(type)}.");
        return null;
    }

    private Constant? AddMismatch(JsonElement value, string pointer) =>
        AddError(pointer, ErrorText.DescribeMismatch(field.Name, ErrorText.DescribeExpected(type), value));

    private Constant? AddError(string pointer, string message)
    {
        compilation.AddError(pointer, message);
        return null;
    }
}
