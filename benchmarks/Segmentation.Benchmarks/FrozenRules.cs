namespace Segmentation.Benchmarks;

/// <summary>A rule, and what a person would write by hand instead.</summary>
/// <param name="Shapes">What follows FROM; the fastest is kept. @name is one of the constants of
/// <see cref="FrozenRules.Constants"/>.</param>
internal sealed record FrozenRule(string Kind, string Name, string Rule, params string[] Shapes);

/// <summary>
/// Fourteen rules, two a kind at least. Their days begin at midnight UTC, so that the two sides of a comparison mean the same instants.
/// </summary>
internal static class FrozenRules
{
    private static string Days(int n) => $$"""{"mode":"relative","anchor":"startOfDay","offset":-{{n}},"unit":"day"}""";

    private static string Anchor(string anchor) => $$"""{"mode":"relative","anchor":"{{anchor}}","offset":0,"unit":"day"}""";

    private static string All(params string[] rules) => $$"""{"combinator":"and","rules":[{{string.Join(',', rules)}}]}""";

    private static string Leaf(string field, string op, string value) =>
        $$"""{"field":"{{field}}","operator":"{{op}}","value":{{value}}}""";

    private static string Events(string match, params string[] rules) =>
        $$"""{"field":"behavioral.events","operator":"=","match":{{match}},"value":{{All(rules)}}}""";

    private static string Sequence(string first, string second, int days) =>
        $$"""{"field":"behavioral.sequence","operator":"=","value":{"steps":[{{first}},{{second}}],"""
        + $$""" "within":{"amount":{{days}},"unit":"day"} } }""";

    public static readonly FrozenRule[] Rules =
    [
        new("demographic", "age 25–40, income ≥ 50,000, female",
            All(
                Leaf("demographic.age", "between", "[25,40]"),
                Leaf("demographic.income", ">=", "50000"),
                Leaf("demographic.gender", "=", "\"Female\"")),
            "customers c WHERE c.demographic_birth_date <= @today - interval '25 years' "
                + "AND c.demographic_birth_date > @today - interval '41 years' AND c.demographic_income >= 50000 "
                + "AND c.demographic_gender_folded = 'female'",
            "customers c WHERE c.demographic_gender_folded = 'female' AND c.demographic_birth_date <= (@today - interval '25 years')::date "
                + "AND c.demographic_birth_date > (@today - interval '41 years')::date AND c.demographic_income >= 50000"),
        new("demographic", "occupation contains “engineer”, education in two",
            All(
                Leaf("demographic.occupation", "contains", "\"engineer\""),
                Leaf("demographic.education", "in", "[\"Master\",\"Doctorate\"]")),
            "customers c WHERE c.demographic_occupation_folded LIKE '%engineer%' "
                + "AND c.demographic_education_folded IN ('master', 'doctorate')",
            "customers c WHERE c.demographic_education_folded IN ('master', 'doctorate') "
                + "AND c.demographic_occupation_folded LIKE '%engineer%'",
            "customers c WHERE c.demographic_education_folded IN ('master', 'doctorate') "
                + "AND strpos(c.demographic_occupation_folded, 'engineer') > 0"),
        new("geographic", "within 25 km of Berlin",
            All(Leaf("geographic.location", "within", """{"latitude":52.52,"longitude":13.405,"radiusKm":25}""")),
            // The box first: it leaves little for the sines.
            "customers c WHERE c.geographic_latitude BETWEEN 52.29 AND 52.75 AND c.geographic_longitude BETWEEN 13.02 AND 13.79 "
                + "AND seg_distance_km(c.geographic_latitude, c.geographic_longitude, 52.52, 13.405) <= 25",
            "customers c WHERE seg_distance_km(c.geographic_latitude, c.geographic_longitude, 52.52, 13.405) <= 25"),
        new("geographic", "country in three, climate other than continental",
            All(Leaf("geographic.country", "in", "[\"DE\",\"AT\",\"CH\"]"), Leaf("geographic.climate", "!=", "\"continental\"")),
            "customers c WHERE c.geographic_country_folded IN ('de', 'at', 'ch') AND c.geographic_climate IS DISTINCT FROM 'continental'",
            "customers c WHERE c.geographic_country_folded IN ('de', 'at', 'ch') AND (c.geographic_climate <> 'continental' "
                + "OR c.geographic_climate IS NULL)"),
        new("psychographic", "interested in hiking",
            All(Leaf("psychographic.interests", "contains", "\"Hiking\"")),
            "customers c WHERE 'hiking' = ANY (c.psychographic_interests_folded)",
            "customers c WHERE c.psychographic_interests_folded @> '{hiking}'"),
        new("psychographic", "values any of two, not price-conscious, urban",
            All(
                Leaf("psychographic.values", "in", "[\"Success\",\"Freedom\"]"),
                Leaf("psychographic.attitudes", "doesNotContain", "\"Price-conscious\""),
                Leaf("psychographic.lifestyle", "=", "\"Urban\"")),
            "customers c WHERE c.psychographic_lifestyle_folded = 'urban' AND c.psychographic_values_folded && '{success,freedom}' "
                + "AND NOT c.psychographic_attitudes_folded @> '{price-conscious}'",
            "customers c WHERE c.psychographic_lifestyle_folded = 'urban' AND c.psychographic_values_folded && '{success,freedom}' "
                + "AND 'price-conscious' <> ALL (c.psychographic_attitudes_folded)"),
        new("behavioral", "at least 3 orders in 90 days",
            All(Events(
                """{"mode":"atLeast","threshold":3}""", Leaf("type", "=", "\"order_completed\""), Leaf("occurredAt", ">=", Days(90)))),
            "customers c WHERE c.key IN (SELECT customer_key FROM events WHERE type = 'order_completed' AND occurred_at >= @days90 "
                + "GROUP BY customer_key HAVING count(*) >= 3)",
            "customers c JOIN (SELECT customer_key FROM events WHERE type = 'order_completed' AND occurred_at >= @days90 "
                + "GROUP BY customer_key HAVING count(*) >= 3) e ON e.customer_key = c.key",
            "customers c WHERE c.key IN (SELECT customer_key FROM events WHERE type = 'order_completed' AND occurred_at >= @days90 "
                + "GROUP BY customer_key HAVING count(*) >= 3 OFFSET 0)",
            "customers c WHERE (SELECT count(*) FROM events e WHERE e.customer_key = c.key AND e.type = 'order_completed' "
                + "AND e.occurred_at >= @days90) >= 3"),
        new("behavioral", "no page view in 30 days",
            All(Events("""{"mode":"none"}""", Leaf("type", "=", "\"page_viewed\""), Leaf("occurredAt", ">=", Days(30)))),
            "customers c WHERE NOT EXISTS (SELECT FROM events e WHERE e.customer_key = c.key AND e.type = 'page_viewed' "
                + "AND e.occurred_at >= @days30)",
            "customers c LEFT JOIN (SELECT DISTINCT customer_key FROM events WHERE type = 'page_viewed' "
                + "AND occurred_at >= @days30) e ON e.customer_key = c.key WHERE e.customer_key IS NULL",
            "customers c WHERE c.key NOT IN (SELECT customer_key FROM events WHERE type = 'page_viewed' AND occurred_at >= @days30)"),
        new("behavioral", "cart in 30 days, then an order within 2 days of it",
            All(Sequence(
                All(Leaf("type", "=", "\"cart_added\""), Leaf("occurredAt", ">=", Days(30))),
                All(Leaf("type", "=", "\"order_completed\"")),
                days: 2)),
            "customers c WHERE c.key IN (SELECT a.customer_key FROM events a WHERE a.type = 'cart_added' AND a.occurred_at >= @days30 AND "
                + "EXISTS (SELECT FROM events b WHERE b.customer_key = a.customer_key AND b.type = 'order_completed' "
                + "AND b.occurred_at > a.occurred_at AND b.occurred_at <= a.occurred_at + interval '2 days'))",
            "customers c WHERE c.key IN (SELECT a.customer_key FROM events a JOIN events b ON b.customer_key = a.customer_key "
                + "AND b.type = 'order_completed' AND b.occurred_at > a.occurred_at AND b.occurred_at <= a.occurred_at + interval '2 days' "
                + "WHERE a.type = 'cart_added' AND a.occurred_at >= @days30)",
            // The order can't be older than the window either: two index ranges and a hash.
            "customers c WHERE c.key IN (SELECT a.customer_key FROM events a JOIN events b ON b.customer_key = a.customer_key "
                + "AND b.type = 'order_completed' AND b.occurred_at > a.occurred_at AND b.occurred_at <= a.occurred_at + interval '2 days' "
                + "AND b.occurred_at >= @days30 WHERE a.type = 'cart_added' AND a.occurred_at >= @days30)",
            // One pass over both types: the latest cart before each order.
            "customers c WHERE c.key IN (SELECT customer_key FROM (SELECT customer_key, type, occurred_at, max(occurred_at) FILTER (WHERE "
                + "type = 'cart_added') OVER (PARTITION BY customer_key ORDER BY occurred_at RANGE BETWEEN UNBOUNDED PRECEDING "
                + "AND interval '1 microsecond' PRECEDING) AS cart FROM events WHERE type IN ('cart_added', 'order_completed') "
                + "AND occurred_at >= @days30) e WHERE type = 'order_completed' AND occurred_at <= cart + interval '2 days')"),
        new("behavioral", "orders of 500 or more together in 180 days",
            All(Events(
                """{"mode":"atLeast","threshold":500,"aggregate":"sum","of":"amount"}""",
                Leaf("type", "=", "\"order_completed\""),
                Leaf("occurredAt", ">=", Days(180)))),
            "customers c WHERE c.key IN (SELECT customer_key FROM events WHERE type = 'order_completed' AND occurred_at >= @days180 "
                + "GROUP BY customer_key HAVING sum(amount) >= 500)",
            "customers c JOIN (SELECT customer_key FROM events WHERE type = 'order_completed' AND occurred_at >= @days180 "
                + "GROUP BY customer_key HAVING sum(amount) >= 500) e ON e.customer_key = c.key",
            "customers c WHERE c.key IN (SELECT customer_key FROM events WHERE type = 'order_completed' AND occurred_at >= @days180 "
                + "GROUP BY customer_key HAVING sum(amount) >= 500 OFFSET 0)"),
        new("temporal", "birthday this month",
            All(Leaf("temporal.birthday", "between", $"[{Anchor("startOfMonth")},{Anchor("endOfMonth")}]")),
            "customers c WHERE c.demographic_birth_month_day BETWEEN @month * 100 AND @month * 100 + 99",
            "customers c WHERE extract(month FROM c.demographic_birth_date) = @month"),
        new("temporal", "signed up within a year, not seen for 30 days",
            All(Leaf("temporal.signedUpAt", ">=", Days(365)), Leaf("temporal.lastSeenAt", "<", Days(30))),
            "customers c WHERE c.signed_up_at >= @days365 AND c.last_seen_at < @days30"),
        new("value", "top tenth by lifetime value, 5 orders or more",
            All(Leaf("value.percentile", ">=", "90"), Leaf("value.orderCount", ">=", "5")),
            "customers c WHERE c.order_count >= 5 AND c.lifetime_value > (SELECT lifetime_value FROM customers "
                + "ORDER BY lifetime_value DESC OFFSET (SELECT customers - ceil(0.9 * (customers - 1))::bigint "
                + "FROM customer_total) LIMIT 1)",
            // A person knows how many customers there are.
            "customers c WHERE c.order_count >= 5 AND c.lifetime_value > (SELECT lifetime_value FROM customers "
                + "ORDER BY lifetime_value DESC OFFSET @tenth LIMIT 1)",
            "(SELECT *, percent_rank() OVER (ORDER BY lifetime_value) AS place FROM customers) c WHERE c.order_count >= 5 "
                + "AND c.place >= 0.9"),
        new("value", "attribute plan = Premium, lifetime value ≥ 500",
            All(Leaf("attributes.plan", "=", "\"Premium\""), Leaf("value.lifetimeValue", ">=", "500")),
            "customers c WHERE c.attributes_folded ->> 'plan' = 'premium' AND c.lifetime_value >= 500",
            "customers c WHERE c.lifetime_value >= 500 AND c.attributes_folded ->> 'plan' = 'premium'",
            "customers c WHERE c.lifetime_value >= 500 AND c.attributes_folded @> '{\"plan\":\"premium\"}'"),
    ];

    /// <summary>What stands for @name in a shape: as literals, which is how a person tries it.</summary>
    public static IReadOnlyDictionary<string, string> Constants(DateTimeOffset today, long customers)
    {
        string At(int days) => $"timestamptz '{today.AddDays(-days):yyyy-MM-dd} 00:00:00+00'";
        return new Dictionary<string, string>
        {
            ["@days365"] = At(365),
            ["@days180"] = At(180),
            ["@days90"] = At(90),
            ["@days30"] = At(30),
            ["@today"] = $"date '{today:yyyy-MM-dd}'",
            ["@month"] = $"{today.Month}",
            ["@tenth"] = $"{customers - (long)Math.Ceiling(0.9m * (customers - 1))}",
        };
    }
}
