using System.Globalization;
using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Expressions;

namespace Segmentation.Rules.Values;

/// <summary>Reads the value of one rule: checks it against the field's type, and makes it parameters and words.</summary>
internal sealed class ValueReader(RulePass pass, Field owner, FieldType type, Expression evaluation)
{
    private static readonly string[] AnchorNames = [.. Enum.GetNames<DateAnchor>().Select(CamelCase)];
    private static readonly string[] UnitNames = [.. Enum.GetNames<DateUnit>().Select(CamelCase)];

    /// <summary>The values in words, once they have been read.</summary>
    public string Words { get; private set; } = "";

    // A property's lists are JSON lists; a builder's comma lists stand for fields of fixed type.
    private bool TakesCommaLists => owner.Type != FieldType.Property;

    public Operands Read(Arity arity, JsonElement value, string pointer)
    {
        switch (arity)
        {
            case Arity.None:
                return new Operands();
            case Arity.One when type == FieldType.Point:
                return new Operands { Area = Area(value, pointer)! };
            case Arity.One:
                var one = Parse(value, pointer, list: false);
                Words = one?.Words ?? "";
                return one is null ? new Operands() : type == FieldType.Yearly
                    ? new Operands { Window = Window(one.Value.Date!, one.Value.Date!, canCross: false) }
                    : new Operands { One = one.Value.Operand };
            case Arity.Range:
                return Range(value, pointer);
            default:
                return new Operands { Many = List(value, pointer)! };
        }
    }

    /// <summary>A threshold: a decimal, or a <see cref="DateValue"/>.</summary>
    public object? Threshold(JsonElement value, string pointer) => Parse(value, pointer, list: false) is { } parsed ? (object?)parsed.Date ?? parsed.Constant : null;

    /// <summary>Whether two constants of a range are reversed; relative dates are not known before the evaluation.</summary>
    public static bool WrongWayRound(object? low, object? high) => (low, high) switch
    {
        (DateValue.Relative, _) or (_, DateValue.Relative) => false,
        (DateValue.Exact l, DateValue.Exact h) => l.Instant > h.Instant,

        // An instant and a time on a clock not known here: reversed in any zone.
        (DateValue.Exact l, DateValue h) => l.Instant.DateTime > Last(h).AddHours(14),
        (DateValue l, DateValue.Exact h) => First(l).AddHours(-14) > h.Instant.DateTime,
        (DateValue l, DateValue h) => First(l) > Last(h),
        (IComparable l, _) => l.CompareTo(high) > 0,
        _ => false,
    };

    private static DateTime First(DateValue value) => value is DateValue.Day day ? day.Date.ToDateTime(TimeOnly.MinValue) : ((DateValue.Local)value).Time;

    private static DateTime Last(DateValue value) => value is DateValue.Day day ? day.Date.ToDateTime(TimeOnly.MaxValue) : ((DateValue.Local)value).Time;

    private Operands Range(JsonElement value, string pointer)
    {
        var (items, pointers) = Items(value, pointer);
        if (items.Count != 2 || (value.ValueKind is not (JsonValueKind.Array or JsonValueKind.String)))
        {
            pass.Error(pointer, $"{owner.Name} between takes two values, low and high: [low, high]; got {(value.ValueKind == JsonValueKind.Array ? $"{items.Count}" : ErrorText.DescribeActual(value))}.");
            return new Operands();
        }

        var (first, second) = (Parse(items[0], pointers[0], list: true), Parse(items[1], pointers[1], list: true));
        if (first is not { } low || second is not { } high)
        {
            return new Operands();
        }

        Words = $"{low.Words} and {high.Words}";
        if (type == FieldType.Yearly)
        {
            return new Operands { Window = Window(low.Date!, high.Date!, canCross: true) };
        }

        if (WrongWayRound((object?)low.Date ?? low.Constant, (object?)high.Date ?? high.Constant))
        {
            pass.Error(pointer, $"{owner.Name} between takes the lower value first.");
        }

        return new Operands { One = low.Operand, High = high.Operand };
    }

    private ManyOperands? List(JsonElement value, string pointer)
    {
        var (items, pointers) = Items(value, pointer);
        if (items.Count == 0)
        {
            pass.Error(pointer, $"{owner.Name} takes {ErrorText.DescribeExpected(type)}; a list may not be empty.");
            return null;
        }

        if (items.Count > pass.Limits.MaxListLength)
        {
            pass.Error(pointer, $"{owner.Name}: a list may hold {pass.Limits.MaxListLength} values at most; got {items.Count}.");
            return null;
        }

        var parsed = items.Select((item, i) => Parse(item, pointers[i], list: true)).ToList();
        if (parsed.Any(p => p is null))
        {
            return null;
        }

        Words = string.Join(", ", parsed.Take(10).Select(p => p!.Value.Words)) + (parsed.Count > 10 ? $" and {parsed.Count - 10} more" : "");
        return new ManyOperands([.. parsed.Select(p => p!.Value.Operand)], Array(parsed.Select(p => p!.Value.Constant).ToList()));
    }

    private (IReadOnlyList<JsonElement> Items, IReadOnlyList<string> Pointers) Items(JsonElement value, string pointer)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            return ([.. value.EnumerateArray()], [.. Enumerable.Range(0, value.GetArrayLength()).Select(i => $"{pointer}/{i}")]);
        }

        if (value.ValueKind == JsonValueKind.String && TakesCommaLists)
        {
            JsonElement[] items = [.. value.GetString()!.Split(',').Select(part => JsonSerializer.SerializeToElement(part.Trim()))];
            return (items, [.. items.Select(_ => pointer)]);
        }

        return ([value], [pointer]);
    }

    // Sent as one parameter, a list of any length is the same query.
    private Expression? Array(IReadOnlyList<object?> constants) => (type, constants[0]) switch
    {
        (FieldType.Text or FieldType.Set, _) => Literal<string[]>.Create([.. constants.Cast<string>()]),
        (_, int) => Literal<int[]>.Create([.. constants.Cast<int>()]),
        (_, decimal) => Literal<decimal[]>.Create([.. constants.Cast<decimal>()]),
        _ => null,
    };

    private (Operand Operand, object? Constant, DateValue? Date, string Words)? Parse(JsonElement value, string pointer, bool list)
    {
        switch (type)
        {
            case FieldType.Text or FieldType.Set:
                if (value.ValueKind != JsonValueKind.String)
                {
                    break;
                }

                var text = value.GetString()!;
                if (string.IsNullOrWhiteSpace(text) || text.Length > pass.Limits.MaxTextLength)
                {
                    pass.Error(pointer, text.Length > pass.Limits.MaxTextLength ? $"{owner.Name}: a text may have {pass.Limits.MaxTextLength} characters at most; this has {text.Length}."
                        : list ? $"{owner.Name} takes {ErrorText.DescribeExpected(type)}; a list may not hold a blank item." : $"{owner.Name} takes a text that is not empty; for a missing value use the operator null.");
                    return null;
                }

                if (owner.Check?.Invoke(text) is { } fault)
                {
                    pass.Error(pointer, fault);
                    return null;
                }

                var folded = CaseNormalizer.Normalize(text);
                return (new Operand(Literal<string>.Create(folded)), folded, null, $"\"{text}\"");

            case FieldType.Integer or FieldType.Decimal:
                var number = value.ValueKind == JsonValueKind.Number ? RuleNumber.Parse(value)
                    : value.ValueKind == JsonValueKind.String && owner.Type != FieldType.Property ? RuleNumber.Parse(value.GetString()) : null;
                if (number is null && value.ValueKind == JsonValueKind.Number)
                {
                    pass.Error(pointer, $"{owner.Name} takes {ErrorText.DescribeExpected(type)}. {RuleNumber.Range}");
                    return null;
                }

                if (number is not { } n || (type == FieldType.Integer && decimal.Truncate(n) != n))
                {
                    break;
                }

                var words = (n / 1.0000000000m).ToString("0.#########", CultureInfo.InvariantCulture);

                // As wide as the field's own expression: a wider parameter would have every row cast.
                if (owner.Access is ScalarAccess { Value.ReturnType: var t } && (Nullable.GetUnderlyingType(t) ?? t) == typeof(int))
                {
                    if (n is < int.MinValue or > int.MaxValue)
                    {
                        pass.Error(pointer, $"{owner.Name} takes an integer from {int.MinValue} to {int.MaxValue}.");
                        return null;
                    }

                    return (new Operand(Literal<int>.Create((int)n)), (int)n, null, words);
                }

                return (new Operand(Literal<decimal>.Create(n)), n, null, words);

            case FieldType.Boolean:
                bool? flag = value.ValueKind switch
                {
                    JsonValueKind.True => true,
                    JsonValueKind.False => false,
                    JsonValueKind.String when owner.Type != FieldType.Property && bool.TryParse(value.GetString(), out var read) => read,
                    _ => null,
                };
                if (flag is not { } b)
                {
                    break;
                }

                // Two shapes rather than a comparison of truth values.
                return (new Operand(Expression.Constant(b)), b, null, b ? "true" : "false");

            case FieldType.Date or FieldType.Instant or FieldType.Yearly:
                if (Date(value, pointer) is not { } date)
                {
                    return null;
                }

                return (DateOperand(date), Constant(date), date, date.Describe());
        }

        pass.Error(pointer, $"{owner.Name} takes {ErrorText.DescribeExpected(type)}; got {ErrorText.DescribeActual(value)}.");
        return null;
    }

    private static object? Constant(DateValue date) => date switch
    {
        DateValue.Day day => day.Date,
        DateValue.Exact exact => exact.Instant,
        DateValue.Local local => local.Time,
        _ => null,
    };

    private Operand DateOperand(DateValue date)
    {
        var literal = Literal<DateValue>.Create(date);
        if (type != FieldType.Instant)
        {
            return new Operand(Expression.Call(evaluation, nameof(Evaluation.Date), null, literal));
        }

        var from = Expression.Call(evaluation, nameof(Evaluation.From), null, literal);
        return date is DateValue.Day ? new Operand(from, Expression.Call(evaluation, nameof(Evaluation.To), null, literal)) : new Operand(from);
    }

    private YearlyWindow Window(DateValue low, DateValue high, bool canCross)
    {
        Operand Bound(string method) => new(Expression.Call(evaluation, method, null, Literal<DateValue>.Create(low), Literal<DateValue>.Create(high)));
        return new YearlyWindow(
            Bound(nameof(Evaluation.YearlyFirstLow)), Bound(nameof(Evaluation.YearlyFirstHigh)),
            Bound(nameof(Evaluation.YearlySecondLow)), Bound(nameof(Evaluation.YearlySecondHigh)), canCross);
    }

    private DateValue? Date(JsonElement value, string pointer)
    {
        if (value.ValueKind == JsonValueKind.String)
        {
            var parsed = DateValue.Parse(value.GetString()!);
            if (parsed is null)
            {
                pass.Error(pointer, $"{owner.Name} takes {ErrorText.DescribeExpected(type)}; got {ErrorText.DescribeActual(value)}.");
            }

            return parsed;
        }

        if (value.ValueKind != JsonValueKind.Object)
        {
            pass.Error(pointer, $"{owner.Name} takes {ErrorText.DescribeExpected(type)}; got {ErrorText.DescribeActual(value)}.");
            return null;
        }

        return Relative(value, pointer);
    }

    private DateValue.Relative? Relative(JsonElement value, string pointer)
    {
        var errors = pass.Errors.Count;
        string[] known = ["mode", "anchor", "offset", "unit"];
        foreach (var property in value.EnumerateObject().Where(p => !known.Contains(p.Name, StringComparer.Ordinal)))
        {
            pass.Error(RuleError.Below(pointer, property.Name), $"{ErrorText.Quote(property.Name)} is not a property of a relative date. {NearestName.Hint(property.Name, known)}");
        }

        var mode = Choice(value, "mode", ["relative"], pointer);
        var anchor = Choice(value, "anchor", AnchorNames, pointer);
        var unit = Choice(value, "unit", UnitNames, pointer);
        var offset = 0;
        if (!value.TryGetProperty("offset", out var number) || number.ValueKind != JsonValueKind.Number || !number.TryGetInt32(out offset))
        {
            pass.Error($"{pointer}/offset", $"offset takes an integer; got {ErrorText.DescribeActual(number)}.");
        }

        return pass.Errors.Count > errors ? null : new DateValue.Relative((DateAnchor)anchor, offset, (DateUnit)unit);
    }

    private int Choice(JsonElement value, string name, string[] known, string pointer)
    {
        var index = value.TryGetProperty(name, out var choice) && choice.ValueKind == JsonValueKind.String ? System.Array.IndexOf(known, choice.GetString()) : -1;
        if (index < 0)
        {
            pass.Error($"{pointer}/{name}", $"{name} takes one of {string.Join(", ", known)}; got {ErrorText.DescribeActual(choice)}.{NearestName.Suggest(choice.ValueKind == JsonValueKind.String ? choice.GetString() : null, known)}");
        }

        return index;
    }

    private Area? Area(JsonElement value, string pointer)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            pass.Error(pointer, $"{owner.Name} takes {ErrorText.DescribeExpected(type)}; got {ErrorText.DescribeActual(value)}.");
            return null;
        }

        var isPolygon = value.TryGetProperty("polygon", out var polygon);
        string[] known = isPolygon ? ["polygon"] : ["latitude", "longitude", "radiusKm"];
        var errors = pass.Errors.Count;
        foreach (var property in value.EnumerateObject().Where(p => !known.Contains(p.Name, StringComparer.Ordinal)))
        {
            pass.Error(RuleError.Below(pointer, property.Name), $"{ErrorText.Quote(property.Name)} does not belong to {ErrorText.DescribeExpected(FieldType.Point)}.");
        }

        if (isPolygon)
        {
            var corners = Corners(polygon, $"{pointer}/polygon");
            Words = $"a polygon of {corners.Count} corners";
            return pass.Errors.Count > errors ? null : new Area(corners);
        }

        double Number(string name, double low, double high)
        {
            if (value.TryGetProperty(name, out var v) && Coordinate(v) is { } number && number >= low && number <= high && (name != "radiusKm" || number > 0))
            {
                return number;
            }

            pass.Error($"{pointer}/{name}", $"{name} takes a number {(name == "radiusKm" ? "above" : "from")} {low} {(name == "radiusKm" ? "and at most" : "to")} {high}; got {ErrorText.DescribeActual(v)}.");
            return 0;
        }

        var (latitude, longitude, radius) = (Number("latitude", -90, 90), Number("longitude", -180, 180), Number("radiusKm", 0, Segmentation.Rules.Values.Area.MaxRadiusKm));
        Words = string.Create(CultureInfo.InvariantCulture, $"{radius} km of {latitude}, {longitude}");
        return pass.Errors.Count > errors ? null : new Area(latitude, longitude, radius);
    }

    private List<(double Longitude, double Latitude)> Corners(JsonElement polygon, string pointer)
    {
        var corners = new List<(double Longitude, double Latitude)>();
        if (polygon.ValueKind != JsonValueKind.Array)
        {
            pass.Error(pointer, $"A polygon is a list of [longitude, latitude]; got {ErrorText.DescribeActual(polygon)}.");
            return corners;
        }

        if (polygon.GetArrayLength() is < Segmentation.Rules.Values.Area.MinCorners or > Segmentation.Rules.Values.Area.MaxCorners)
        {
            pass.Error(pointer, $"A polygon has {Segmentation.Rules.Values.Area.MinCorners} to {Segmentation.Rules.Values.Area.MaxCorners} points; got {polygon.GetArrayLength()}.");
            return corners;
        }

        var index = 0;
        foreach (var corner in polygon.EnumerateArray())
        {
            if (corner.ValueKind == JsonValueKind.Array && corner.GetArrayLength() == 2
                && Coordinate(corner[0]) is { } longitude && Coordinate(corner[1]) is { } latitude && Math.Abs(longitude) <= 180 && Math.Abs(latitude) <= 90)
            {
                corners.Add((longitude, latitude));
            }
            else
            {
                pass.Error($"{pointer}/{index}", $"A point is [longitude, latitude] within ±180 and ±90; got {ErrorText.DescribeActual(corner)}.");
            }

            index++;
        }

        for (var i = 0; corners.Count == index && i < index; i++)
        {
            // The edge that closes the polygon is reported at the last corner, every other at its end.
            if (Math.Abs(corners[i].Longitude - corners[(i + 1) % index].Longitude) > 180)
            {
                pass.Error($"{pointer}/{Math.Min(i + 1, index - 1)}", "No edge of a polygon may span more than 180 degrees; split it at the date line.");
            }
        }

        return corners;
    }

    private static double? Coordinate(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number) ? number
        : value.ValueKind == JsonValueKind.String && double.TryParse(value.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture, out number) && double.IsFinite(number) ? number
        : null;

    private static string CamelCase(string name) => char.ToLowerInvariant(name[0]) + name[1..];
}
