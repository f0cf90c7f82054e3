namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>What Swagger UI fills in for experiments.</summary>
internal static class ExperimentExamples
{
    /// <summary>The sample's experiment, which runs.</summary>
    public const string Running = "hero-copy";

    /// <summary>Its definition.</summary>
    public const string Definition =
        """
        {"name":"Tone of the hero","hypothesis":"A warm headline brings lapsed customers back","unit":"visitor",
         "variants":[{"key":"control","weight":1},{"key":"warm","weight":1},{"key":"offer","weight":1}],
         "metrics":{"primary":"buyers","secondary":["revenue"]},"plannedUnits":30000,"tags":["home"]}
        """;

    /// <summary>Others of the sample: one to be started, one to be stopped, one to be put away.</summary>
    public const string Draft = "free-shipping", Stopping = "short-checkout", Old = "old-banner";

    /// <summary>The definition of each of them.</summary>
    public const string DraftDefinition =
        """{"variants":[{"key":"control","weight":9},{"key":"treated","weight":1}],"coverage":0.5,"tags":["checkout"]}""";

    private const string Own = "my-experiment";

    /// <inheritdoc cref="SwaggerExamples.Bodies"/>
    public static (string Name, string Summary, string Body)[] Bodies(string operation) => operation switch
    {
        "Experiments_Create" => [(
            "layer",
            "Half of a layer, and a metric that must not suffer",
            """
            {"key":"my-other-experiment","name":"One page or three","unit":"visitor",
             "variants":[{"key":"control","weight":1},{"key":"one-page","weight":1}],
             "coverage":0.5,"layer":{"key":"checkout","from":0,"to":0.5},
             "metrics":{"primary":"buyers","guardrails":[{"metric":"averageOrderValue","maxHarm":0.05}]}}
            """)],
        "Experiments_Put" => [("split", "Two variants of the same weight", """{"variants":[{"key":"control"},{"key":"treated"}]}""")],
        "Experiments_Patch" => [("coverage", "More units, which moves none", """{"coverage":0.8}""")],
        "Experiments_Start" => [("now", "From now on", "{}")],
        "Experiments_Stop" => [("winner", "With a winner", """{"winner":"treated","reason":"It sells more."}""")],
        "Experiments_Assignments" => [("three", "Three visitors", """{"units":["c-17","grün","d8f1"]}""")],
        _ => [],
    };

    /// <inheritdoc cref="SwaggerExamples.Parameter"/>
    public static string Parameter(string operation, string name) => name switch
    {
        "status" => "running",
        "tag" => "home",
        "q" => "hero",
        _ => operation switch
        {
            "Experiments_Put" or "Experiments_Delete" => Own,
            "Experiments_Stop" => Stopping,
            "Experiments_Archive" => Old,
            "Experiments_Start" or "Experiments_Patch" => Draft,
            _ => Running,
        },
    };
}
