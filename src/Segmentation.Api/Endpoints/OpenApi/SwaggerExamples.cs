using System.Text.Json.Nodes;
using Segmentation.Api.Access;
using Segmentation.Api.Webhooks;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>
/// What Swagger UI fills in: all of it works as pasted against the sample, in any order: what is deleted is nothing that another example
/// needs.
/// </summary>
internal static class SwaggerExamples
{
    /// <summary>A customer of the sample.</summary>
    public const string Customer = "sample-00017";

    /// <summary>A segment of the sample.</summary>
    public const string Segment = "parents-30-45";

    /// <summary>The sample's manual segment.</summary>
    public const string Manual = "product-testers";

    /// <summary>More segments of the sample.</summary>
    public static readonly string[] Others = ["around-berlin", "regular-buyers"];

    /// <summary>The sample's own metric: what is bought in stores.</summary>
    public const string Metric = "store-revenue";

    /// <summary>Its definition.</summary>
    public const string MetricDefinition =
        """
        {"name":"Revenue in stores","kind":"sum","of":"amount","goal":"increase","window":{"amount":30,"unit":"day"},
         "event":{"combinator":"and","rules":[{"field":"type","operator":"=","value":"order_completed"},
          {"field":"channel","operator":"=","value":"store"}]}}
        """;

    /// <summary>Whom the examples erase: what occurred to others may be sent after it.</summary>
    public const string ErasedCustomer = "jack-doe";

    /// <summary>One of the sample's that no other example restricts: that it joined can be told again.</summary>
    public const string ToldCustomer = "sample-00001";

    /// <summary>One of the sample's that no other example names: it is anonymous once.</summary>
    public const string AnonymousCustomer = "sample-04999";

    /// <summary>The sample's receipt of an erasure.</summary>
    public const string Receipt = "er_T0c8ZJ2QyV5mWfA1xkB4rg";

    /// <summary>The sample's webhook.</summary>
    public const string Webhook = "01946e2a-0000-7000-8000-000000000001";

    /// <summary>A message of that webhook.</summary>
    public static readonly Guid WebhookMessage = new("01946e2a-0000-7000-8000-000000000002");

    /// <summary>What the examples make goes by names that the sample does not use.</summary>
    public const string OwnWebhook = "01946e2a-0000-7000-8000-000000000004";

    /// <inheritdoc cref="OwnWebhook"/>
    public const string OwnImport = "01946e2a-0000-7000-8000-000000000005";

    /// <inheritdoc cref="OwnWebhook"/>
    public const string OwnCustomer = "jane-doe", OwnSegment = "my-segment", OwnManual = "my-panel", OwnAttribute = "favoriteStore",
        OwnMetric = "shoe-revenue", OwnModel = "likely-to-return";

    /// <summary>The model that is always there.</summary>
    public const string Model = "lifetimeValue";

    // NDJSON: an item is one line, however long.
    public const string EventLines =
        """
        {"id":"web-1001","customerId":"jane-doe","type":"page_viewed","occurredAt":"2026-01-31T09:20:00Z","channel":"web"}
        {"id":"web-1002","customerId":"jane-doe","type":"order_completed","occurredAt":"2026-01-31T09:31:00Z",
        """
        + """
        "amount":89.9,"currency":"EUR"}

        """;

    public const string CustomerLines =
        """
        {"id":"jane-doe","email":"jane@example.com","demographic":{"birthDate":"1990-04-12"},"geographic":{"country":"DE"},
        """
        + """
        "attributes":{"plan":"Plus"}}
        {"id":"john-doe","email":"john@example.com","psychographic":{"interests":["Running","Cooking"]}}

        """;

    public const string ImportErrors =
        """
        #line,#message,id,email,demographic.birthDate
        3,"demographic.birthDate (column 3) must be a date. The day is first: send 1990-05-13.",john-doe,john@example.com,13.05.1990

        """;

    /// <summary>A key's id. The sample has none: the first key closes the service.</summary>
    public const string ApiKey = "exampleKey01";

    /// <inheritdoc cref="OwnWebhook"/>
    public const string OwnApiKey = "exampleKey02";

    /// <summary>The sample's import in the background.</summary>
    public const string Import = "01946e2a-0000-7000-8000-000000000003";

    /// <summary>The sample's analysis.</summary>
    public const string Analysis = "01946e2a-0000-7000-8000-000000000006";

    /// <inheritdoc cref="OwnWebhook"/>
    public const string OwnAnalysis = "01946e2a-0000-7000-8000-000000000007";

    /// <summary>The sample's model of propensity.</summary>
    public const string Propensity = "orders-again";

    /// <summary>It, complete.</summary>
    public const string PropensityRequest =
        """
        {"type":"propensity","name":"Orders again","withinDays":30,"features":[],"refitDays":7,
         "goal":{"combinator":"and","rules":[{"field":"type","operator":"=","value":"order_completed"}]}}
        """;

    /// <summary>What marks a segment of the sample.</summary>
    public const string ProfileRequest =
        """{"type":"profile","segment":"trend-seekers","days":90,"properties":["order_completed.category"]}""";

    /// <summary>Finds a group that the sample's generator planted.</summary>
    public const string OpportunitiesRequest =
        """
        {"type":"opportunities","direction":"high",
         "target":{"rule":{"combinator":"and","rules":[{"field":"consent.marketing","operator":"=","value":true}]}}}
        """;

    /// <summary>Groups that the sample's generator planted.</summary>
    public const string ClustersRequest =
        """
        {"type":"clusters","fields":["psychographic.interests","psychographic.values","psychographic.attitudes",
         "psychographic.motivations","psychographic.lifestyle","psychographic.personality"]}
        """;

    public const string CustomerCsv =
        """
        id,email,demographic.birthDate,geographic.country,psychographic.interests,attributes.plan
        jane-doe,jane@example.com,1990-04-12,DE,Running|Cooking,Plus
        john-doe,john@example.com,,AT,,

        """;

    public const string Brief =
        """
        # Parents of 30 to 45

        **Goal:** Family offers

        **Who is in it:** age is between 30 and 45 and number of children is at least 1.

        ## Size

        **61** of 500 customers, 12.2 %.

        """;

    public const string Stream =
        """
        event: hello
        id: WzQxLDIsMF0
        data: {"segment":"parents-30-45"}

        event: joined
        id: WzQyLDEsMTdd
        data: {"customerId":"sample-00017","at":"2026-01-31T09:31:00Z","cause":"event","eventId":"web-1002","version":1}


        """;

    private const string OneEvent =
        """
        {"id":"web-1002","customerId":"jane-doe","type":"order_completed","occurredAt":"2026-01-31T09:31:00Z","amount":89.9,
         "currency":"EUR","channel":"web","properties":{"category":"shoes","items":2}}
        """;

    private const string Profile =
        """
        {"email":"jane@example.com","firstName":"Jane","lastName":"Doe",
         "demographic":{"birthDate":"1990-04-12","gender":"Female","education":"Master","income":64000,"householdSize":3,"children":1},
         "geographic":{"country":"DE","city":"Berlin","postalCode":"10115","timeZone":"Europe/Berlin","climate":"continental",
          "location":{"latitude":52.53,"longitude":13.38}},
         "psychographic":{"interests":["Running"],"values":["Sustainability"],"lifestyle":"Urban"},
         "attributes":{"plan":"Plus","nps":9},"consents":{"newsletter":{"granted":true,"at":"2025-06-01T08:00:00Z"}},
         "signedUpAt":"2025-06-01T08:00:00Z"}
        """;

    private static readonly (string Name, string Summary, string Body)[] Events =
    [
        ("array", "A list of events", $"[{OneEvent}]"),
    ];

    /// <summary>Named examples of an operation's JSON body, by the operation's id; empty for a body that has none.</summary>
    public static IEnumerable<(string Name, string Summary, JsonNode Body)> Bodies(string operation)
    {
        (string Name, string Summary, string Body)[] written = operation switch
        {
            "Segments_Patch" => [(
                "goal",
                "Changes the goal and the tags",
                """{"goal":"Tell families about school season.","tags":["demographic","families"]}""")],
            "Segments_Clone" =>
                [("draft", "A copy to try changes on", $$"""{"key":"{{Segment}}-copy","name":"Parents from 30 to 45 (copy)"}""")],
            "Segments_ChangeMembers" =>
                [("both", "One in, one out", $$"""{"add":["{{Customer}}","sample-00021"],"remove":["sample-00026"]}""")],
            "Segments_Overlap" =>
                [("three", "Three segments, pair by pair", $$"""{"keys":["{{Segment}}","{{Others[0]}}","{{Others[1]}}"]}""")],
            "Segments_Transitions" =>
            [(
                "months",
                "Month by month, by the rules of two segments",
                $$"""
                {"states":["{{Others[0]}}","{{Others[1]}}"],"membership":"rule","ahead":3,
                 "at":["2026-02-01T00:00:00Z","2026-03-01T00:00:00Z","2026-04-01T00:00:00Z","2026-05-01T00:00:00Z","2026-06-01T00:00:00Z"]}
                """)],
            "Segments_Combine" =>
            [
                (
                    "intersection",
                    "In both, as a preview",
                    $$"""{"operation":"intersection","keys":["{{Segment}}","{{Others[0]}}"],"sampleSize":3}"""),
                (
                    "difference",
                    "In the first and no other, as a preview",
                    $$"""{"operation":"difference","keys":["{{Segment}}","{{Others[0]}}","{{Others[1]}}"],"sampleSize":3}"""),
                (
                    "save",
                    "In either, saved as a manual segment",
                    $$"""
                    {"operation":"union","keys":["{{Segment}}","{{Others[0]}}"],
                     "save":{"key":"{{Segment}}-or-more","name":"Parents, and more","tags":["panel"]} }
                    """),
            ],
            "Customers_Create" => [("new", "A profile; its id is made", Profile)],
            "Customers_Put" => [("profile", "A whole profile", Profile)],
            "Customers_Patch" => [(
                "move",
                "Moves, and withdraws a consent",
                """{"geographic":{"city":"Potsdam","postalCode":"14467"},"consents":{"marketing":{"granted":false}}}""")],
            "Events_Create" => Events,
            "Customers_AddEvent" => [(
                "order",
                "An order",
                """
                {"id":"web-1002","type":"order_completed","occurredAt":"2026-01-31T09:31:00Z","amount":89.9,"currency":"EUR",
                 "channel":"web","properties":{"category":"shoes"}}
                """)],
            "Webhooks_Create" => [(
                "one",
                "Of one segment; the secret is made",
                $$"""
                {"url":"https://shop.example/hooks/segments","segments":["{{Segment}}"],"description":"Tells the shop who is a parent"}
                """)],
            "Webhooks_Put" =>
                [("all", "Of all segments, and not yet", """{"url":"https://shop.example/hooks/all","segments":[],"enabled":false}""")],
            "Webhooks_Patch" => [("rotate", "Has a new secret made", """{"secret":null}""")],
            "Webhooks_Replay" =>
                [("dead", "All dead letters", "{}"), ("since", "All since an instant", """{"since":"2026-01-31T00:00:00Z"}""")],
            "Analyses_Create" =>
            [
                ("profile", "What marks a segment's members", ProfileRequest),
                ("rfm", "New thresholds for RFM scores", """{"type":"rfm"}"""),
                ("clusters", "Which groups there are, by what people care for", ClustersRequest),
                ("opportunities", "Who agrees to marketing unusually often, and whether a segment says so", OpportunitiesRequest),
            ],
            "Models_Put" =>
            [
                ("propensity", "Who orders within 30 days", PropensityRequest),
                (
                    "attributes",
                    "Who leaves feedback within 60 days; it reads an attribute, too",
                    """
                    {"type":"propensity","name":"Speaks up","withinDays":60,"features":["attributes.plan"],
                     "goal":{"combinator":"and","rules":[{"field":"type","operator":"=","value":"feedback"}]}}
                    """),
            ],
            "Models_Fit" => [("now", "On all that is known", "{}"), ("holdout", "Held against the last 60 days", """{"holdoutDays":60}""")],
            "Models_Predict" => [(
                "textbook",
                "A customer of a textbook: BG/NBD, weeks",
                """
                {"frequency":"bgNbd","parameters":{"r":0.243,"alpha":4.414,"a":0.793,"b":2.426,"p":6.25,"q":3.74,"gamma":15.44},
                 "rows":[{"x":2,"tx":30.43,"T":38.86,"t":39,"n":2,"m":22.35}]}
                """)],
            "ApiKeys_Create" => [(
                "own",
                "For yourself: everything",
                $$"""{"name":"Me","scopes":["{{string.Join("\",\"", Scopes.OfKeys)}}"]}""")],
            "ApiKeys_Patch" => [("name", "Another name", """{"name":"Me, on the laptop"}""")],
            "Audit_Verify" => [("all", "The whole log", "{}")],
            "ApiKeys_Rotate" => [("week", "The secret before lives for a week", """{"overlapHours":168}""")],
            "Metrics_Put" =>
            [
                ("sum", "What is bought in stores", MetricDefinition),
                (
                    "ratio",
                    "Pages viewed by each app that is opened",
                    """
                    {"name":"Pages by opened app","kind":"ratio","goal":"increase",
                     "event":{"combinator":"and","rules":[{"field":"type","operator":"=","value":"page_viewed"}]},
                     "denominator":{"event":{"combinator":"and","rules":[{"field":"type","operator":"=","value":"app_opened"}]}}}
                    """),
            ],
            ['E', 'x', 'p', 'e', 'r', 'i', 'm', 'e', 'n', 't', 's', '_', ..] => ExperimentExamples.Bodies(operation),
            "Attributes_Put" => [(
                "text",
                "A text with suggested values",
                """{"type":"text","kind":"geographic","label":"Favorite store","values":["Berlin","Hamburg","Vienna"]}""")],
            "Purposes_Put" => [(
                "consent",
                "One that needs consent",
                """{"label":"Newsletter","description":"A mail a week with what is new.","basis":"consent","expiresAfterDays":730}""")],
            "Customers_PutConsent" => [
                (
                    "given",
                    "Given in a form",
                    """{"granted":true,"source":"checkout","policyVersion":"2026-01","evidence":"The box below the address, ticked."}"""),
                ("withdrawn", "Withdrawn", """{"granted":false,"source":"unsubscribe-link","policyVersion":"2026-01"}"""),
            ],
            "Customers_PutRestriction" => [(
                "objection",
                "The customer has objected",
                """{"reason":"Objects to profiling, by letter of 20 November."}""")],
            _ => PlaybookExamples.Bodies(operation),
        };
        return operation switch
        {
            "Segments_Create" => Samples(s => Definition(s, $"my-{s.Key}"))
                .Append((
                    "manual",
                    "Manual: members are put in by hand",
                    JsonNode.Parse($$"""{"key":"{{OwnManual}}","name":"My panel","kind":"manual"}""")!)),
            "Segments_Put" => Samples(s => Definition(s, null)),
            "Segments_Preview" =>
                Samples(s => new JsonObject { ["rule"] = JsonNode.Parse(s.Rule), ["timeZone"] = s.TimeZone, ["sampleSize"] = 3 }),
            "Segments_Validate" or "Segments_Compile" =>
                Samples(s => new JsonObject { ["rule"] = JsonNode.Parse(s.Rule), ["timeZone"] = s.TimeZone }),
            _ => written.Select(w => (w.Name, w.Summary, JsonNode.Parse(w.Body)!)),
        };
    }

    /// <summary>A value for a parameter; null where none makes sense beforehand.</summary>
    public static JsonNode? Parameter(string operation, string name) => (operation, name) switch
    {
        (['E', 'x', 'p', 'e', 'r', 'i', 'm', 'e', 'n', 't', 's', '_', ..], "key" or "status" or "tag" or "q") =>
            ExperimentExamples.Parameter(operation, name),
        ("Metrics_Get", "key") => Metric,
        ("Metrics_Put" or "Metrics_Delete", "key") => OwnMetric,
        ("Segments_Put" or "Segments_Delete", "key") => OwnSegment,
        (['P', 'l', 'a', 'c' or 'y', ..] or ['O', 'f', 'r', ..], _) when PlaybookExamples.Parameter(operation, name) is { } own => own,
        ("Segments_Brief", "format") => "markdown",
        ("Models_Delete", "key") => OwnModel,
        ("Models_Put", "key") => Propensity,
        (['M', 'o', 'd', 'e', 'l', 's', '_', ..], "key") => Model,
        ("Segments_AddMember" or "Segments_RemoveMember" or "Segments_ChangeMembers", "key") => Manual,
        (_, "key") => Segment,
        ("Visitors_Erase", "id") => "my-browser",
        ("Customers_Put" or "Customers_AddEvent", "id") => OwnCustomer,
        ("Customers_Delete" or "Customers_Erase", "id") => ErasedCustomer,
        ("Customers_Anonymize", "id") => AnonymousCustomer,
        ("Webhooks_Delete", "id") => OwnWebhook,
        ("ApiKeys_Revoke", "id") => OwnApiKey,
        (['A', 'p', 'i', 'K', 'e', 'y', 's', '_', ..], "id") => ApiKey,
        (['W', 'e', 'b', 'h', 'o', 'o', 'k', 's', '_', ..], "id") => Webhook,
        (_, "receipt") => Receipt,
        (_, "messageId") => WebhookDelivery.MessageName(WebhookMessage),
        (_, "state") => "dead",
        (_, "lastEventId" or "Last-Event-ID") => "WzAsMCwwXQ",
        ("Imports_Delete", "id") => OwnImport,
        (['I', 'm', 'p', 'o', 'r', 't', 's', '_', ..], "id") => Import,
        ("Analyses_Delete", "id") => OwnAnalysis,
        ("Analyses_Get", "id") => Analysis,
        ("Analyses_List", "type") => "profile",
        ("Analyses_List", "status") => "succeeded",
        (_, "wait") => 5,
        (_, "show") => "all",
        (_, "Prefer") => "respond-async",
        (_, "format") => "csv",
        (_, "bom") => true,
        (_, "mode") => "merge",
        (_, "dryRun" or "recreate") => true,
        (_, "id" or "customerId") => Customer,
        (_, "Idempotency-Key") => "order-1002",
        (_, "for") => "event",
        ("Fields_Values", "name") => "demographic.occupation",
        ("Attributes_Get", "name") => "plan",
        ("Purposes_Put" or "Purposes_Delete", "name") => "my_newsletter",
        ("Purposes_Get", "name") => "marketing",
        (_, "purpose") => "marketing",
        ("Audit_List", "actor") => "service",
        ("Audit_List", "action") => "segments.create",
        ("Audit_List", "resource") => $"segments/{Segment}",
        (_, "name") => OwnAttribute,
        (_, "version") => 1,
        (_, "limit") => 10,
        (_, "live") => true,
        (_, "createCustomers") => true,
        (_, "status") => "active",
        (_, "kind") => "rule",
        (_, "valid") => true,
        ("Portfolio_Get", "sort") => "perMember",
        (_, "metric") => "orders",
        (_, "population") => "start",
        (_, "compare") => Others[1],
        (_, "membership") => "rule",
        (_, "cohort") => "month",
        (_, "by") => "signedUp",
        (_, "atRisk") => "lapsed-big-spenders",
        (_, "sort") => "-size",
        (_, "tag") => "behavioral",
        ("Customers_List", "q") => "sample-0001",
        (_, "q") => "berlin",
        (_, "prefix") => "t",
        (_, "fields") => "id",
        (_, "email") => "jane@example.com",
        (_, "segment") => Segment,
        (_, "asOf") => "2026-06-30T22:00:00Z",
        ("Segments_Flows", "to") => Others[0],
        (_, "from" or "since") => "2026-05-31T22:00:00Z",
        (_, "to" or "until") => "2026-06-30T22:00:00Z",
        ("Segments_Movers", "change") => "join",
        (_, "change") => "left",
        (_, "cause") => "event",
        (_, "interval") => "week",
        (_, "days") => 90,
        _ => null,
    };

    private static IEnumerable<(string Name, string Summary, JsonNode Body)> Samples(Func<ExampleSegment, JsonObject> body) =>
        ExampleSegments.All.Select(s => (s.Key, $"{char.ToUpperInvariant(s.Kind[0])}{s.Kind[1..]}: {s.Name}", (JsonNode)body(s)));

    private static JsonObject Definition(ExampleSegment sample, string? key)
    {
        var definition = new JsonObject
        {
            ["name"] = sample.Name,
            ["description"] = sample.Description,
            ["goal"] = sample.Goal,
            ["rule"] = JsonNode.Parse(sample.Rule),
            ["timeZone"] = sample.TimeZone,
            ["tags"] = new JsonArray(sample.Kind),
        };
        if (sample.GoalMetric is { } metric)
        {
            definition.Insert(3, "goalMetric", metric);
        }

        if (key is not null)
        {
            definition.Insert(0, "key", key);
        }

        return definition;
    }
}
