using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Segmentation.Api.Customers;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Tests.Segments;

/// <summary>Random valid rule trees over the whole catalog, with values that the awkward data has.</summary>
internal sealed class RuleTrees(Random random, FieldCatalog<Customer> catalog)
{
    private static readonly string[] Units = ["minute", "hour", "day", "week", "month", "year"];
    private static readonly string[] Anchors = ["now", "startOfDay", "endOfDay", "startOfWeek", "endOfWeek", "startOfMonth", "endOfMonth",
        "startOfYear", "endOfYear"];

    public JsonElement Tree(int depth = 3) => JsonSerializer.SerializeToElement(Group(depth, () => Rule(depth)));

    /// <summary>A rule over that field by that operator.</summary>
    public JsonObject Rule(string field, string op) =>
        Value(new JsonObject { ["field"] = field, ["operator"] = op }, catalog.Find(field)!.Type, op);

    private JsonObject Group(int depth, Func<JsonObject> rule)
    {
        var rules = new JsonArray();
        for (var n = random.Next(20) == 0 ? 0 : random.Next(1, 4); n > 0; n--)
        {
            rules.Add(depth > 1 && random.Next(3) == 0 ? Group(depth - 1, rule) : rule());
        }

        var group = new JsonObject { ["combinator"] = Pick("and", "or"), ["rules"] = rules };
        if (random.Next(4) == 0)
        {
            group["not"] = random.Next(2) == 0;
        }

        return group;
    }

    private JsonObject Rule(int depth)
    {
        var names = catalog.All.Select(f => f.Name).Append("consent.marketing").Append("consent.none").ToArray();
        var field = catalog.Find(random.Next(4) == 0 ? Pick("behavioral.events", "behavioral.sequence", "value.percentile") : Pick(names))!;
        if (random.Next(12) == 0)
        {
            return FieldPair();
        }

        var op = Pick([.. Operators.ListFor(field).Select(o => o.Name)]);
        return Rule(field.Name, op);
    }

    private JsonObject FieldPair()
    {
        string[][] alike =
        [
            ["demographic.gender", "demographic.education", "attributes.plan", "customer.firstName"],
            ["demographic.age", "demographic.children", "value.percentile", "temporal.localHour", "attributes.score",
                "value.averageOrderValue", "demographic.income",
                "behavioral.eventCount", "value.daysSinceLastOrder", "attributes.ratio", "value.lifetimeValue", "psychographic.sentiment"],
            ["demographic.birthDate", "attributes.renewal"],
            ["temporal.signedUpAt", "temporal.lastSeenAt", "attributes.seenAt", "value.lastOrderAt", "customer.createdAt"],
        ];
        var fields = Pick(alike);
        var ops = fields[0] == "demographic.gender" ? ["=", "!="] : new[] { "=", "!=", "<", "<=", ">", ">=" };
        return new JsonObject { ["field"] = Pick(fields), ["operator"] = Pick(ops), ["valueSource"] = "field", ["value"] = Pick(fields) };
    }

    private JsonObject Value(JsonObject rule, FieldType type, string op)
    {
        if (type == FieldType.Events)
        {
            rule["match"] = Match();
            rule["value"] = Group(2, EventRule);
            return rule;
        }

        if (type == FieldType.Sequence)
        {
            var steps = new JsonArray([.. Enumerable.Range(0, random.Next(2, 4)).Select(_ => (JsonNode)Group(1, EventRule))]);
            rule["value"] = random.Next(2) == 0 ? new JsonObject { ["steps"] = steps }
                : new JsonObject
                {
                    ["steps"] = steps,
                    ["within"] = new JsonObject { ["amount"] = random.Next(1, 30), ["unit"] = Pick(Units) }
                };
            return rule;
        }

        if (op is "null" or "notNull")
        {
            return rule;
        }

        var name = rule["field"]!.GetValue<string>();
        JsonNode One() => type switch
        {
            FieldType.Text or FieldType.Set => name switch
            {
                "geographic.country" => Pick("de", "AT", "Us", "fr"),
                "geographic.climate" => Pick(Geographic.Climates),
                "value.rfmGroup" => Pick(RfmGroups.Names),
                "sentimentSource" => Pick([.. SentimentSources.All]),
                "geographic.timeZone" => Pick(RuleWorld.Zones),
                "type" => Pick(RuleWorld.EventTypes),
                _ when op is "=" or "!=" or "in" or "notIn" or "contains" or "doesNotContain" && type == FieldType.Set =>
                    Pick(RuleWorld.Texts).ToUpperInvariant() is var upper
                        && CaseNormalizer.Normalize(upper) == CaseNormalizer.Normalize(upper)
                        && random.Next(2) == 0
                        ? upper
                        : Pick(RuleWorld.Texts),
                _ => Pick("a", "%", "_", "\\", "'", "ß", "É", "日", "example", "0", "-1", "😀", "Σ", "İ"),
            },
            FieldType.Integer => name switch
            {
                "demographic.age" => random.Next(-1, 60),
                "hourOfDay" or "temporal.localHour" => random.Next(24),
                "month" => random.Next(1, 13),
                "value.daysSinceLastOrder" => random.Next(-1, 600),
                _ => random.Next(-1, 6)
            },
            FieldType.Decimal when name.StartsWith("properties.", StringComparison.Ordinal) && random.Next(4) == 0 =>
                Number(op is "=" or "!=" or "in" or "notIn"),
            FieldType.Decimal when name is "psychographic.sentiment" or "sentiment" => Math.Round(random.Next(-13, 14) / 12m, 3),
            FieldType.Decimal => name == "value.percentile" ? random.Next(-10, 1100) / 10m : random.Next(-20, 60) / 10m,
            FieldType.Boolean => random.Next(2) == 0,
            FieldType.Segment => Pick("by-hand", "in-berlin", "nested"),
            FieldType.Point => random.Next(3) == 0
                ? new JsonObject
                {
                    ["polygon"] = new JsonArray([.. Enumerable.Range(0, random.Next(3, 6)).Select(_ => (JsonNode)new JsonArray(
                    Math.Round((random.NextDouble() * 170) - 85, 4), Math.Round((random.NextDouble() * 170) - 85, 4)))])
                }
                : new JsonObject
                {
                    ["latitude"] = Math.Round((random.NextDouble() * 180) - 90, 4),
                    ["longitude"] = Math.Round((random.NextDouble() * 360) - 180, 4),
                    ["radiusKm"] = random.Next(1, 12_000)
                },
            _ => Date(),
        };
        JsonArray Many(int n) => new([.. Enumerable.Range(0, n).Select(_ => One())]);

        rule["value"] = op switch
        {
            "between" or "notBetween" => Range(type, One),
            "in" or "notIn" => Many(random.Next(1, 4)),
            "contains" or "doesNotContain" when type == FieldType.Set && random.Next(2) == 0 => Many(random.Next(1, 3)),
            _ => One(),
        };
        return rule;
    }

    private JsonArray Range(FieldType type, Func<JsonNode> one)
    {
        if (type is FieldType.Integer or FieldType.Decimal)
        {
            var (a, b) = (
                decimal.Parse(one().ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture),
                decimal.Parse(one().ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture));
            return new JsonArray(Math.Min(a, b), Math.Max(a, b));
        }

        // Constants of a range must be in order; relative dates need not.
        return type == FieldType.Yearly ? new JsonArray(Date(), Date())
            : random.Next(2) == 0 ? new JsonArray(Relative(), Relative())
            : new JsonArray("2024-01-15", Pick("2024-02-29", "2024-03-30", "2025-01-01"));
    }

    private JsonNode Date() => random.Next(3) switch
    {
        0 => Relative(),
        1 => JsonValue.Create(
            Pick("2024-02-29", "2024-02-28", "2023-02-28", "2024-03-31", "2024-03-30", "1999-12-31", "2000-02-29", "2024-11-03")),
        _ => JsonValue.Create(Pick(
            "2024-02-29T23:15:00Z",
            "2024-03-31T02:30:00",
            "2024-03-30T22:00:00+02:00",
            "2023-10-29T02:30:00",
            "2024-03-01T00:00:00.000001Z")),
    };

    private JsonObject Relative() => new()
    {
        ["mode"] = "relative",
        ["anchor"] = Pick(Anchors),
        ["offset"] = random.Next(5) == 0 ? random.Next(-3, 4) * 1000 : random.Next(-40, 5),
        ["unit"] = Pick(Units)
    };

    private JsonObject EventRule()
    {
        var field = Pick("type", "type", "occurredAt", "amount", "channel", "hourOfDay", "dayOfWeek", "month", "sentiment",
            "sentimentSource", "properties.p", "properties.q.deep", "properties.p.deep", "properties.none");
        var type = EventFields.Catalog.Find(field)!.Type;
        var op = Pick([.. Operators.ListFor(EventFields.Catalog.Find(field)!).Select(o => o.Name)]);
        var rule = new JsonObject { ["field"] = field, ["operator"] = op };
        if (type != FieldType.Property)
        {
            return Value(rule, type, op);
        }

        var of = op is "=" or "!=" or "in" or "notIn"
            ? Pick(FieldType.Text, FieldType.Decimal, op is "=" or "!=" ? FieldType.Boolean : FieldType.Text)
            : op is "<" or "<=" or ">" or ">=" or "between" or "notBetween" ? FieldType.Decimal : FieldType.Text;
        return Value(rule, of, op);
    }

    private JsonObject Match()
    {
        var mode = Pick("atLeast", "atMost", "exactly", "some", "none", "all", "moreThan", "lessThan", "between");
        var match = new JsonObject { ["mode"] = mode };
        if (mode is "some" or "none" or "all")
        {
            return match;
        }

        var aggregate = Pick(null, null, "sum", "avg", "min", "max", "distinct", "distinctDays");
        var of = aggregate switch
        {
            "sum" or "avg" => Pick("amount", "properties.p", "sentiment"),
            "min" or "max" => Pick("amount", "properties.p", "occurredAt"),
            "distinct" => Pick("type", "channel", "amount", "hourOfDay", "month", "properties.p", "properties.q", "occurredAt"),
            _ => null,
        };
        if (aggregate is not null)
        {
            match["aggregate"] = aggregate;
        }

        if (of is not null)
        {
            match["of"] = of;
        }

        JsonNode Threshold() => of == "occurredAt" && aggregate != "distinct" ? Date()
            : aggregate is null or "distinct" or "distinctDays" ? random.Next(0, 5)
            : random.Next(-20, 60) / 10m;
        match["threshold"] = mode != "between" ? Threshold()
            : of == "occurredAt" && aggregate != "distinct" ? new JsonArray("2024-01-15", "2024-03-01")
            : aggregate is null or "distinct" or "distinctDays" ? new JsonArray(random.Next(0, 2), random.Next(2, 5))
            : new JsonArray(random.Next(-20, 10) / 10m, random.Next(10, 60) / 10m);
        return match;
    }

    // As text would be another type; what no decimal holds can be told apart, but has no order.
    private JsonNode Number(bool anyLarge) => JsonNode.Parse(
        Pick(anyLarge ? RuleWorld.LargeNumbers.Concat(RuleWorld.OddNumbers).ToArray() : RuleWorld.OddNumbers))!;

    private TItem Pick<TItem>(params TItem[] items) => items[random.Next(items.Length)];
}
