using System.Globalization;
using System.Text.Json.Nodes;
using Segmentation.Rules;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Insight;

/// <summary>Says findings as rules.</summary>
internal static class ProfileRules
{
    /// <summary>A tree of one condition.</summary>
    public static JsonObject Condition(string field, string operation, JsonNode? value = null)
    {
        var rule = new JsonObject { ["field"] = field, ["operator"] = operation };
        if (value is not null)
        {
            rule["value"] = value.DeepClone();
        }

        return Group(rule);
    }

    /// <summary>Who did an event of a type in the last days.</summary>
    /// <param name="match">How often; once where it is null.</param>
    /// <param name="property">A condition on the event besides.</param>
    public static JsonObject Did(string type, int days, JsonObject? match = null, (string Name, JsonNode Value)? property = null)
    {
        List<JsonObject> rules =
        [
            new() { ["field"] = "type", ["operator"] = "=", ["value"] = type },
            new() { ["field"] = "occurredAt", ["operator"] = ">=", ["value"] = DaysAgo(days) },
        ];
        if (property is var (name, value))
        {
            rules.Add(new() { ["field"] = $"properties.{name}", ["operator"] = "=", ["value"] = value.DeepClone() });
        }

        return Group(new JsonObject
        {
            ["field"] = "behavioral.events",
            ["operator"] = "=",
            ["match"] = match ?? new JsonObject { ["mode"] = "atLeast", ["threshold"] = 1 },
            ["value"] = Group([.. rules]),
        });
    }

    /// <summary>Who did an event of a type a number of times.</summary>
    public static JsonObject DidTimes(string type, int days, decimal? from, decimal? to) => Did(type, days, (from, to) switch
    {
        ({ } low, { } high) => new() { ["mode"] = "between", ["threshold"] = new JsonArray(low, high - 1) },
        ({ } low, null) => new() { ["mode"] = "atLeast", ["threshold"] = low },
        (null, { } high) => new() { ["mode"] = "atMost", ["threshold"] = high - 1 },
        _ => throw new InvalidOperationException("A range has a bound."),
    });

    /// <summary>Whose number is <paramref name="from"/> or more and below <paramref name="to"/>; of dates, the days before now.</summary>
    public static JsonObject Between(Field field, decimal? from, decimal? to)
    {
        var isDate = field.Type is FieldType.Date or FieldType.Instant;
        if (field.Type == FieldType.Integer && from is { } least && to is { } below)
        {
            return Group(new JsonObject { ["field"] = field.Name, ["operator"] = "between", ["value"] = new JsonArray(least, below - 1) });
        }

        List<JsonObject> rules = [];
        if (from is { } low)
        {
            rules.Add(new()
            {
                ["field"] = field.Name,
                ["operator"] = isDate ? "<=" : ">=",
                ["value"] = isDate ? DaysAgo((int)low) : low,
            });
        }

        if (to is { } high)
        {
            var isWhole = field.Type == FieldType.Integer;
            rules.Add(new()
            {
                ["field"] = field.Name,
                ["operator"] = isDate ? ">" : isWhole ? "<=" : "<",
                ["value"] = isDate ? DaysAgo((int)high) : isWhole ? high - 1 : high,
            });
        }

        return Group([.. rules]);
    }

    /// <summary>A number at which a field's numbers can be divided by a rule; null where there is none.</summary>
    /// <param name="number">As the database counts it.</param>
    public static ProfileBound? FindBound(Field field, double number, Evaluation at)
    {
        const double microsecondsOfDay = 86_400e6;
        switch (field.Type)
        {
            // Days are the calendar's, as rules count them.
            case FieldType.Instant:
                var days = (int)Math.Floor(number / microsecondsOfDay);
                var instant = at.From(new DateValue.Relative(DateAnchor.Now, -days, DateUnit.Day));
                return new((at.AsOf - instant).Ticks / TimeSpan.TicksPerMicrosecond, days);

            // Few digits, that rules can say exactly and people can read.
            case FieldType.Decimal when Math.Abs(number) < 1e9:
                var digits = Math.Abs(number) < 1 ? 1e6 : 100;
                var told = (decimal)(Math.Floor(number * digits) / digits);
                return new((double)told, told);
            default:
                return Math.Abs(number) < 1e15 ? new(number, (decimal)Math.Floor(number)) : null;
        }
    }

    /// <summary>How a number is written in words.</summary>
    public static string Write(decimal number) => number.ToString("0.######", CultureInfo.InvariantCulture);

    private static JsonObject DaysAgo(int days) => new()
    {
        ["mode"] = "relative",
        ["anchor"] = "now",
        ["offset"] = -days,
        ["unit"] = "day",
    };

    private static JsonObject Group(params JsonObject[] rules) =>
        new() { ["combinator"] = "and", ["rules"] = new JsonArray([.. rules]) };

    /// <summary>As it is within a sentence: "age", but "RFM group".</summary>
    public static string LowerFirst(string text) =>
        text.Length > 1 && char.IsUpper(text[1]) ? text : char.ToLowerInvariant(text[0]) + text[1..];
}
