using System.Globalization;
using System.Text.Json;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Events;

/// <summary>Says in English which events a group asks for, and how many of them.</summary>
internal sealed class EventDescription
{
    /// <summary>Describes a group that every event satisfies.</summary>
    public const string Anything = "anything is so";

    /// <summary>Describes a group that no event satisfies.</summary>
    public const string Nothing = "nothing is so";

    private const int MaxTypes = 5;

    private readonly string? types;
    private readonly string where;

    private EventDescription(string? types, string where) => (this.types, this.where) = (types, where);

    /// <summary>An event of a sequence: "order_completed where Amount is more than 5".</summary>
    public string Step => $"{types ?? "an event"}{where}";

    /// <summary>Whether it says more of the events than their type.</summary>
    public bool IsCompound => where.Length > 0;

    /// <summary>Reads a group of rules over an event; a rule on its type makes the event's name.</summary>
    public static EventDescription Read(RuleNode group)
    {
        var rules = group.Children.Where(c => !c.Muted).ToList();
        var isJoinedByAnd = NodeJson.FindText(group.Source, "combinator") == "and" || rules.Count == 1;
        var isPlain = isJoinedByAnd && NodeJson.Find(group.Source, "not").ValueKind != JsonValueKind.True;
        if (isPlain && rules.Find(r => ReadTypes(r) is not null) is { } named)
        {
            rules.Remove(named);
            var rest = string.Join(" and ", rules.Select(r => r.Grouped));
            return new EventDescription(ReadTypes(named), rules.Count == 0 ? "" : $" where {rest}");
        }

        return new EventDescription(null, group.Description == Anything ? "" : $" where {group.Description}");
    }

    /// <summary>How many of the events, or what of them, a customer must have.</summary>
    /// <param name="mode">One of <see cref="EventRuleTerms.Modes"/>.</param>
    /// <param name="aggregate">One of <see cref="EventRuleTerms.Aggregates"/>; null for a count.</param>
    /// <param name="field">The name of what is aggregated; null where nothing is.</param>
    /// <param name="bounds">The thresholds: int, decimal or <see cref="DateValue"/>.</param>
    public string Describe(string mode, string? aggregate, string? field, IReadOnlyList<object> bounds)
    {
        if (bounds.Count == 0)
        {
            return DescribeQuantifier(mode);
        }

        if (bounds[0] is DateValue)
        {
            return $"{(aggregate == "min" ? "first" : "last")} did {types ?? "an event"} {DescribeTime(mode, bounds)}{where}";
        }

        var over = $"over {(types is null ? "events" : $"{types} events")}{where}";
        return aggregate switch
        {
            null => types is null
                ? $"did {Compare(mode, bounds, "fewer than")} {Plural("event", bounds)}{where}"
                : $"did {types} {DescribeTimes(mode, bounds)}{where}",
            "distinctDays" =>
                $"did {types ?? "events"} on {Compare(mode, bounds, "fewer than")} different {Plural("day", bounds)}{where}",
            "distinct" => $"the number of different values of {field} is {Compare(mode, bounds)} {over}",
            _ => $"the {DescribeAggregate(aggregate)} {field} is {Compare(mode, bounds)} {over}",
        };
    }

    // "All" holds as well for a customer without events.
    private string DescribeQuantifier(string mode) => (mode, types) switch
    {
        ("some", null) => $"did an event{where}",
        ("some", _) => $"did {types}{where}",
        ("none", null) => $"did no event{where}",
        ("none", _) => $"never did {types}{where}",
        (_, null) when where.Length == 0 => "did any events, or none",
        (_, null) => $"did no events other than those{where}",
        _ => $"did no events other than {types}{where}",
    };

    private static string DescribeAggregate(string aggregate) => aggregate switch
    {
        "sum" => "sum of",
        "avg" => "average of",
        "min" => "least",
        _ => "greatest",
    };

    private static string DescribeTimes(string mode, IReadOnlyList<object> bounds) => (mode, bounds[0]) switch
    {
        ("lessThan", 1) => "less than once",
        ("between", _) => $"{Compare(mode, bounds)} times",
        (_, 1) => $"{Compare(mode, [])}once",
        _ => $"{Compare(mode, bounds, "fewer than")} times",
    };

    private static string DescribeTime(string mode, IReadOnlyList<object> bounds)
    {
        var first = (DateValue)bounds[0];
        var time = DateDescription.Describe(first, FieldType.Instant);
        return mode switch
        {
            "atLeast" when first is DateValue.Relative { Anchor: DateAnchor.Now, Offset: < 0 } ago => DescribeWithin(ago),
            "atLeast" => $"on or after {time}",
            "moreThan" => $"after {time}",
            "atMost" => $"on or before {time}",
            "lessThan" => $"before {time}",
            "between" => $"between {time} and {DateDescription.Describe((DateValue)bounds[1], FieldType.Instant)}",
            _ => first is DateValue.Day ? $"on {time}" : $"exactly at {time}",
        };
    }

    private static string DescribeWithin(DateValue.Relative ago)
    {
        var length = DateDescription.DescribeLength(-(long)ago.Offset, ago.Unit);
        return ago.Offset == -1 ? $"within the last {length[2..]}" : $"within the last {length}";
    }

    private static string Compare(string mode, IReadOnlyList<object> bounds, string lessThan = "less than")
    {
        var comparison = mode switch
        {
            "atLeast" => "at least",
            "atMost" => "at most",
            "exactly" => "exactly",
            "moreThan" => "more than",
            "lessThan" => lessThan,
            _ => "between",
        };
        return $"{comparison} {string.Join(" and ", bounds.Select(DescribeNumber))}";
    }

    private static string DescribeNumber(object bound) =>
        Convert.ToDecimal(bound, CultureInfo.InvariantCulture).ToString("0.#########", CultureInfo.InvariantCulture);

    private static string Plural(string noun, IReadOnlyList<object> bounds) => bounds is [1] ? noun : noun + "s";

    // As they were sent; in quotation marks where they could be taken for words of the sentence. Null for a rule on anything else.
    private static string? ReadTypes(RuleNode rule)
    {
        var source = rule.Source;
        var op = NodeJson.FindText(source, "operator");
        if (NodeJson.FindText(source, "field") != "type" || op is not ("=" or "in") || NodeJson.ComparesFields(source))
        {
            return null;
        }

        var value = NodeJson.Find(source, "value");
        string[] all = value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(t => t.GetString()!)]
            : op == "in" ? value.GetString()!.Split(',')
            : [value.GetString()!];
        return all.Length > MaxTypes ? null : string.Join(" or ", all.Select(Show));
    }

    private static string Show(string type)
    {
        var trimmed = type.Trim();
        return trimmed.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' or ':') ? trimmed : $"\"{trimmed}\"";
    }
}
