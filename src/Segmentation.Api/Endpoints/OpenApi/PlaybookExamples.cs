using System.Text.Json.Nodes;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>Examples of placements, playbooks and decisions: what the sample has, and what goes beside it.</summary>
internal static class PlaybookExamples
{
    /// <summary>A placement of the sample.</summary>
    public const string Placement = "home-hero";

    /// <summary>A playbook of the sample.</summary>
    public const string Playbook = "win-back";

    private const string BannerSummary = "A banner: an object, nothing where no play wins", DraftSummary = "For early runners, as a draft";

    private const string OwnPlacement = "my-banner", OwnPlaybook = "my-playbook";

    // NDJSON: an item is one line, however long.
    public const string ExposureLines =
        """
        {"visitorId":"d8f1","visitId":"s-9","id":"seen-1","exposures":["play:exit-offer/do-not-leave@1/cart"]}
        {"visitorId":"d8f1","customerId":"sample-00017","exposures":["experiment:hero-copy@1=control"]}

        """;

    private const string OwnPlaybookBody =
        $$$"""
        {"key":"{{{OwnPlaybook}}}","name":"Early runners","goal":"An order before work","timeZone":"Europe/Berlin",
         "requiresConsent":"marketing",
         "audience":{"combinator":"and","rules":[{"field":"segment","operator":"in","value":["{{{SwaggerExamples.Segment}}}"]}]},
         "plays":[{"key":"early","placement":"{{{Placement}}}",
           "when":{"combinator":"and","rules":[{"field":"context.hour","operator":"between","value":[5,9]},
             {"field":"context.device","operator":"=","value":"mobile"}]},
           "content":{"headline":"Morning run?","discount":10},"caps":[{"max":3,"per":{"amount":1,"unit":"day"}},{"max":1,"per":"visit"}]}]}
        """;

    /// <summary>The placements that the sample has, as they are sent.</summary>
    public static IReadOnlyList<string> Placements { get; } =
    [
        $$$"""
        {"key":"{{{Placement}}}","name":"Hero of the home page","type":"object","fallback":{"headline":"New in: autumn"},"tags":["web"]}
        """,
        """{"key":"exit-offer","name":"When the visitor is about to leave","type":"object","tags":["web"]}""",
    ];

    /// <summary>The playbooks that the sample has, as they are sent.</summary>
    public static IReadOnlyList<string> Playbooks { get; } =
    [
        $$$"""
        {"key":"{{{Playbook}}}","name":"Win back lapsed big spenders","goal":"An order within 30 days","timeZone":"Europe/Berlin",
         "priority":700,"status":"active","tags":["retention"],
         "audience":{"combinator":"and","rules":[{"field":"segment","operator":"in","value":["lapsed-big-spenders"]}]},
         "plays":[
          {"key":"early","placement":"{{{Placement}}}",
           "when":{"combinator":"and","rules":[{"field":"context.hour","operator":"between","value":[5,9]},
             {"field":"context.device","operator":"=","value":"mobile"}]},
           "content":{"headline":"Good morning. Your next order is on its way?","discount":10},
           "caps":[{"max":3,"per":{"amount":1,"unit":"day"}},{"max":1,"per":"visit"}]},
          {"key":"copy","placement":"{{{Placement}}}","experiment":"{{{ExperimentExamples.Running}}}",
           "contents":{"control":null,"warm":{"headline":"We missed you"},"offer":{"headline":"10 % for you","discount":10} }},
          {"key":"any-time","placement":"{{{Placement}}}","content":{"headline":"Welcome back"}}]}
        """,
        $$$"""
        {"key":"families","name":"For families","goal":"School season","timeZone":"Europe/Berlin","status":"active","keep":"visit",
         "requiresConsent":"marketing",
         "audience":{"combinator":"and","rules":[{"field":"segment","operator":"in","value":["{{{SwaggerExamples.Segment}}}"]}]},
         "plays":[{"key":"school","placement":"{{{Placement}}}","content":{"headline":"Ready for school?"}}]}
        """,
        """
        {"key":"do-not-leave","name":"A reason to stay","goal":"An order in this visit","status":"active","priority":300,
         "plays":[{"key":"cart","placement":"exit-offer",
           "when":{"combinator":"and","rules":[{"field":"context.events","operator":"=","match":{"mode":"some"},
             "value":{"combinator":"and","rules":[{"field":"type","operator":"=","value":"cart_added"}]}}]},
           "content":{"headline":"Your cart is still here","freeShipping":true},"caps":[{"max":1,"per":"visit"}]}]}
        """,
    ];

    /// <summary>Bodies of an operation, as <see cref="SwaggerExamples"/> has them.</summary>
    public static (string Name, string Summary, string Body)[] Bodies(string operation) => operation switch
    {
        "Placements_Create" => [("banner", BannerSummary, Banner("my-first-banner"))],
        "Placements_Put" => [("banner", BannerSummary, Banner(OwnPlacement))],
        "Placements_Patch" => [("tags", "Other tags", """{"tags":["web","app"]}""")],
        "Playbooks_Create" =>
            [("early", DraftSummary, OwnPlaybookBody.Replace(OwnPlaybook, "my-first-playbook", StringComparison.Ordinal))],
        "Playbooks_Put" => [("early", DraftSummary, OwnPlaybookBody)],
        "Playbooks_Validate" => [("early", "For early runners", OwnPlaybookBody)],
        "Playbooks_Patch" => [("priority", "Comes before the others", """{"priority":800}""")],
        "Playbooks_Clone" => [("draft", "A copy to try changes on", $$"""{"key":"{{Playbook}}-copy"}""")],
        "Playbooks_Preview" =>
        [
            ("stored", "A stored one, on a phone in the morning", $$$"""
                {"key":"{{{Playbook}}}","context":{"timeZone":"Europe/Berlin","device":"mobile"}}
                """),
            ("draft", "A draft, as if all consents were given", $$$"""{"playbook":{{{OwnPlaybookBody}}},"consents":"granted"}"""),
        ],
        "Exposures_Create" =>
        [
            ("seen", "What was decided for a visitor, seen", """
                [{"visitorId":"d8f1","visitId":"s-9","id":"seen-1",
                  "exposures":["experiment:hero-copy@1=control","play:exit-offer/do-not-leave@1/cart"]}]
                """),
        ],
        "Decisions_Decide" =>
        [
            ("customer", "A customer, on a phone, explained", $$$"""
                {"customerId":"{{{SwaggerExamples.Customer}}}","visitorId":"d8f1","placements":["{{{Placement}}}","exit-offer"],
                 "context":{"timeZone":"Europe/Berlin","device":"mobile","visit":{"id":"s-9","number":4,"pageViews":3}},
                 "events":[{"id":"e-1","type":"cart_added","occurredAt":"2026-01-31T09:31:00Z"}],"explain":true}
                """),
            ("visitor", "Somebody who is not known", """{"visitorId":"d8f1","context":{"country":"DE"},"consents":{"marketing":true}}"""),
        ],
        ['O', 'f', 'r', 'e', 'p', '_', ..] =>
        [
            ("customer", "A customer, on a phone", $$$"""
                {"context":{"targetingKey":"{{{SwaggerExamples.Customer}}}","device":"mobile","timeZone":"Europe/Berlin","plan":"plus"}}
                """),
            ("visitor", "Somebody who is not known", """{"context":{"targetingKey":"d8f1","anonymous":true,"country":"DE"}}"""),
        ],
        _ => [],
    };

    /// <summary>A parameter's value; null where it is that of all operations.</summary>
    public static JsonNode? Parameter(string operation, string name) => (operation, name) switch
    {
        ("Placements_Put" or "Placements_Delete", "key") => OwnPlacement,
        (['P', 'l', 'a', 'c', 'e', ..], "key") => Placement,
        ("Playbooks_Put" or "Playbooks_Delete", "key") => OwnPlaybook,
        (['P', 'l', 'a', 'y', 'b', ..], "key") => Playbook,
        (['O', 'f', 'r', ..], "key") => Placement,
        (_, "flagConfigEtag") => "\"550e8400\"",
        (_, "flagConfigLastModified") => "1771622898",
        ("Playbooks_Report", "by") => "day",
        ("Playbooks_Report", "metric") => "buyers",
        (_, "placement") => Placement,
        (_, "tag") => "web",
        (_, "q") => "home",
        _ => null,
    };

    private static string Banner(string key) => $$"""{"key":"{{key}}","name":"Banner","type":"object","tags":["web"]}""";
}
