using System.Globalization;
using System.Text.Json.Nodes;

namespace Segmentation.Api.Tests.Fuzz;

/// <summary>Makes JSON that a schema allows, and JSON that is nearly that.</summary>
internal sealed class FuzzValues(FuzzDocument document, Random random)
{
    private const int MaxDepth = 6;

    private static readonly string[] Texts =
    [
        "", " ", "a", "known", "manual", "fuzz", "plan", "trial", "DE", "UTC", "Europe/Berlin", "x@example.invalid", "2024-05-31",
        "2024-05-31T12:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "https://fuzz.invalid/hook",
        "'; DROP TABLE customers;--",
        "\0", "a\0b", "\ud83d\ude00", "\u202eabc", "ÅßİI\u0307", "../..", "%2e%2e", "{}", "null", "NaN", "-1", "1e400", "\uffff",
        "demographic.age", "customer.email", "value.totalSpent", "behavioral.events", "order_completed", "=1+1", "$1", "{0}", "%s",
    ];

    private static readonly string[] Numbers =
    [
        "0", "1", "-1", "2", "10", "100", "1000", "1001", "2147483647", "2147483648", "-2147483649", "9223372036854775807",
        "9223372036854775808",
        "1.5", "0.1", "-0", "1e2", "1e28", "1e308", "1e400", "1e-400", "79228162514264337593543950335", "0.0000000000000000000000000001",
    ];

    private static readonly string[] Names = ["id", "key", "rule", "rules", "field", "operator", "value", "combinator", "not", "match", "",
        "x", "__proto__", "a.b", "a/b", "~", "\0", "ü", "status", "name", "type"];

    private readonly List<string> seen = [];

    /// <summary>Keeps a text of an answer, an id or a key, to be sent some time.</summary>
    public void Add(string text)
    {
        if (seen.Count < 200)
        {
            seen.Add(text);
        }
        else
        {
            seen[random.Next(seen.Count)] = text;
        }
    }

    public T Pick<T>(IReadOnlyList<T> from) => from[random.Next(from.Count)];

    /// <summary>A text, perhaps one that was answered.</summary>
    public string Text() => random.Next(20) == 0 ? new string(Pick("xü\"\\ ".ToCharArray()), Pick([129, 300, 1100, 5000]))
        : seen.Count > 0 && random.Next(3) == 0 ? Pick(seen)
        : Pick(Texts);

    /// <summary>A value of the schema: what it says, with unusual members of what it leaves open.</summary>
    public JsonNode? Create(JsonNode schema, int depth = 0)
    {
        var node = document.Resolve(schema).AsObject();
        if (node["const"] is { } only)
        {
            return only.DeepClone();
        }

        if (node["enum"]?.AsArray() is { } values)
        {
            return values[random.Next(values.Count)]?.DeepClone();
        }

        if ((node["oneOf"] ?? node["anyOf"])?.AsArray() is { } choices)
        {
            return Create(choices[random.Next(choices.Count)]!, depth + 1);
        }

        if (node["allOf"]?.AsArray() is { } parts)
        {
            return Create(parts[random.Next(parts.Count)]!, depth);
        }

        return Type(node) switch
        {
            "object" => CreateObject(node, depth),
            "array" => new JsonArray([.. Enumerable.Range(0, depth >= MaxDepth ? 0 : random.Next(node["minItems"]?.GetValue<int>() ?? 0, 4))
                .Select(_ => node["items"] is { } items ? Create(items, depth + 1) : Any(depth))]),
            "string" => CreateText(node),
            "integer" or "number" => Number(),
            "boolean" => random.Next(2) == 0,
            "null" => null,
            _ => Any(depth),
        };
    }

    /// <summary>Any JSON at all.</summary>
    public JsonNode? Any(int depth = 0) => random.Next(depth >= MaxDepth ? 4 : 6) switch
    {
        0 => Text(),
        1 => Number(),
        2 => random.Next(2) == 0,
        3 => null,
        4 => new JsonArray([.. Enumerable.Range(0, random.Next(4)).Select(_ => Any(depth + 1))]),
        _ => new JsonObject(Enumerable.Range(0, random.Next(4)).Select(_ => Pick(Names)).Distinct()
            .Select(n => KeyValuePair.Create(n, Any(depth + 1)))),
    };

    /// <summary>A JSON text with a place or two changed.</summary>
    public string Mutate(string json)
    {
        var root = JsonNode.Parse(json);
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            List<JsonNode> inner = [];
            Collect(root, inner);
            if (inner.Count == 0)
            {
                return Any()?.ToJsonString() ?? "null";
            }

            switch (Pick(inner))
            {
                case JsonObject o when o.Count > 0:
                    var name = Pick([.. o.Select(p => p.Key)]);
                    Change(o, name);
                    break;
                case JsonObject o:
                    o[Pick(Names)] = Any(3);
                    break;
                case JsonArray { Count: > 0 } list:
                    var at = random.Next(list.Count);
                    if (random.Next(3) == 0)
                    {
                        list.Add(list[at]?.DeepClone());
                    }
                    else if (random.Next(2) == 0)
                    {
                        list.RemoveAt(at);
                    }
                    else
                    {
                        list[at] = Any(3);
                    }

                    break;
                case JsonArray list:
                    list.Add(Any(3));
                    break;
            }
        }

        return root?.ToJsonString() ?? "null";
    }

    private void Change(JsonObject target, string name)
    {
        var value = target[name];
        switch (random.Next(5))
        {
            case 0:
                target.Remove(name);
                break;
            case 1:
                target.Remove(name);
                target[Pick(Names)] = value;
                break;
            case 2:
                target[name] = new JsonArray(value?.DeepClone());
                break;
            case 3:
                target[Pick(Names)] = Any(3);
                break;
            default:
                target[name] = Any(3);
                break;
        }
    }

    private static void Collect(JsonNode? node, List<JsonNode> found)
    {
        if (node is JsonObject or JsonArray)
        {
            found.Add(node);
        }

        foreach (var child in node switch { JsonObject o => o.Select(p => p.Value), JsonArray a => a, _ => [] })
        {
            Collect(child, found);
        }
    }

    private JsonObject CreateObject(JsonObject node, int depth)
    {
        var made = new JsonObject();
        var required = node["required"]?.AsArray().Select(r => r!.GetValue<string>()).ToHashSet() ?? [];
        foreach (var (name, schema) in node["properties"]?.AsObject() ?? [])
        {
            if (required.Contains(name) || (depth < MaxDepth && random.Next(3) == 0))
            {
                made[name] = Create(schema!, depth + 1);
            }
        }

        if (node["additionalProperties"] is JsonObject rest && depth < MaxDepth)
        {
            for (var i = random.Next(3); i > 0; i--)
            {
                made[Pick(Names)] = Create(rest, depth + 1);
            }
        }

        return made;
    }

    private JsonNode CreateText(JsonObject node) => node["format"]?.GetValue<string>() switch
    {
        "date-time" when random.Next(4) > 0 =>
            DateTimeOffset.UnixEpoch.AddSeconds(random.NextInt64(4_000_000_000))
                .ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        "date" when random.Next(4) > 0 =>
            DateOnly.FromDayNumber(random.Next(1, 3_000_000)).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        _ => Text(),
    };

    private JsonNode Number() => JsonNode.Parse(Pick(Numbers))!;

    private string? Type(JsonObject node) => node["type"] switch
    {
        JsonArray several => Pick([.. several.Select(t => t!.GetValue<string>())]),
        JsonValue one => one.GetValue<string>(),
        _ => node.ContainsKey("properties") ? "object" : null,
    };
}
