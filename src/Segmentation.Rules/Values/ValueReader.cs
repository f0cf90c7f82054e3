using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules.Values;

/// <summary>The value of a rule: as parameters, and in plain English.</summary>
internal sealed record RuleValue(Operands Operands, string Description)
{
    /// <summary>Whether a number in it is past what a decimal holds.</summary>
    public bool HasLargeNumber { get; init; }
}

/// <summary>Reads the value of one rule: as many constants as its operator needs, checked against the field's type.</summary>
internal sealed class ValueReader(Compilation compilation, Field field, FieldType type, Operator op, Expression evaluation)
{
    // A longer list is described by its first values and how many more there are.
    private const int MaxDescribed = 10;

    private readonly ConstantReader constants = new(compilation, field, type, evaluation, op);

    // A property's lists are JSON lists; a builder's comma lists stand for fields of fixed type, where the operator is one of lists.
    private readonly bool allowsCommaLists = field.Type != FieldType.Property && op.Arity is Arity.List or Arity.Range;

    /// <summary>Reads the value; null where it has errors, which are added.</summary>
    public RuleValue? Read(JsonElement value, string pointer) => op.Arity switch
    {
        Arity.None => new RuleValue(new Operands(), ""),
        Arity.One when type == FieldType.Point => new AreaReader(compilation, field.Name).Read(value, pointer),
        Arity.One => ReadOne(value, pointer),
        Arity.Range => ReadRange(value, pointer),
        _ => ReadList(value, pointer),
    };

    private RuleValue? ReadOne(JsonElement value, string pointer)
    {
        if (constants.Read(value, pointer, inList: false) is not { } one)
        {
            return null;
        }

        var operands = type == FieldType.Yearly
            ? new Operands { Window = CreateWindow(one.Date!, one.Date!, canCross: false) }
            : new Operands { One = one.Operand };
        return new RuleValue(operands, one.Description) { HasLargeNumber = IsLargeNumber(one) };
    }

    private RuleValue? ReadRange(JsonElement value, string pointer)
    {
        var items = SplitItems(value, pointer);
        if (items.Count != 2 || value.ValueKind is not (JsonValueKind.Array or JsonValueKind.String))
        {
            if (items.Count == 0 || IsBlank(value))
            {
                compilation.AddIncomplete(pointer, $"{field.Name} between needs two values: [low, high].");
                return null;
            }

            var actual = value.ValueKind == JsonValueKind.Array ? $"has {items.Count}" : $"is {ErrorText.DescribeActual(value)}";
            compilation.AddError(pointer, $"{field.Name} between needs two values, [low, high], but {actual}.");
            return null;
        }

        var low = constants.Read(items[0].Value, items[0].Pointer, inList: true);
        var high = constants.Read(items[1].Value, items[1].Pointer, inList: true);
        if (low is null || high is null)
        {
            return null;
        }

        var description = $"{low.Description} and {high.Description}";
        if (type == FieldType.Yearly)
        {
            return new RuleValue(new Operands { Window = CreateWindow(low.Date!, high.Date!, canCross: true) }, description);
        }

        return compilation.AddErrorIf(
            RangeOrder.IsReversed(low.Bound, high.Bound), pointer, $"{field.Name} between needs the lower value first.")
            ? null
            : new RuleValue(new Operands { One = low.Operand, High = high.Operand }, description);
    }

    private RuleValue? ReadList(JsonElement value, string pointer)
    {
        var items = SplitItems(value, pointer);
        if (items.Count == 0)
        {
            compilation.AddIncomplete(pointer, $"{field.Name} must be {ErrorText.DescribeExpected(type)}; a list must not be empty.");
            return null;
        }

        var max = compilation.Limits.MaxListLength;
        if (compilation.AddErrorIf(
            items.Count > max, pointer, $"{field.Name}: a list may have {max} values at most; this has {items.Count}."))
        {
            return null;
        }

        var isOne = value.ValueKind != JsonValueKind.Array && items.Count == 1;
        var read = items.Select(item => constants.Read(item.Value, item.Pointer, inList: !isOne)).OfType<Constant>().ToList();
        if (read.Count < items.Count)
        {
            return null;
        }

        var large = read.FindAll(IsLargeNumber);
        var many = CreateMany(read.FindAll(c => !IsLargeNumber(c)));
        return new RuleValue(
            new Operands { Many = large.Count == 0 ? many : many with { Large = CreateMany(large) } }, DescribeList(read))
        {
            HasLargeNumber = large.Count > 0,
        };
    }

    // All of several, or any of them.
    private string DescribeList(List<Constant> read)
    {
        var more = read.Count > MaxDescribed ? $" and {read.Count - MaxDescribed} more" : "";
        var shown = read.Take(MaxDescribed).Select(c => c.Description).ToList();
        return op.Arity == Arity.OneOrMany && shown.Count > 1 && more.Length == 0
            ? $"{string.Join(", ", shown[..^1])} and {shown[^1]}"
            : string.Join(", ", shown) + more;
    }

    private bool IsLargeNumber(Constant constant) => type == FieldType.Decimal && constant.Value is string;

    private static bool IsBlank(JsonElement value) =>
        value.ValueKind == JsonValueKind.String && string.IsNullOrWhiteSpace(value.GetString());

    private static ManyOperands CreateMany(List<Constant> constants) =>
        new([.. constants.Select(c => c.Operand)], CreateArray(constants.ConvertAll(c => c.Value)));

    private List<(JsonElement Value, string Pointer)> SplitItems(JsonElement value, string pointer)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            return [.. value.EnumerateArray().Select((item, i) => (item, $"{pointer}/{i}"))];
        }

        if (value.ValueKind == JsonValueKind.String && allowsCommaLists)
        {
            return [.. value.GetString()!.Split(',').Select(part => (JsonSerializer.SerializeToElement(part.Trim()), pointer))];
        }

        return [(value, pointer)];
    }

    // Bound as one parameter, a list of any length is the same query.
    private static Expression? CreateArray(List<object?> values) => values is [var first, ..] ? first switch
    {
        string => Literal<string[]>.Create([.. values.Cast<string>()]),
        int => Literal<int[]>.Create([.. values.Cast<int>()]),
        decimal => Literal<decimal[]>.Create([.. values.Cast<decimal>()]),
        _ => null,
    }
    : null;

    private YearlyWindow CreateWindow(DateValue low, DateValue high, bool canCross)
    {
        return new YearlyWindow(
            Bound(nameof(Evaluation.YearlyFirstLow)), Bound(nameof(Evaluation.YearlyFirstHigh)),
            Bound(nameof(Evaluation.YearlySecondHigh)), canCross);

        Operand Bound(string method) =>
            new(Expression.Call(evaluation, method, null, Literal<DateValue>.Create(low), Literal<DateValue>.Create(high)));
    }
}
