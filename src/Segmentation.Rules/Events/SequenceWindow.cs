using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Events;

/// <summary>Within how long after the first event of a sequence its last must happen.</summary>
/// <param name="Amount">From 1.</param>
/// <param name="Unit">Minutes and hours are exact; days and longer are calendar time.</param>
internal sealed record SequenceWindow(int Amount, DateUnit Unit)
{
    /// <summary>The properties of a window.</summary>
    public static readonly string[] Properties = ["amount", "unit"];

    private const int MaxDays = 36_525;
    private const int MinutesOfHour = 60, MinutesOfDay = 1440;

    public string Description => DateDescription.DescribeLength(Amount, Unit);

    /// <summary>How many minutes it can last at most, whatever months and changes of the clock it holds.</summary>
    public int MaxMinutes => MinutesOfDay * Unit switch
    {
        DateUnit.Minute => (Amount / MinutesOfDay) + 1,
        DateUnit.Hour => (Amount / 24) + 1,
        DateUnit.Day => Amount + 2,
        DateUnit.Week => (7 * Amount) + 2,
        DateUnit.Month => (31 * Amount) + 2,
        _ => (366 * Amount) + 2,
    };

    /// <summary>Reads <c>within</c>; null where it has errors, which are added.</summary>
    public static SequenceWindow? Read(Compilation compilation, JsonElement value, string pointer)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            compilation.AddError(pointer, ErrorText.DescribeMismatch("within", "{\"amount\",\"unit\"}", value));
            return null;
        }

        compilation.CheckPropertyNames(value, pointer, "within", Properties);
        var isString = value.TryGetProperty("unit", out var unitName) && unitName.ValueKind == JsonValueKind.String;
        var unit = isString ? Array.IndexOf(DateReader.UnitNames, unitName.GetString()) : -1;
        compilation.AddErrorIf(unit < 0, $"{pointer}/unit", ErrorText.DescribeChoice("unit", DateReader.UnitNames, unitName));
        var amount = 0;
        var isNumber = value.TryGetProperty("amount", out var number) && number.ValueKind == JsonValueKind.Number;
        var isInteger = isNumber && number.TryGetInt32(out amount);
        if (!isInteger || amount < 1 || amount * CountDays((DateUnit)Math.Max(unit, 0)) > MaxDays)
        {
            var mismatch = ErrorText.DescribeMismatch("amount", "an integer from 1, and at most 100 years", number);
            compilation.AddError($"{pointer}/amount", mismatch);
            return null;
        }

        return unit < 0 ? null : new SequenceWindow(amount, (DateUnit)unit);
    }

    /// <summary>The instant at which the window of a sequence ends that begins at another.</summary>
    public Expression FindEnd(Expression begin, Expression evaluation)
    {
        if (Unit is DateUnit.Minute or DateUnit.Hour)
        {
            var minutes = Amount * (Unit == DateUnit.Hour ? MinutesOfHour : 1);
            return Expression.Call(typeof(LocalTime), nameof(LocalTime.AddMinutes), null, begin, Literal<int>.Create(minutes));
        }

        var (months, days) = Unit switch
        {
            DateUnit.Day => (0, Amount),
            DateUnit.Week => (0, 7 * Amount),
            DateUnit.Month => (Amount, 0),
            _ => (12 * Amount, 0),
        };
        var zone = Expression.Property(evaluation, nameof(Evaluation.ZoneId));
        return Expression.Call(
            typeof(LocalTime), nameof(LocalTime.AddCalendar), null,
            begin, zone, Literal<int>.Create(months), Literal<int>.Create(days));
    }

    private static double CountDays(DateUnit unit) => unit switch
    {
        DateUnit.Minute => 1d / MinutesOfDay,
        DateUnit.Hour => 1 / 24d,
        DateUnit.Day => 1,
        DateUnit.Week => 7,
        DateUnit.Month => 30.4375,
        _ => 365.25,
    };
}
