using System.Text.Json;
using System.Text.Json.Nodes;

namespace Segmentation.Api.Tests.QueryBuilder;

/// <summary>Makes rules of all that <c>GET /fields</c> offers: each field with each operator, each mode, each aggregate.</summary>
/// <param name="fields">The answer of <c>GET /fields</c>.</param>
/// <param name="segment">The key of a segment.</param>
internal sealed class BuilderRules(JsonElement fields, string segment)
{
    private const string Relative = """{"mode":"relative","anchor":"startOfMonth","offset":-3,"unit":"month"}""";

    private static readonly string[] Lists = ["in", "notIn"], Ranges = ["between", "notBetween"], Missing = ["null", "notNull"];

    private readonly List<JsonElement> options =
        [.. fields.EnumerateArray().SelectMany(g => g.GetProperty("options").EnumerateArray())];

    /// <summary>A number of trees that have all of them between them.</summary>
    public IReadOnlyList<JsonNode> Make(int trees)
    {
        List<JsonObject> leaves = [.. options.SelectMany(OfOption)];
        var all = Enumerable.Range(0, trees).Select(i => new JsonObject
        {
            ["combinator"] = i % 2 == 0 ? "and" : "or",
            ["rules"] = new JsonArray(Known(), Group("or", Known())),
        }).ToList();
        for (var i = 0; i < leaves.Count; i++)
        {
            var tree = all[i % trees];
            Decorate(leaves[i], i);
            var inner = tree["rules"]![1]!["rules"]!.AsArray();
            (i / trees % 2 == 0 ? inner : tree["rules"]!.AsArray()).Add(leaves[i]);
        }

        for (var i = 0; i < trees; i += 3)
        {
            all[i]["not"] = i % 2 == 0;
            all[i]["id"] = $"stored-{i}";
            all[i]["path"] = new JsonArray();
        }

        return all;
    }

    // What a builder keeps with a node, and what it leaves out of the rule.
    private static void Decorate(JsonObject leaf, int i)
    {
        if (i % 4 == 1)
        {
            leaf["id"] = $"leaf-{i}";
            leaf["path"] = new JsonArray(0, 1);
        }

        if (i % 5 == 2)
        {
            leaf["muted"] = i % 2 == 0;
        }

        if (i % 7 == 3)
        {
            leaf["disabled"] = i % 2 == 1;
        }
    }

    private IEnumerable<JsonObject> OfOption(JsonElement option) => Type(option) switch
    {
        "events" => OfEvents(option),
        "sequence" => OfSequence(option),
        _ => OfOperators(option, options),
    };

    private IEnumerable<JsonObject> OfOperators(JsonElement option, IReadOnlyList<JsonElement> all)
    {
        foreach (var op in Names(option, "operators"))
        {
            foreach (var value in Values(option, op))
            {
                var rule = new JsonObject { ["field"] = Name(option), ["operator"] = op };
                if (value is not null)
                {
                    rule["value"] = Parse(value);
                }

                yield return rule;
            }
        }

        if (option.TryGetProperty("comparableAs", out var kind))
        {
            var other = all.First(
                o => Name(o) != Name(option) && o.TryGetProperty("comparableAs", out var k) && k.ValueEquals(kind.GetString()));
            yield return new JsonObject
            {
                ["field"] = Name(option),
                ["operator"] = "=",
                ["valueSource"] = "field",
                ["value"] = Name(other),
            };
        }
    }

    // Each mode as a count and of each aggregate, over all rules that an event may have.
    private IEnumerable<JsonObject> OfEvents(JsonElement option)
    {
        List<JsonElement> parts = [.. option.GetProperty("subproperties").EnumerateArray()];
        var inner = new Queue<JsonObject>(parts.SelectMany(p => OfOperators(p, parts)));
        var matches = Matches(option).ToList();
        for (var i = 0; i < matches.Count || inner.Count > 0; i++)
        {
            var group = Group(i % 2 == 0 ? "and" : "or");
            while (group["rules"]!.AsArray().Count < 6 && inner.TryDequeue(out var rule))
            {
                group["rules"]!.AsArray().Add(rule);
            }

            yield return new JsonObject
            {
                ["field"] = Name(option),
                ["operator"] = i % 3 == 2 ? "!=" : "=",
                ["match"] = Parse(matches[i % matches.Count]),
                ["value"] = group,
            };
        }
    }

    private static IEnumerable<string> Matches(JsonElement option)
    {
        foreach (var mode in Names(option, "matchModes"))
        {
            if (mode is "some" or "none" or "all")
            {
                yield return $$"""{"mode":"{{mode}}"}""";
                continue;
            }

            yield return $$"""{"mode":"{{mode}}","threshold":{{(mode == "between" ? "[1,3]" : "2")}}}""";
            foreach (var aggregate in option.GetProperty("aggregates").EnumerateArray())
            {
                var ofs = aggregate.GetProperty("of").EnumerateArray()
                    .Select(o => o.GetString()!.Replace("*", "price", StringComparison.Ordinal)).DefaultIfEmpty();
                foreach (var of in ofs)
                {
                    var isDate = of == "occurredAt" && Name(aggregate) is "min" or "max";
                    var one = isDate ? Relative : "2";
                    var threshold = mode != "between" ? one : isDate ? $"[{Relative},\"2040-01-01T00:00:00Z\"]" : "[1,3]";
                    var part = of is null ? "" : $",\"of\":\"{of}\"";
                    yield return $$"""{"mode":"{{mode}}","threshold":{{threshold}},"aggregate":"{{Name(aggregate)}}"{{part}}}""";
                }
            }
        }
    }

    private static IEnumerable<JsonObject> OfSequence(JsonElement option)
    {
        const string Step = """{"combinator":"and","rules":[{"field":"type","operator":"=","value":"order_completed"}]}""";
        for (var steps = 2; steps <= 5; steps++)
        {
            const string Within = ",\"within\":{\"amount\":7,\"unit\":\"day\"}";
            var value = $$"""{"steps":[{{string.Join(',', Enumerable.Repeat(Step, steps))}}]{{(steps % 2 == 0 ? "" : Within)}}}""";
            yield return new JsonObject { ["field"] = Name(option), ["operator"] = steps == 3 ? "!=" : "=", ["value"] = Parse(value) };
        }
    }

    private IEnumerable<string?> Values(JsonElement option, string op)
    {
        if (Missing.Contains(op))
        {
            return [null];
        }

        return Type(option) switch
        {
            "date" or "yearly" => Of(op, "\"2026-01-31\"", "\"2026-02-28\"", Relative),
            "instant" => Of(op, "\"2026-01-31T09:30:00Z\"", "\"2026-12-31\"", Relative),
            "integer" => Of(op, "1", "3"),
            "decimal" => Of(op, "1.25", "3.5"),
            "boolean" => ["true", "false"],
            "segment" => [$"[\"{segment}\"]"],
            "point" => ["""{"latitude":52.5,"longitude":13.4,"radiusKm":50.5}""", """{"polygon":[[13,52],[14,52],[13.5,53.25]]}"""],
            "property" => option.GetProperty("inputType").GetString() switch
            {
                "number" => Of(op, "1.25", "3.5"),
                "checkbox" => ["true"],
                _ => Of(op, "\"x_%\"", "\"y\""),
            },
            "set" => op is "contains" or "doesNotContain" ? ["\"x\"", "[\"x\",\"y\"]"] : ["[\"x\",\"y\"]"],
            _ when Name(option) == "geographic.country" => Of(op, "\"DE\"", "\"AT\""),
            _ when option.TryGetProperty("values", out var values) => Of(op, Quote(values[0]), Quote(values[1])),
            _ => Of(op, "\"x_%\"", "\"y\""),
        };
    }

    private static string?[] Of(string op, string low, string high, string? relative = null) =>
        Ranges.Contains(op) || Lists.Contains(op) ? [$"[{low},{high}]"] : relative is null ? [low] : [low, relative];

    private static string Quote(JsonElement option) => JsonSerializer.Serialize(Name(option));

    // Not muted, so that no group is left empty by those that are.
    private static JsonNode Known() => Parse("""{"field":"customer.id","operator":"notNull"}""");

    private static JsonObject Group(string combinator, params JsonNode[] rules) =>
        new() { ["combinator"] = combinator, ["rules"] = new JsonArray(rules) };

    private static JsonNode Parse(string json) => JsonNode.Parse(json)!;

    private static string Name(JsonElement option) => option.GetProperty("name").GetString()!;

    private static string Type(JsonElement option) => option.GetProperty("type").GetString()!;

    private static IEnumerable<string> Names(JsonElement option, string list) => option.GetProperty(list).EnumerateArray().Select(Name);
}
