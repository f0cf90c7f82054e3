using Microsoft.OpenApi;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>Describes request bodies: their media types, and examples of them.</summary>
internal sealed class BodyFilter : IDocumentFilter
{
    private const string MergePatch = "MergePatch";

    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        // Free, since a typed client could not say that a property becomes null.
        swaggerDoc.AddComponent(MergePatch, new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            Description = "A JSON Merge Patch (RFC 7396): the properties to change, as the resource has them. Null removes; a list is "
                + "replaced whole, and so is `rule`.",
            AdditionalProperties = new OpenApiSchema(),
        });
        foreach (var (_, method, operation) in swaggerDoc.Operations())
        {
            // Two operations read their bodies themselves, record by record, and have no parameter for it (RecordsFilter has a third).
            if (operation.OperationId == "Customers_Import")
            {
                operation.RequestBody = CreateImportBody();
                continue;
            }

            if (operation.OperationId == "Events_Create")
            {
                operation.RequestBody = CreateEventsBody(swaggerDoc);
            }

            if (operation.RequestBody is OpenApiRequestBody { Content: not null } body)
            {
                Describe(swaggerDoc, body, method, operation);
            }
        }
    }

    private static OpenApiRequestBody CreateImportBody() => CreateBody(new()
    {
        [MediaTypes.Csv] = CreateLines(
            SwaggerExamples.CustomerCsv, "The header has the names that rules use; a set's values are joined by |."),
        [MediaTypes.Ndjson] = CreateLines(SwaggerExamples.CustomerLines, "A customer a line."),
        [MediaTypes.Form] = new OpenApiMediaType
        {
            Schema = new OpenApiSchema
            {
                Type = JsonSchemaType.Object,
                Required = new HashSet<string> { "file" },
                Properties = new Dictionary<string, IOpenApiSchema>
                {
                    ["file"] = new OpenApiSchema
                    {
                        Type = JsonSchemaType.String,
                        Format = "binary",
                        Description = "A file .csv, .tsv, .txt, .ndjson or .jsonl, or with such a Content-Type.",
                    },
                },
            },
        },
    });

    private static OpenApiRequestBody CreateEventsBody(OpenApiDocument document)
    {
        // Clients can't choose between a type and a list of it: that one alone is taken too is said in words.
        var several = new OpenApiSchema
        {
            Type = JsonSchemaType.Array,
            Items = new OpenApiSchemaReference("Event" + ResourceFilter.Input, document),
            MaxItems = EventIngest.MaxArray,
            Description = "Events. One alone may be sent without the brackets of a list.",
        };
        return CreateBody(new()
        {
            [MediaTypes.Json] = new OpenApiMediaType { Schema = several },
            [MediaTypes.Ndjson] = CreateLines(SwaggerExamples.EventLines, "An event a line, as many as there are."),
        });
    }

    private static void Describe(OpenApiDocument document, OpenApiRequestBody body, HttpMethod method, OpenApiOperation operation)
    {
        var id = operation.OperationId!;
        body.Required = id is not ("Webhooks_Replay" or "ApiKeys_Rotate");
        if (method == HttpMethod.Patch)
        {
            body.Content = new Dictionary<string, IOpenApiMediaType>
            {
                [MediaTypes.MergePatch] = new OpenApiMediaType { Schema = new OpenApiSchemaReference(MergePatch, document) },
                [MediaTypes.Json] = new OpenApiMediaType { Schema = new OpenApiSchemaReference(MergePatch, document) },
            };
        }
        else
        {
            body.Content!.Remove(MediaTypes.MergePatch);
        }

        foreach (var json in body.Content.Where(c => c.Key != MediaTypes.Ndjson).Select(c => (OpenApiMediaType)c.Value))
        {
            json.Examples = SwaggerExamples.Bodies(id)
                .ToDictionary(e => e.Name, e => (IOpenApiExample)new OpenApiExample { Summary = e.Summary, Value = e.Body });
        }
    }

    private static OpenApiRequestBody CreateBody(Dictionary<string, IOpenApiMediaType> content) =>
        new() { Required = true, Content = content };

    private static OpenApiMediaType CreateLines(string example, string description) => new()
    {
        Schema = new OpenApiSchema { Type = JsonSchemaType.String, Description = description },
        Example = example,
    };
}
