using System.Text.Json;

namespace Segmentation.Api.Tests;

/// <summary>
/// The OpenAPI document, as people and generators of clients need it. A test that fails names the operation or the property; what to do is
/// said in the messages.
/// </summary>
public sealed class OpenApiTests(SampleApi api) : IClassFixture<SampleApi>
{
    // Generated clients call their methods so: what is listed stays, and what is new is added.
    private static readonly string[] OperationIds =
    [
        "Analyses_Create", "Analyses_Delete", "Analyses_Get", "Analyses_List",
        "ApiKeys_Create", "ApiKeys_Get", "ApiKeys_List", "ApiKeys_Patch", "ApiKeys_Revoke", "ApiKeys_Rotate",
        "Attributes_Delete", "Attributes_Get", "Attributes_List", "Attributes_Put",
        "Audit_Head", "Audit_List", "Audit_Verify",
        "Customers_AddEvent", "Customers_Anonymize", "Customers_Changes", "Customers_ConsentHistory", "Customers_Create", "Customers_Data",
        "Customers_Delete", "Customers_DeleteRestriction", "Customers_Erase", "Customers_Events",
        "Customers_Export", "Customers_Get", "Customers_GetConsent", "Customers_Import", "Customers_List", "Customers_ListConsents",
        "Customers_Patch", "Customers_Predictions",
        "Customers_Put", "Customers_PutConsent", "Customers_PutRestriction", "Customers_Segments",
        "Decisions_Decide",
        "Erasures_Get", "Erasures_List",
        "Events_Create",
        "Experiments_Archive", "Experiments_Assignments", "Experiments_Create", "Experiments_Delete", "Experiments_Get",
        "Experiments_GrowthBook", "Experiments_List", "Experiments_Patch", "Experiments_Put", "Experiments_Restore", "Experiments_Start",
        "Experiments_Stop", "Experiments_Versions",
        "Exposures_Create",
        "Fields_List", "Fields_Values",
        "Imports_Delete", "Imports_Errors", "Imports_Get", "Imports_List",
        "Metrics_Delete", "Metrics_Get", "Metrics_List", "Metrics_Put",
        "Models_Delete", "Models_Fit", "Models_Get", "Models_List", "Models_Predict", "Models_Put", "Models_Restore", "Models_Versions",
        "Ofrep_EvaluateFlag", "Ofrep_EvaluateFlags",
        "Placements_Create", "Placements_Delete", "Placements_Get", "Placements_List", "Placements_Patch", "Placements_Put",
        "Playbooks_Clone", "Playbooks_Create", "Playbooks_Delete", "Playbooks_Get", "Playbooks_List", "Playbooks_Patch", "Playbooks_Put",
        "Playbooks_Preview", "Playbooks_Report", "Playbooks_Restore", "Playbooks_Validate", "Playbooks_Versions",
        "Portfolio_Get",
        "Purposes_Delete", "Purposes_Get", "Purposes_List", "Purposes_Put",
        "Rfm_Get",
        "Rules_Schema",
        "Segments_AddMember", "Segments_Brief", "Segments_CancelRefresh", "Segments_ChangeMembers", "Segments_Changes", "Segments_Clone",
        "Segments_Combine", "Segments_Compile", "Segments_Count", "Segments_Create", "Segments_Delete", "Segments_Explain",
        "Segments_Feedback",
        "Segments_Flows", "Segments_Forecast", "Segments_Get", "Segments_IsMember", "Segments_List", "Segments_Members", "Segments_Movers",
        "Segments_Overlap",
        "Segments_Patch", "Segments_Performance", "Segments_Preview", "Segments_Put", "Segments_Refresh", "Segments_RefreshState",
        "Segments_RemoveMember",
        "Segments_Restore", "Segments_Retention", "Segments_Stream", "Segments_Transitions",
        "Segments_Trend", "Segments_UsedBy", "Segments_Validate",
        "Segments_Versions",
        "Service_Live", "Service_Ready",
        "Visitors_Erase",
        "Webhooks_Create", "Webhooks_Delete", "Webhooks_Deliveries", "Webhooks_Get", "Webhooks_List", "Webhooks_Patch", "Webhooks_Put",
        "Webhooks_Replay", "Webhooks_ReplayOne", "Webhooks_Test",
    ];

    // Their numbers are means, shares and quotients.
    private static readonly string[] Statistics =
    [
        "BriefSize", "FeedbackFigures", "FeedbackTerm",
        "ExpectedStates", "ForecastBacktest", "ForecastDay", "FormulaResult", "FormulaRow", "GrowthBookExperiment", "GrowthBookFilter",
        "LifetimeValueParameters", "MetricDifference",
        "MetricFigures", "PerformanceBucket", "PlaybookReport", "PortfolioGrowth", "PortfolioItem", "PortfolioPrediction",
        "PortfolioRisk", "PortfolioValue", "PredictionInputs", "PropensityReason", "ReportItem", "TransitionBacktest", "TransitionTest",
        "Transitions",
    ];

    private JsonElement Schemas => api.Document.GetProperty("components").GetProperty("schemas");

    [Fact]
    public void Document_IsTheSnapshot() => Repository.AssertHolds("docs/openapi.json", api.Text.ReplaceLineEndings("\n") + "\n");

    [Fact]
    public void OperationIds_AreThoseThatClientsKnow()
    {
        var ids = api.Operations.Select(o => o.Operation.GetProperty("operationId").GetString()!).ToList();

        Assert.True(
            ids.Order().SequenceEqual(OperationIds.Order()),
            $"Ids of operations are Resource_Verb: what the address begins with, and the action's name. New: "
            + $"{string.Join(", ", ids.Except(OperationIds))} (add them to the list in OpenApiTests). Gone, which breaks clients: "
            + $"{string.Join(", ", OperationIds.Except(ids))}. Twice: {string.Join(", ", ids.GroupBy(i => i).Where(g => g.Count() > 1)
                .Select(g => g.Key))}.");
    }

    [Fact]
    public void EveryOperation_IsDescribed()
    {
        var tags = api.Document.GetProperty("tags").EnumerateArray().Select(t => t.GetProperty("name").GetString()).ToArray();
        Assert.All(api.Operations, o =>
        {
            var (path, method, operation) = o;
            Assert.True(
                operation.TryGetProperty("summary", out var summary) && summary.GetString()!.EndsWith('.'),
                $"{method} {path} needs a summary, a sentence: the <summary> of its action.");
            Assert.Contains(Assert.Single(operation.GetProperty("tags").EnumerateArray()).GetString(), tags);

            var parameters = operation.TryGetProperty("parameters", out var p) ? p.EnumerateArray().ToList() : [];
            foreach (var parameter in parameters)
            {
                var name = parameter.GetProperty("name").GetString();
                var description = parameter.TryGetProperty("description", out var d) ? d.GetString()! : "";
                Assert.True(description.Length > 0, $"{method} {path}: {name} needs a description: a <param> of its action.");
                Assert.True(
                    parameter.TryGetProperty("example", out var example) || description.Contains(" For example `", StringComparison.Ordinal)
                        || name is "cursor" or "If-Match" or "If-None-Match",
                    $"{method} {path}: {name} needs an example: SwaggerExamples.Parameter.");
                Assert.True(
                    example.ValueKind != JsonValueKind.String || example.GetString() != "", $"{method} {path}: {name}'s example is empty.");
            }

            var statuses = operation.GetProperty("responses").EnumerateObject().Select(r => r.Name).ToList();
            Assert.Contains(statuses, s => s[0] == '2');
            Assert.Contains("500", statuses);
            Assert.True(
                path == "/health/live" || (statuses.Contains("503") && statuses.Contains("504")),
                $"{method} {path}: {string.Join(' ', statuses)}");
            if (operation.TryGetProperty("requestBody", out var body))
            {
                Assert.Contains("400", statuses);
                Assert.Contains("415", statuses);
                Assert.All(body.GetProperty("content").EnumerateObject(), c => Assert.True(
                    c.Name == "multipart/form-data" || c.Value.TryGetProperty("example", out _)
                        || c.Value.GetProperty("examples").EnumerateObject().Any(),
                    $"{method} {path}: {c.Name} needs an example: SwaggerExamples.Bodies."));
            }
        });
        Assert.Equal(
            tags.Order(),
            api.Operations.SelectMany(o => o.Operation.GetProperty("tags").EnumerateArray()).Select(t => t.GetString()).Distinct().Order());
        Assert.All(tags, t => Assert.DoesNotContain(' ', t!));
        Assert.Equal("/", Assert.Single(api.Document.GetProperty("servers").EnumerateArray()).GetProperty("url").GetString());
    }

    [Fact]
    public void EveryProperty_IsDescribed()
    {
        var silent = from schema in Schemas.EnumerateObject()
                     from name in List(schema)
                     select name;
        Assert.True(!silent.Any(), $"These need a <summary> or <param>: {string.Join(", ", silent)}");

        static IEnumerable<string> List(JsonProperty schema)
        {
            if (!schema.Value.TryGetProperty("description", out _))
            {
                yield return schema.Name;
            }

            foreach (var property in Properties(schema.Value)
                .Where(p => !p.Value.TryGetProperty("description", out _) && !p.Value.TryGetProperty("$ref", out _)))
            {
                yield return $"{schema.Name}.{property.Name}";
            }
        }
    }

    [Fact]
    public void Schemas_AreOfAFormThatGeneratorsRead()
    {
        var walked = Walk(Schemas, "").ToList();

        // A client that does not know which of several schemas it has read writes none of them.
        Assert.DoesNotContain(walked, n => n.Node.TryGetProperty("oneOf", out _) || n.Node.TryGetProperty("anyOf", out _));
        Assert.DoesNotContain(Walk(api.Document.GetProperty("paths"), ""), n => n.Node.TryGetProperty("oneOf", out _));

        // Exact numbers are no doubles, but for degrees, progress, milliseconds, and what statistics are made of.
        Assert.Equal(
            [
                "Analysis.progress", "Location.latitude", "Location.longitude", "Preview.elapsedMs", "SegmentState.progress",
                "WebhookTestResult.elapsedMs",
            ],
            Schemas.EnumerateObject().Where(s => !Statistics.Contains(s.Name)).SelectMany(s => Properties(s.Value)
                .Where(p => p.Value.TryGetProperty("format", out var f) && f.GetString() == "double").Select(p => $"{s.Name}.{p.Name}"))
                .Order());
        var amount = Properties(Schemas.GetProperty("Event")).Single(p => p.Name == "amount").Value;
        Assert.Equal("decimal", amount.GetProperty("format").GetString());
    }

    [Fact]
    public void RuleNode_IsFlat_AndLinksTheStrictSchema()
    {
        var node = Schemas.GetProperty("RuleNode");
        Assert.Equal(
            ["combinator", "not", "rules", "field", "operator", "value", "valueSource", "match", "muted", "id", "path", "disabled"],
            Properties(node).Select(p => p.Name));
        Assert.False(node.TryGetProperty("required", out _));
        Assert.False(node.GetProperty("properties").GetProperty("value").TryGetProperty("type", out _));
        Assert.False(Schemas.GetProperty("Match").GetProperty("properties").GetProperty("threshold").TryGetProperty("type", out _));
        Assert.Equal(
            "#/components/schemas/RuleNode",
            node.GetProperty("properties").GetProperty("rules").GetProperty("items").GetProperty("$ref").GetString());
        Assert.Contains("/api/v1/rules/schema", node.GetProperty("description").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain(
            Properties(node), p => p.Value.TryGetProperty("enum", out _));
    }

    [Theory]
    [InlineData("Customer", "attributes behavioral consents createdAt demographic geographic id psychographic updatedAt value", "")]
    [InlineData("Segment", "createdAt key kind name status tags timeZone updatedAt valid version", "")]
    [InlineData("Webhook", "createdAt dead enabled id pending segments updatedAt url", "url")]
    [InlineData("Attribute", "createdAt kind name type updatedAt values", "kind type")]
    [InlineData("Event", "customerId id occurredAt type", "type")]
    public void Resource_HasAnswerAndInput(string name, string inAnswers, string inRequests)
    {
        var (answer, input) = (Schemas.GetProperty(name), Schemas.GetProperty(name + "Input"));
        Assert.Equal(inAnswers.Split(' '), Required(answer));
        Assert.Equal(inRequests.Split(' ', StringSplitOptions.RemoveEmptyEntries), Required(input));
        var readOnly = Properties(answer).Where(p => p.Value.TryGetProperty("readOnly", out var r) && r.GetBoolean()).Select(p => p.Name);
        Assert.Equal(Properties(answer).Select(p => p.Name).Except(readOnly).Order(), Properties(input).Select(p => p.Name).Order());
    }

    [Fact]
    public void Requests_NameInputs_AndAnswersDoNot()
    {
        foreach (var (path, method, operation) in api.Operations)
        {
            var sent = operation.TryGetProperty("requestBody", out var body) ? References(body) : [];
            Assert.True(
                !sent.Any(r => Schemas.TryGetProperty(r.Split('/')[^1] + "Input", out _)),
                $"{method} {path} takes what answers look like.");
            Assert.True(
                method != "patch" || sent.All(r => r.EndsWith("/MergePatch", StringComparison.Ordinal)),
                $"{method} {path}: a patch is a free object.");
        }
    }

    [Fact]
    public void EveryReference_LeadsSomewhere_AndNoNameIsOfDotNet()
    {
        foreach (var reference in References(api.Document))
        {
            var target = reference.Split('/').Skip(1).Aggregate(api.Document, (at, part) => at.GetProperty(part));
            Assert.Equal(JsonValueKind.Object, target.ValueKind);
        }

        Assert.DoesNotContain(
            Schemas.EnumerateObject(),
            s => s.Name.Contains("Resource", StringComparison.Ordinal) || s.Name.Contains('`', StringComparison.Ordinal));
        Assert.DoesNotContain("Segmentation.Api", api.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Document_IsServedAsOpenApi31Too()
    {
        var newer = JsonElement.Parse(await api.CreateClient().GetStringAsync("/swagger/v1/openapi-3.1.json"));

        Assert.StartsWith("3.0.", api.Document.GetProperty("openapi").GetString(), StringComparison.Ordinal);
        Assert.StartsWith("3.1.", newer.GetProperty("openapi").GetString(), StringComparison.Ordinal);
        Assert.Equal(
            api.Document.GetProperty("paths").EnumerateObject().Select(p => p.Name),
            newer.GetProperty("paths").EnumerateObject().Select(p => p.Name));
    }

    private static IEnumerable<JsonProperty> Properties(JsonElement schema) =>
        schema.TryGetProperty("properties", out var properties) ? properties.EnumerateObject() : [];

    private static IEnumerable<string> Required(JsonElement schema) =>
        schema.TryGetProperty("required", out var required) ? required.EnumerateArray().Select(r => r.GetString()!).Order() : [];

    private static IEnumerable<(string Pointer, JsonElement Node)> Walk(JsonElement node, string pointer) => node.ValueKind switch
    {
        JsonValueKind.Object => node.EnumerateObject().SelectMany(p => Walk(p.Value, $"{pointer}/{p.Name}")).Prepend((pointer, node)),
        JsonValueKind.Array => node.EnumerateArray().SelectMany(i => Walk(i, pointer)),
        _ => [],
    };

    private static IEnumerable<string> References(JsonElement node) => node.ValueKind switch
    {
        JsonValueKind.Object => node.EnumerateObject()
            .SelectMany(p => p is { Name: "$ref", Value.ValueKind: JsonValueKind.String } ? [p.Value.GetString()!] : References(p.Value)),
        JsonValueKind.Array => node.EnumerateArray().SelectMany(References),
        _ => [],
    };
}
