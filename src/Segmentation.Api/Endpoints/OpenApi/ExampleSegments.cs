using System.Text.Json;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>A segment to try: an example in Swagger, and one of the sample (<c>./run --sample</c>).</summary>
/// <param name="Kind">The one of the six kinds (<see cref="CustomerFields.Kinds"/>) that it shows.</param>
/// <param name="Goal">What it is for.</param>
/// <param name="Rule">The rule tree, laid out for reading.</param>
internal sealed record ExampleSegment(string Kind, string Key, string Name, string Description, string Goal, string TimeZone, string Rule)
{
    /// <summary>The rule as a segment holds it.</summary>
    public JsonElement RuleTree => JsonElement.Parse(Rule);

    /// <summary>The metric that says how well its goal is reached; null for none.</summary>
    public string? GoalMetric { get; init; }
}

/// <summary>
/// Segments over the sample's customers: two of each kind, and one of what they say. One refers to others that stand before it.
/// </summary>
internal static class ExampleSegments
{
    public static readonly IReadOnlyList<ExampleSegment> All =
    [
        new(
            "demographic", "parents-30-45", "Parents from 30 to 45", "Between 30 and 45 years old, with children in the household.",
            "Tell families about school season and family offers.", "Europe/Berlin",
            """
            {
              "combinator": "and",
              "rules": [
                { "field": "demographic.age", "operator": "between", "value": [30, 45] },
                { "field": "demographic.children", "operator": ">=", "value": 1 }
              ]
            }
            """)
        { GoalMetric = "revenue" },
        new(
            "demographic",
            "well-earning-couples",
            "Well-earning couples",
            "Married or living together, with a degree or an income of 60,000 and more, and not retired.",
            "Find out who would take premium plans for two.", "Europe/Berlin",
            """
            {
              "combinator": "and",
              "rules": [
                { "field": "demographic.maritalStatus", "operator": "in", "value": ["Married", "Partnership"] },
                {
                  "combinator": "or",
                  "rules": [
                    { "field": "demographic.education", "operator": "in", "value": ["Master", "Doctorate"] },
                    { "field": "demographic.income", "operator": ">=", "value": 60000 }
                  ]
                },
                { "field": "demographic.occupation", "operator": "!=", "value": "Retired" }
              ]
            }
            """),
        new(
            "geographic", "around-berlin", "Around Berlin", "Within 30 km of Berlin's center, or with a Berlin postal code.",
            "Invite to events in the Berlin store.", "Europe/Berlin",
            """
            {
              "combinator": "or",
              "rules": [
                {
                  "field": "geographic.location",
                  "operator": "within",
                  "value": { "latitude": 52.52, "longitude": 13.405, "radiusKm": 30 }
                },
                {
                  "combinator": "and",
                  "rules": [
                    { "field": "geographic.country", "operator": "=", "value": "DE" },
                    { "field": "geographic.postalCode", "operator": "beginsWith", "value": "10" }
                  ]
                }
              ]
            }
            """)
        { GoalMetric = SwaggerExamples.Metric },
        new(
            "geographic", "where-it-is-warm", "Where it is warm", "In a tropical or arid climate, or around the western Mediterranean.",
            "Offer sun protection all year, and no winter coats.", "UTC",
            """
            {
              "combinator": "or",
              "rules": [
                { "field": "geographic.climate", "operator": "in", "value": ["tropical", "arid"] },
                {
                  "field": "geographic.location",
                  "operator": "within",
                  "value": { "polygon": [[-6, 36], [4, 43.8], [8, 44.2], [16, 41], [16, 36.5], [-6, 36]] }
                }
              ]
            }
            """),
        new(
            "psychographic", "green-newsletter-readers", "Green newsletter readers",
            "Hold sustainability dear or are eco-conscious, consented to the newsletter, and opened a mail in the last 6 months.",
            "Send the repair and second-hand newsletter.", "Europe/Berlin",
            """
            {
              "combinator": "and",
              "rules": [
                {
                  "combinator": "or",
                  "rules": [
                    { "field": "psychographic.values", "operator": "contains", "value": "Sustainability" },
                    { "field": "psychographic.attitudes", "operator": "contains", "value": "Eco-conscious" }
                  ]
                },
                { "field": "consent.newsletter", "operator": "=", "value": true },
                {
                  "field": "behavioral.events",
                  "operator": "=",
                  "match": { "mode": "some" },
                  "value": {
                    "combinator": "and",
                    "rules": [
                      { "field": "type", "operator": "=", "value": "email_opened" },
                      {
                        "field": "occurredAt",
                        "operator": ">=",
                        "value": { "mode": "relative", "anchor": "now", "offset": -6, "unit": "month" }
                      }
                    ]
                  }
                }
              ]
            }
            """),
        new(
            "psychographic",
            "trend-seekers",
            "Trend seekers",
            "Early adopters, or people after status and novelty; not those who mind the price most.",
            "Show new collections first.", "UTC",
            """
            {
              "combinator": "and",
              "rules": [
                {
                  "combinator": "or",
                  "rules": [
                    { "field": "psychographic.attitudes", "operator": "in", "value": ["Early adopter"] },
                    { "field": "psychographic.motivations", "operator": "contains", "value": ["Status", "Novelty"] },
                    { "field": "psychographic.personality", "operator": "beginsWith", "value": "Trend" }
                  ]
                },
                { "field": "psychographic.attitudes", "operator": "doesNotContain", "value": "Price-conscious" },
                { "field": "psychographic.lifestyle", "operator": "notNull" }
              ]
            }
            """),
        new(
            "behavioral", "regular-buyers", "Regular buyers", "At least 3 orders in the last 90 days.",
            "Thank them, and ask them for reviews.", "Europe/Berlin",
            """
            {
              "combinator": "and",
              "rules": [
                {
                  "field": "behavioral.events",
                  "operator": "=",
                  "match": { "mode": "atLeast", "threshold": 3 },
                  "value": {
                    "combinator": "and",
                    "rules": [
                      { "field": "type", "operator": "=", "value": "order_completed" },
                      {
                        "field": "occurredAt",
                        "operator": ">=",
                        "value": { "mode": "relative", "anchor": "now", "offset": -90, "unit": "day" }
                      }
                    ]
                  }
                }
              ]
            }
            """),
        new(
            "behavioral",
            "cart-abandoners",
            "Cart abandoners",
            "Put something of 30 or more into the cart in the last 30 days, and did not order within 2 days of it.",
            "Remind them of their cart.", "Europe/Berlin",
            """
            {
              "combinator": "and",
              "rules": [
                {
                  "field": "behavioral.events",
                  "operator": "=",
                  "match": { "mode": "some" },
                  "value": {
                    "combinator": "and",
                    "rules": [
                      { "field": "type", "operator": "=", "value": "cart_added" },
                      { "field": "amount", "operator": ">=", "value": 30 },
                      {
                        "field": "occurredAt",
                        "operator": ">=",
                        "value": { "mode": "relative", "anchor": "startOfDay", "offset": -30, "unit": "day" }
                      }
                    ]
                  }
                },
                {
                  "field": "behavioral.sequence",
                  "operator": "!=",
                  "value": {
                    "steps": [
                      {
                        "combinator": "and",
                        "rules": [
                          { "field": "type", "operator": "=", "value": "cart_added" },
                          {
                            "field": "occurredAt",
                            "operator": ">=",
                            "value": { "mode": "relative", "anchor": "startOfDay", "offset": -30, "unit": "day" }
                          }
                        ]
                      },
                      {
                        "combinator": "and",
                        "rules": [{ "field": "type", "operator": "=", "value": "order_completed" }]
                      }
                    ],
                    "within": { "amount": 2, "unit": "day" }
                  }
                }
              ]
            }
            """),
        new(
            "temporal", "birthdays-this-week", "Birthdays this week", "Have their birthday between Monday and Sunday of this week.",
            "Send a birthday greeting with a voucher.", "Europe/Berlin",
            """
            {
              "combinator": "and",
              "rules": [
                {
                  "field": "temporal.birthday",
                  "operator": "between",
                  "value": [
                    { "mode": "relative", "anchor": "startOfWeek", "offset": 0, "unit": "day" },
                    { "mode": "relative", "anchor": "endOfWeek", "offset": 0, "unit": "day" }
                  ]
                }
              ]
            }
            """),
        new(
            "temporal",
            "night-owls",
            "Night owls",
            "Seen in the last 6 months, and in that time active at least 5 times between 22:00 and 04:59 of their own clock.",
            "Time mails and app messages for late evenings.", "Europe/Berlin",
            """
            {
              "combinator": "and",
              "rules": [
                {
                  "field": "temporal.lastSeenAt",
                  "operator": ">=",
                  "value": { "mode": "relative", "anchor": "now", "offset": -6, "unit": "month" }
                },
                {
                  "field": "behavioral.events",
                  "operator": "=",
                  "match": { "mode": "atLeast", "threshold": 5 },
                  "value": {
                    "combinator": "and",
                    "rules": [
                      { "field": "hourOfDay", "operator": "in", "value": [22, 23, 0, 1, 2, 3, 4] },
                      {
                        "field": "occurredAt",
                        "operator": ">=",
                        "value": { "mode": "relative", "anchor": "now", "offset": -6, "unit": "month" }
                      }
                    ]
                  }
                }
              ]
            }
            """),
        new(
            "value",
            "top-decile",
            "Top tenth by value",
            "The tenth of the customers with the greatest lifetime value, detractors left out.",
            "Invite to the advisory board.", "UTC",
            """
            {
              "combinator": "and",
              "rules": [
                { "field": "value.percentile", "operator": ">=", "value": 90 },
                {
                  "combinator": "and",
                  "not": true,
                  "rules": [{ "field": "attributes.nps", "operator": "<=", "value": 6 }]
                }
              ]
            }
            """),
        new(
            "value", "lapsed-big-spenders", "Lapsed big spenders", "Spent 500 or more on at least 2 orders, none in the last 90 days, and "
                + "neither abandoned a cart lately nor lives around Berlin.",
            "Win them back with a personal offer; the Berlin store calls its own customers.", "Europe/Berlin",
            """
            {
              "combinator": "and",
              "rules": [
                { "field": "value.lifetimeValue", "operator": ">=", "value": 500 },
                { "field": "value.orderCount", "operator": ">=", "value": 2 },
                { "field": "value.daysSinceLastOrder", "operator": ">", "value": 90 },
                { "field": "segment", "operator": "notIn", "value": ["cart-abandoners", "around-berlin"] }
              ]
            }
            """)
        { GoalMetric = "buyers" },
        new(
            "psychographic", "detractors", "Detractors", "Were unhappy in their last pieces of feedback of a year.",
            "Call them before they leave.", "Europe/Berlin",
            """
            {
              "combinator": "and",
              "rules": [
                { "field": "psychographic.sentiment", "operator": "<", "value": 0 }
              ]
            }
            """)
        { GoalMetric = "sentiment" },
    ];

    /// <summary>Segments over scores, which the sample has besides: they begin when its customers are scored.</summary>
    public static readonly IReadOnlyList<ExampleSegment> OfScores =
    [
        new(
            "value", "champions", "Champions", "Bought lately, often and for much: the RFM groups champions and loyal.",
            "Ask them for reviews, and let them try what is new first.", "Europe/Berlin",
            """
            { "combinator": "and", "rules": [{ "field": "value.rfmGroup", "operator": "in", "value": ["champions", "loyal"] }] }
            """)
        { GoalMetric = "revenue" },
        new(
            "behavioral", "silent-longer-than-usual", "Silent longer than usual",
            "Has not been seen for three times as long as is usual for this customer, and for half a year at most.",
            "Remind them before they forget you.", "Europe/Berlin",
            """
            {
              "combinator": "and",
              "rules": [
                { "field": "behavioral.silence", "operator": ">=", "value": 3 },
                {
                  "field": "behavioral.lastEventAt", "operator": ">=",
                  "value": { "mode": "relative", "anchor": "now", "offset": -180, "unit": "day" }
                }
              ]
            }
            """),
        new(
            "value", "valuable-and-slipping-away", "Valuable and slipping away",
            "A lifetime value among the highest quarter, and most likely no order within 90 days.",
            "Call them: each is worth the effort.", "Europe/Berlin",
            """
            {
              "combinator": "and",
              "rules": [
                { "field": "value.percentile", "operator": ">=", "value": 75 },
                { "field": "predicted.churnRisk", "operator": ">=", "value": 0.6 }
              ]
            }
            """)
        { GoalMetric = "buyers" },
        new(
            "value", "likely-to-buy-again", "Likely to buy again", "At least one order is expected within 90 days.",
            "Recommend what goes with their last order; a discount would be given away.", "Europe/Berlin",
            """
            { "combinator": "and", "rules": [{ "field": "predicted.orders90", "operator": ">=", "value": 1 }] }
            """)
        { GoalMetric = "revenue" },
    ];
}
