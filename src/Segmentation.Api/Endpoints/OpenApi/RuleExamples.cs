namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>Rules that show one thing each.</summary>
/// <param name="Title">What they are about.</param>
/// <param name="Text">What to know of it.</param>
/// <param name="Nodes">Nodes of a rule tree, as JSON.</param>
internal sealed record RuleExampleSection(string Title, string Text, IReadOnlyList<string> Nodes);

/// <summary>
/// THE table of "Rules by example": every operator, mode, aggregate and anchor at least once. Their English is not here: the service says
/// it.
/// </summary>
internal static class RuleExamples
{
    public static readonly IReadOnlyList<RuleExampleSection> Sections =
    [
        new(
            "Text",
            "Upper and lower case are the same. A negative operator is the exact complement: a customer without the value satisfies it.",
        [
            """{"field":"demographic.occupation","operator":"=","value":"Teacher"}""",
            """{"field":"demographic.occupation","operator":"!=","value":"Retired"}""",
            """{"field":"demographic.education","operator":"in","value":["Master","Doctorate"]}""",
            """{"field":"geographic.country","operator":"notIn","value":["DE","AT"]}""",
            """{"field":"customer.email","operator":"contains","value":"@example."}""",
            """{"field":"customer.email","operator":"doesNotContain","value":"test"}""",
            """{"field":"geographic.postalCode","operator":"beginsWith","value":"10"}""",
            """{"field":"geographic.postalCode","operator":"doesNotBeginWith","value":"10"}""",
            """{"field":"customer.email","operator":"endsWith","value":".com"}""",
            """{"field":"customer.email","operator":"doesNotEndWith","value":".com"}""",
            """{"field":"psychographic.lifestyle","operator":"null"}""",
            """{"field":"psychographic.lifestyle","operator":"notNull"}""",
            """{"field":"attributes.plan","operator":"=","value":"Plus"}""",
        ]),
        new("Numbers", "Exact decimals. A range includes both ends. Text that reads as a number is taken as one, as builders send it.",
        [
            """{"field":"demographic.age","operator":"=","value":30}""",
            """{"field":"demographic.children","operator":"!=","value":0}""",
            """{"field":"demographic.age","operator":"<","value":18}""",
            """{"field":"demographic.age","operator":"<=","value":25}""",
            """{"field":"value.lifetimeValue","operator":">","value":499.99}""",
            """{"field":"value.orderCount","operator":">=","value":2}""",
            """{"field":"demographic.age","operator":"between","value":[30,45]}""",
            """{"field":"demographic.income","operator":"notBetween","value":[20000,60000]}""",
            """{"field":"temporal.localHour","operator":"in","value":[22,23,0,1]}""",
            """{"field":"demographic.householdSize","operator":"notIn","value":[1,2]}""",
            """{"field":"value.percentile","operator":">=","value":90}""",
            """{"field":"value.averageOrderValue","operator":"<","value":"value.lifetimeValue","valueSource":"field"}""",
        ]),
        new("Dates and instants", "A date alone is the whole day in the segment's time zone.",
        [
            """{"field":"demographic.birthDate","operator":"<","value":"1990-01-01"}""",
            """{"field":"demographic.birthDate","operator":"between","value":["1980-01-01","1989-12-31"]}""",
            """{"field":"temporal.signedUpAt","operator":"=","value":"2026-01-31"}""",
            """{"field":"temporal.signedUpAt","operator":"!=","value":"2026-01-31"}""",
            """{"field":"temporal.signedUpAt","operator":">","value":"2026-01-31T12:00:00Z"}""",
            """{"field":"temporal.lastSeenAt","operator":"<=","value":"2026-06-30"}""",
            """{"field":"value.lastOrderAt","operator":"null"}""",
        ]),
        new(
            "Relative dates",
            "From the instant of evaluation, in the segment's time zone: first the anchor, then the offset. Weeks begin on Monday.",
        [
            """
            {"field":"temporal.lastSeenAt","operator":">=","value":{"mode":"relative","anchor":"now","offset":-30,"unit":"day"}}
            """,
            """
            {"field":"temporal.lastSeenAt","operator":"<","value":{"mode":"relative","anchor":"now","offset":-6,"unit":"month"}}
            """,
            """
            {"field":"temporal.lastSeenAt","operator":">","value":{"mode":"relative","anchor":"now","offset":-24,"unit":"hour"}}
            """,
            """
            {"field":"temporal.signedUpAt","operator":">=","value":{"mode":"relative","anchor":"startOfDay","offset":0,"unit":"day"}}
            """,
            """
            {"field":"temporal.signedUpAt","operator":">=","value":{"mode":"relative","anchor":"startOfWeek","offset":-1,"unit":"week"}}
            """,
            """
            {"field":"temporal.signedUpAt","operator":"between","value":[
              {"mode":"relative","anchor":"startOfMonth","offset":-1,"unit":"month"},
              {"mode":"relative","anchor":"endOfMonth","offset":-1,"unit":"month"}]}
            """,
            """
            {"field":"value.firstOrderAt","operator":"notBetween","value":[
              {"mode":"relative","anchor":"startOfYear","offset":0,"unit":"year"},
              {"mode":"relative","anchor":"endOfYear","offset":0,"unit":"year"}]}
            """,
            """
            {"field":"attributes.renewalDate","operator":"<=","value":{"mode":"relative","anchor":"endOfDay","offset":14,"unit":"day"}}
            """,
        ]),
        new("Days of the year", "Birthdays and anniversaries: the year is ignored, and a range may cross New Year.",
        [
            """
            {"field":"temporal.birthday","operator":"=","value":{"mode":"relative","anchor":"startOfDay","offset":0,"unit":"day"}}
            """,
            """{"field":"temporal.birthday","operator":"!=","value":"2024-02-29"}""",
            """
            {"field":"temporal.birthday","operator":"between","value":[
              {"mode":"relative","anchor":"startOfWeek","offset":0,"unit":"day"},
              {"mode":"relative","anchor":"endOfWeek","offset":0,"unit":"day"}]}
            """,
            """{"field":"temporal.signupAnniversary","operator":"notBetween","value":["2026-12-24","2027-01-06"]}""",
        ]),
        new("Yes or no, and consent", "A consent that was never recorded is no consent.",
        [
            """{"field":"consent.newsletter","operator":"=","value":true}""",
            """{"field":"consent.newsletter","operator":"!=","value":true}""",
            """{"field":"attributes.trial","operator":"=","value":false}""",
            """{"field":"attributes.trial","operator":"null"}""",
        ]),
        new("Sets", "What a customer has several of.",
        [
            """{"field":"psychographic.interests","operator":"contains","value":"Running"}""",
            """{"field":"psychographic.interests","operator":"contains","value":["Running","Cooking"]}""",
            """{"field":"psychographic.interests","operator":"doesNotContain","value":"Running"}""",
            """{"field":"psychographic.values","operator":"in","value":["Sustainability","Family"]}""",
            """{"field":"psychographic.attitudes","operator":"notIn","value":["Price-conscious"]}""",
            """{"field":"psychographic.interests","operator":"null"}""",
        ]),
        new("Places", "Distance is great-circle. The corners of a polygon are `[longitude, latitude]`.",
        [
            """{"field":"geographic.location","operator":"within","value":{"latitude":52.52,"longitude":13.405,"radiusKm":30}}""",
            """{"field":"geographic.location","operator":"notWithin","value":{"polygon":[[-6,36],[4,43.8],[16,41],[16,36.5]]}}""",
            """{"field":"geographic.climate","operator":"in","value":["tropical","arid"]}""",
        ]),
        new("Segments", "A segment can be built on others.",
        [
            """{"field":"segment","operator":"in","value":["regular-buyers"]}""",
            """{"field":"segment","operator":"notIn","value":["cart-abandoners","around-berlin"]}""",
        ]),
        new("Groups", "`and` or `or`, with `not` for the complement. A muted node is checked, and then left out.",
        [
            """
            {"combinator":"or","rules":[
              {"field":"geographic.city","operator":"=","value":"Berlin"},
              {"field":"geographic.city","operator":"=","value":"Hamburg"}]}
            """,
            """
            {"combinator":"and","not":true,"rules":[
              {"field":"geographic.country","operator":"=","value":"DE"},
              {"field":"demographic.age","operator":">=","value":65}]}
            """,
            """
            {"combinator":"and","rules":[
              {"field":"geographic.country","operator":"=","value":"DE"},
              {"field":"demographic.age","operator":">=","value":65,"muted":true}]}
            """,
        ]),
        new("Events: how many", "`value` is a group over one event; `match` says how many must satisfy it.",
        [
            $$"""{"field":"behavioral.events","operator":"=","match":{"mode":"some"},"value":{{Orders}}}""",
            $$"""{"field":"behavioral.events","operator":"!=","match":{"mode":"some"},"value":{{Orders}}}""",
            $$"""{"field":"behavioral.events","operator":"=","match":{"mode":"none"},"value":{{Orders}}}""",
            $$"""{"field":"behavioral.events","operator":"=","match":{"mode":"all"},"value":{{Orders}}}""",
            $$"""{"field":"behavioral.events","operator":"=","match":{"mode":"atLeast","threshold":3},"value":{{RecentOrders}}}""",
            $$"""{"field":"behavioral.events","operator":"=","match":{"mode":"atMost","threshold":1},"value":{{Orders}}}""",
            $$"""{"field":"behavioral.events","operator":"=","match":{"mode":"exactly","threshold":1},"value":{{Orders}}}""",
            $$"""{"field":"behavioral.events","operator":"=","match":{"mode":"moreThan","threshold":10},"value":{{Orders}}}""",
            $$"""{"field":"behavioral.events","operator":"=","match":{"mode":"lessThan","threshold":2},"value":{{Orders}}}""",
            $$"""{"field":"behavioral.events","operator":"=","match":{"mode":"between","threshold":[2,5]},"value":{{Orders}}}""",
            """
            {"field":"behavioral.events","operator":"=","match":{"mode":"some"},"value":{"combinator":"and","rules":[
              {"field":"type","operator":"=","value":"order_completed"},
              {"field":"properties.category","operator":"in","value":["shoes","bags"]},
              {"field":"amount","operator":">=","value":50},
              {"field":"hourOfDay","operator":"between","value":[18,23]}]}}
            """,
            """
            {"field":"behavioral.events","operator":"=","match":{"mode":"none"},"value":{"combinator":"and","rules":[
              {"field":"properties.coupon","operator":"notNull"}]}}
            """,
        ]),
        new("Events: what they add up to", "With `aggregate`, the threshold is about the events' values.",
        [
            $$"""
            {"field":"behavioral.events","operator":"=","match":{"mode":"atLeast","threshold":500,"aggregate":"sum","of":"amount"},
             "value":{{RecentOrders}}}
            """,
            $$"""
            {"field":"behavioral.events","operator":"=","match":{"mode":"moreThan","threshold":80,"aggregate":"avg","of":"amount"},
             "value":{{Orders}}}
            """,
            $$"""
            {"field":"behavioral.events","operator":"=","match":{"mode":"atLeast","threshold":200,"aggregate":"max","of":"amount"},
             "value":{{Orders}}}
            """,
            $$"""
            {"field":"behavioral.events","operator":"=","match":{"mode":"atLeast","aggregate":"min","of":"occurredAt",
             "threshold":{"mode":"relative","anchor":"now","offset":-30,"unit":"day"} },"value":{{Orders}} }
            """,
            $$"""
            {"field":"behavioral.events","operator":"=","match":{"mode":"lessThan","aggregate":"max","of":"occurredAt",
             "threshold":{"mode":"relative","anchor":"now","offset":-1,"unit":"year"} },"value":{{Orders}} }
            """,
            $$"""
            {"field":"behavioral.events","operator":"=","match":{"mode":"atLeast","threshold":3,"aggregate":"distinctDays"},
             "value":{{Orders}}}
            """,
            $$"""
            {"field":"behavioral.events","operator":"=",
             "match":{"mode":"atLeast","threshold":2,"aggregate":"distinct","of":"properties.category"},"value":{{Orders}}}
            """,
        ]),
        new("Events: one after another", "2 to 5 steps, each strictly later than the one before.",
        [
            $$"""
            {"field":"behavioral.sequence","operator":"=","value":{"steps":[{{Carts}},{{Orders}}],"within":{"amount":2,"unit":"day"} } }
            """,
            $$"""{"field":"behavioral.sequence","operator":"!=","value":{"steps":[{{Carts}},{{Orders}}]} }""",
        ]),
    ];

    private const string Orders = """{"combinator":"and","rules":[{"field":"type","operator":"=","value":"order_completed"}]}""";

    private const string Carts = """{"combinator":"and","rules":[{"field":"type","operator":"=","value":"cart_added"}]}""";

    private const string RecentOrders =
        """
        {"combinator":"and","rules":[{"field":"type","operator":"=","value":"order_completed"},
         {"field":"occurredAt","operator":">=","value":{"mode":"relative","anchor":"now","offset":-90,"unit":"day"}}]}
        """;
}
