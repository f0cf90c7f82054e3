using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using Segmentation.Api.Customers;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Checking;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>
/// Says of every operation what follows from a rule rather than from its controller: the statuses it can answer, what its parameters mean, examples, and
/// the schema of rules.
/// </summary>
internal sealed class SwaggerDocument(CustomerFields fields, RuleLimits limits) : IDocumentFilter
{
    private const string Json = "application/json", Patch = "application/merge-patch+json", Problem = "application/problem+json";

    private static readonly (string Name, string Description)[] Tags =
    [
        ("Segments", "Definitions: a goal in words, a rule, every version of it."),
        ("Membership", "Who is in a segment, how many, and why: kept as it changes, or evaluated with `live` or for any `asOf`. Manual segments are filled here, and segments compared and put together."),
        ("History", "Who joined and left, when and why; a segment's size over time; where customers went. Kept as long as the setting `Membership:HistoryDays` says."),
        ("Rules", "Rules that are not saved yet: preview, check, and look at the SQL. Start here."),
        ("Customers", "Profiles, one at a time or a file at a time."),
        ("Events", "What customers did."),
        ("Fields and attributes", "What rules may ask, and fields of your own."),
        ("Webhooks", "Your servers are told who joins and leaves: signed by [Standard Webhooks](https://www.standardwebhooks.com), at least once, in order for each customer, tried again for up to a day. The sample's is disabled, and leads nowhere."),
        ("Service", "Health checks."),
    ];

    private static readonly Dictionary<string, string> Parameters = new()
    {
        ["key"] = "The segment's key.",
        ["id"] = "The customer's id.",
        ["customerId"] = "The customer's id.",
        ["messageId"] = "The message's id, the header webhook-id.",
        ["name"] = "The attribute's name.",
        ["version"] = "The version's number.",
        ["limit"] = $"How many a page holds: 1 to {Paging.MaxLimit}; {Paging.DefaultLimit} when left out.",
        ["cursor"] = "The page before's nextCursor; left out for the first page.",
        ["asOf"] = "The instant to look at, with its offset; now when left out.",
    };

    private static readonly Dictionary<string, string> Answers = new()
    {
        ["200"] = "Done.",
        ["201"] = "Created.",
        ["202"] = "Taken up; it goes on after this answer.",
        ["204"] = "Done; nothing to say.",
        ["400"] = "Malformed or invalid: errors says what, by JSON Pointer or the parameter's name.",
        ["404"] = "There is no such thing.",
        ["409"] = "In conflict with what is there; the title says with what.",
        ["412"] = "It has changed since the version in If-Match.",
        ["413"] = "The body is too large.",
        ["415"] = "The body's media type is not taken here.",
        ["500"] = "The service failed; its log says why.",
        ["503"] = "The database can't be reached. Try again after Retry-After.",
        ["504"] = "The statement took too long and was stopped.",
    };

    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        swaggerDoc.Tags = new HashSet<OpenApiTag>(Tags.Select(t => new OpenApiTag { Name = t.Name, Description = t.Description }));
        new RuleSchemas(swaggerDoc, fields.Catalog(Backend.Sql, historical: false, []), limits).Add();
        ReplaceRules(swaggerDoc);
        AddProblems(swaggerDoc);
        foreach (var (path, item) in swaggerDoc.Paths)
        {
            foreach (var (method, operation) in item.Operations!)
            {
                AddBody(swaggerDoc, method, operation);
                AddAnswers(swaggerDoc, path, method, operation);
                AddParameters(swaggerDoc, operation);
            }
        }
    }

    // To .NET a rule is any JSON.
    private static void ReplaceRules(OpenApiDocument document)
    {
        foreach (var (name, schema) in document.Components!.Schemas!)
        {
            if (schema.Properties is { } properties && properties.TryGetValue("rule", out var rule))
            {
                properties["rule"] = Wrap(name == nameof(Explanation) ? "ExplainedRule" : RuleSchemas.Group, rule.Description);
            }
        }

        document.Components.Schemas["SegmentVersion"].Properties!["definition"] = Wrap("Segment", "The definition as it stood, without the key and what is read-only.");
        foreach (var (schema, property) in new[] { ("Customer", "attributes"), ("Event", "properties") })
        {
            ((OpenApiSchema)document.Components.Schemas[schema].Properties![property]).Type = JsonSchemaType.Object;
        }

        // OpenAPI 3.0 has no text beside a reference.
        OpenApiSchema Wrap(string to, string? description) => new() { AllOf = [new OpenApiSchemaReference(to, document)], Description = description };
    }

    private static void AddProblems(OpenApiDocument document)
    {
        document.Components!.Schemas!.Remove("ProblemDetails");
        document.AddComponent("Problem", new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            Description = "Problem details (RFC 9457).",
            Properties = new Dictionary<string, IOpenApiSchema>
            {
                ["type"] = new OpenApiSchema { Type = JsonSchemaType.String, Format = "uri" },
                ["title"] = new OpenApiSchema { Type = JsonSchemaType.String, Description = "What is wrong, in words." },
                ["status"] = new OpenApiSchema { Type = JsonSchemaType.Integer, Format = "int32" },
                ["errors"] = new OpenApiSchema
                {
                    Type = JsonSchemaType.Object,
                    Description = "Of a 400: every fault, by JSON Pointer into the body or by the parameter's name.",
                    AdditionalProperties = new OpenApiSchema { Type = JsonSchemaType.Array, Items = new OpenApiSchema { Type = JsonSchemaType.String } },
                },
            },
        });
        foreach (var (status, description) in Answers.Where(a => string.CompareOrdinal(a.Key, "400") >= 0))
        {
            JsonObject example = new()
            {
                ["type"] = $"https://www.rfc-editor.org/rfc/rfc9110#status.{status}",
                ["title"] = status == "400" ? "The request is not valid." : description,
                ["status"] = int.Parse(status, CultureInfo.InvariantCulture),
            };
            if (status == "400")
            {
                example["errors"] = new JsonObject { ["/rule/rules/0/value"] = new JsonArray("demographic.age takes an integer; got the text \"abc\".") };
            }

            document.AddComponent(status, new OpenApiResponse
            {
                Description = description,
                Content = new Dictionary<string, IOpenApiMediaType> { [Problem] = new OpenApiMediaType { Schema = new OpenApiSchemaReference("Problem", document), Example = example } },
            });
        }
    }

    private static void AddBody(OpenApiDocument document, HttpMethod method, OpenApiOperation operation)
    {
        var id = operation.OperationId!;

        // These two read their bodies themselves, as they come.
        if (id == "Customers_Import")
        {
            operation.RequestBody = Body(new()
            {
                [CustomerExport.Csv] = Lines(SwaggerExamples.CustomerCsv, "The header has the names that rules use; a set's values are joined by |."),
                [CustomerExport.Ndjson] = Lines(SwaggerExamples.CustomerLines, "A customer a line."),
            });
            return;
        }

        if (id == "Events_Post")
        {
            var one = new OpenApiSchemaReference("Event", document);
            operation.RequestBody = Body(new()
            {
                [Json] = new OpenApiMediaType { Schema = new OpenApiSchema { OneOf = [one, new OpenApiSchema { Type = JsonSchemaType.Array, Items = one, MaxItems = EventIngest.MaxArray }] } },
                [CustomerExport.Ndjson] = Lines(SwaggerExamples.EventLines, "An event a line, as many as there are."),
            });
        }

        if (operation.RequestBody is not OpenApiRequestBody { Content: { } content } body)
        {
            return;
        }

        body.Required = id != "Webhooks_Replay";
        if (method == HttpMethod.Patch)
        {
            // A merge patch has the shape of what it changes.
            var whole = operation.Responses!["200"].Content![Json].Schema;
            body.Content = content = new Dictionary<string, IOpenApiMediaType> { [Patch] = new OpenApiMediaType { Schema = whole }, [Json] = new OpenApiMediaType { Schema = whole } };
        }
        else
        {
            content.Remove(Patch);
        }

        foreach (var json in content.Where(c => c.Key != CustomerExport.Ndjson).Select(c => (OpenApiMediaType)c.Value))
        {
            json.Examples = SwaggerExamples.Bodies(id).ToDictionary(e => e.Name, e => (IOpenApiExample)new OpenApiExample { Summary = e.Summary, Value = e.Body });
        }

        static OpenApiRequestBody Body(Dictionary<string, IOpenApiMediaType> content) => new() { Required = true, Content = content };

        static OpenApiMediaType Lines(string example, string description) => new() { Schema = new OpenApiSchema { Type = JsonSchemaType.String, Description = description }, Example = example };
    }

    private static void AddAnswers(OpenApiDocument document, string path, HttpMethod method, OpenApiOperation operation)
    {
        var id = operation.OperationId!;
        var answers = operation.Responses!;
        var parameters = operation.Parameters ?? [];
        var inPath = parameters.Count(p => p.In == ParameterLocation.Path);
        var isApi = path.StartsWith("/api/", StringComparison.Ordinal);
        var hasBody = operation.RequestBody is not null;

        // Those whose resource has an ETag: segments, customers and webhooks, written whole.
        var takesIfMatch = id == "Segments_Restore" || (inPath == 1 && id.Split('_')[0] is "Segments" or "Customers" or "Webhooks"
            && (method == HttpMethod.Put || method == HttpMethod.Patch || method == HttpMethod.Delete));

        // PUT makes what is not there; DELETE is repeatable; an event makes its customer.
        var makesOrRepeats = inPath == 1 && (method == HttpMethod.Put || method == HttpMethod.Delete || id == "Events_PostOne");
        string[] statuses =
        [
            .. hasBody || parameters.Any(p => p.In == ParameterLocation.Query || p.Name == "customerId") ? ["400"] : Array.Empty<string>(),
            .. inPath > 0 && !makesOrRepeats ? ["404"] : Array.Empty<string>(),
            .. takesIfMatch ? ["412"] : Array.Empty<string>(),
            .. hasBody && id != "Customers_Import" ? ["413"] : Array.Empty<string>(), // An import has no limit of its own.
            .. hasBody ? ["415"] : Array.Empty<string>(),
            "500",
            .. path != "/health/live" ? ["503", "504"] : Array.Empty<string>(),
        ];
        foreach (var status in statuses.Concat(answers.Keys.Where(s => string.CompareOrdinal(s, "400") >= 0)).Distinct().ToList())
        {
            answers[status] = new OpenApiResponseReference(status, document);
        }

        foreach (var (status, answer) in answers.Where(a => a.Value is OpenApiResponse))
        {
            var response = (OpenApiResponse)answer;
            response.Description = Answers[status];
            if (isApi && response.Content is { } shown && shown.TryGetValue(Json, out var json) && json.Schema is OpenApiSchemaReference { Reference.Id: "Segment" or "Customer" or "Webhook" })
            {
                response.Headers = new Dictionary<string, IOpenApiHeader> { ["ETag"] = new OpenApiHeader { Description = "The version, for If-Match.", Schema = new OpenApiSchema { Type = JsonSchemaType.String } } };
            }
        }

        operation.Responses = new OpenApiResponses();
        foreach (var (status, answer) in answers.OrderBy(a => a.Key, StringComparer.Ordinal))
        {
            operation.Responses[status] = answer;
        }

        if (takesIfMatch)
        {
            (operation.Parameters ??= []).Add(new OpenApiParameter
            {
                Name = "If-Match",
                In = ParameterLocation.Header,
                Description = "The ETag that the change was made for; left out, the change is made whatever stands there.",
                Schema = new OpenApiSchema { Type = JsonSchemaType.String },
            });
        }

        if (id == "Stream_Stream")
        {
            ((OpenApiMediaType)operation.Responses["200"].Content![StreamController.MediaType]).Example = SwaggerExamples.Stream;
        }

        if (id is "Members_Members" or "Customers_Export")
        {
            var text = new OpenApiSchema { Type = JsonSchemaType.String };
            var content = ((OpenApiResponse)operation.Responses["200"]).Content ??= new Dictionary<string, IOpenApiMediaType>();
            content[CustomerExport.Ndjson] = new OpenApiMediaType { Schema = text, Example = SwaggerExamples.CustomerLines };
            content[CustomerExport.Csv] = new OpenApiMediaType { Schema = text, Example = SwaggerExamples.CustomerCsv };
        }
    }

    private static void AddParameters(OpenApiDocument document, OpenApiOperation operation)
    {
        foreach (var parameter in (operation.Parameters ?? []).Cast<OpenApiParameter>())
        {
            parameter.Description ??= parameter.Name == "id" && operation.OperationId!.StartsWith("Webhooks_", StringComparison.Ordinal) ? "The webhook's id." : Parameters.GetValueOrDefault(parameter.Name!);
            if (SwaggerExamples.Parameter(operation.OperationId!, parameter.Name!) is not { } example)
            {
                continue;
            }

            if (parameter.Required || parameter.Name is "limit")
            {
                parameter.Example = example;
            }
            else
            {
                // The UI fills in the first of several examples: what may be left out should be, until asked for.
                parameter.Examples = new Dictionary<string, IOpenApiExample>
                {
                    ["none"] = new OpenApiExample { Summary = "(left out)", Value = "" },
                    ["example"] = new OpenApiExample { Summary = example.ToString(), Value = example },
                };
            }
        }

        if (operation.OperationId is "Members_Add" or "Members_Remove" or "Members_Change")
        {
            operation.Description = $"{operation.Description} For manual segments: make `{SwaggerExamples.OwnManual}` by the last example of `POST /segments` first.".Trim();
        }
    }
}
