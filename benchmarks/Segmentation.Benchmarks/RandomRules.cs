using System.Globalization;

namespace Segmentation.Benchmarks;

/// <summary>
/// Rules of a hundred shapes. A shape is which fields, operators and groups there are; what they are compared with is drawn anew each time.
/// </summary>
internal static class RandomRules
{
    public const int Shapes = 100;

    private static readonly string[] Types = ["page_viewed", "product_viewed", "cart_added", "order_completed", "order_refunded",
        "email_opened", "app_opened"];

    private static readonly Func<Random, string>[] Leaves =
    [
        r => Leaf("demographic.age", ">=", Int(r, 18, 80)),
        r => Leaf("demographic.age", "between", $"[{Int(r, 18, 40)},{Int(r, 41, 90)}]"),
        r => Leaf("demographic.income", ">", Int(r, 10_000, 120_000)),
        r => Leaf("demographic.gender", "=", Pick(r, "Female", "Male", "Non-binary")),
        r => Leaf("demographic.occupation", "contains", Quote($"er{(char)('a' + r.Next(26))}")),
        r => Leaf("demographic.education", "in", $"[{Pick(r, "Master", "Doctorate")},{Quote($"level {r.Next()}")}]"),
        r => Leaf("demographic.children", "!=", Int(r, 0, 5)),
        r => Leaf("geographic.country", "in", $"[{Pick(r, "DE", "AT", "CH")},{Pick(r, "FR", "ES", "IT", "US")}]"),
        r => Leaf("geographic.city", "beginsWith", Quote($"{(char)('a' + r.Next(26))}{(char)('a' + r.Next(26))}")),
        r => Leaf("geographic.climate", "!=", Pick(r, "tropical", "arid", "temperate", "continental", "polar")),
        r => Leaf("geographic.location", "within", Circle(r)),
        r => Leaf("psychographic.interests", "contains", Pick(r, "Hiking", "Gaming", "Yoga", "Reading", "Cooking")),
        r => Leaf("psychographic.values", "in", $"[{Pick(r, "Family", "Freedom")},{Quote($"value {r.Next()}")}]"),
        r => Leaf("psychographic.lifestyle", "notIn", $"[{Pick(r, "Urban", "Outdoor")},{Quote($"style {r.Next()}")}]"),
        r => Leaf("temporal.signedUpAt", ">=", Relative(r, 900)),
        r => Leaf("temporal.lastSeenAt", "<", Relative(r, 200)),
        r => Leaf("value.lifetimeValue", ">=", Int(r, 0, 5000)),
        r => Leaf("value.orderCount", "between", $"[{Int(r, 0, 5)},{Int(r, 6, 60)}]"),
        r => Leaf("value.daysSinceLastOrder", "<=", Int(r, 1, 400)),
        r => Leaf("attributes.plan", "=", Pick(r, "Basic", "Plus", "Premium")),
        r => Leaf("attributes.nps", ">=", Int(r, 0, 10)),
        // True or false is part of the shape: one is the other's complement, another query. So is a circle over the date line.
        _ => Leaf("consent.marketing", "=", "true"),
        r => Events(
            $$"""{"mode":"atLeast","threshold":{{Int(r, 2, 12)}}}""",
            Leaf("type", "=", Type(r)),
            Leaf("occurredAt", ">=", Relative(r, 365))),
        r => Events(
            """{"mode":"some"}""",
            Leaf("type", "=", Type(r)),
            Leaf("occurredAt", ">=", Relative(r, 120)),
            Leaf("amount", ">", Int(r, 1, 300))),
        r => Events("""{"mode":"none"}""", Leaf("type", "in", $"[{Type(r)},{Type(r)}]"), Leaf("occurredAt", ">=", Relative(r, 90))),
        r => Events(
            $$"""{"mode":"atLeast","threshold":{{Int(r, 50, 3000)}},"aggregate":"sum","of":"amount"}""",
            Leaf("type", "=", Type(r)),
            Leaf("occurredAt", ">=", Relative(r, 365))),
        r => Events(
            """{"mode":"some"}""",
            Leaf("type", "=", Type(r)),
            Leaf("properties.category", "in", $"[{Pick(r, "shoes", "bags", "books")},{Quote($"category {r.Next()}")}]")),
        r => Sequence(
            All(Leaf("type", "=", Type(r)), Leaf("occurredAt", ">=", Relative(r, 90))), All(Leaf("type", "=", Type(r))), Int(r, 1, 14)),
    ];

    /// <summary>A rule of a shape, with literals of its own.</summary>
    public static string Make(int shape, Random literals)
    {
        // Two to four leaves; every third shape has a group of alternatives, every fifth a negated one.
        var random = new Random(7919 * (shape + 1));
        string Next() => Leaves[random.Next(Leaves.Length)](literals);

        // The first leaf goes through all of them, so that each is there.
        List<string> rules = [Leaves[shape % Leaves.Length](literals), Next()];
        if (shape % 3 == 0)
        {
            rules.Add($$"""{"combinator":"or","rules":[{{Next()}},{{Next()}}]}""");
        }

        if (shape % 5 == 0)
        {
            rules.Add($$"""{"combinator":"and","not":true,"rules":[{{Next()}}]}""");
        }

        return All([.. rules]);
    }

    /// <summary>Fifty leaves in groups of five, of every kind.</summary>
    public static string Fifty(Random literals) => All([.. Enumerable.Range(0, 10).Select(group =>
        Any([.. Enumerable.Range(0, 5).Select(i => Leaves[((5 * group) + i) % 22](literals))]))]);

    private static string All(params string[] rules) => $$"""{"combinator":"and","rules":[{{string.Join(',', rules)}}]}""";

    private static string Leaf(string field, string op, string value) =>
        $$"""{"field":"{{field}}","operator":"{{op}}","value":{{value}}}""";

    private static string Events(string match, params string[] rules) =>
        $$"""{"field":"behavioral.events","operator":"=","match":{{match}},"value":{{All(rules)}}}""";

    private static string Any(params string[] rules) => $$"""{"combinator":"or","rules":[{{string.Join(',', rules)}}]}""";

    private static string Sequence(string first, string second, string days) =>
        $$"""{"field":"behavioral.sequence","operator":"=","value":{"steps":[{{first}},{{second}}],"""
        + $$""" "within":{"amount":{{days}},"unit":"day"} } }""";

    private static string Circle(Random r)
    {
        var (latitude, longitude) = (Number(-60 + (120 * r.NextDouble())), Number(-160 + (320 * r.NextDouble())));
        return $$"""{"latitude":{{latitude}},"longitude":{{longitude}},"radiusKm":{{Int(r, 5, 500)}}}""";
    }

    private static string Relative(Random r, int most) =>
        $$"""{"mode":"relative","anchor":"now","offset":-{{Int(r, 1, most)}},"unit":"day"}""";

    private static string Type(Random r) => Pick(r, Types);

    private static string Pick(Random r, params string[] texts) => Quote(texts[r.Next(texts.Length)]);

    private static string Quote(string text) => $"\"{text}\"";

    private static string Int(Random r, int low, int high) => Number(r.Next(low, high + 1));

    private static string Number(double n) => Math.Round(n, 4).ToString(CultureInfo.InvariantCulture);
}
