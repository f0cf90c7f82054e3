using Microsoft.OpenApi;
using Segmentation.Api.Customers;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>Describes request bodies: their media types, and examples of them.</summary>
internal sealed class BodyFilter : IDocumentFilter
{
    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        foreach (var (_, method, operation) in swaggerDoc.Operations())
        {
            // Two operations read their bodies themselves, record by record.
            if (operation.OperationId == "Customers_Import")
            {
                operation.RequestBody = CreateImportBody();
                continue;
            }

            if (operation.OperationId == "Events_Post")
            {
                operation.RequestBody = CreateEventsBody(swaggerDoc);
            }

            if (operation.RequestBody is OpenApiRequestBody { Content: not null } body)
            {
                Describe(body, method, operation);
            }
        }
    }

    private static OpenApiRequestBody CreateImportBody() => CreateBody(new()
    {
        [CustomerExport.Csv] = CreateLines(
            SwaggerExamples.CustomerCsv, "The header has the names that rules use; a set's values are joined by |."),
        [CustomerExport.Ndjson] = CreateLines(SwaggerExamples.CustomerLines, "A customer a line."),
    });

    private static OpenApiRequestBody CreateEventsBody(OpenApiDocument document)
    {
        var one = new OpenApiSchemaReference("Event", document);
        var several = new OpenApiSchema { Type = JsonSchemaType.Array, Items = one, MaxItems = EventIngest.MaxArray };
        return CreateBody(new()
        {
            [MediaTypes.Json] = new OpenApiMediaType { Schema = new OpenApiSchema { OneOf = [one, several] } },
            [CustomerExport.Ndjson] = CreateLines(SwaggerExamples.EventLines, "An event a line, as many as there are."),
        });
    }

    private static void Describe(OpenApiRequestBody body, HttpMethod method, OpenApiOperation operation)
    {
        var id = operation.OperationId!;
        body.Required = id != "Webhooks_Replay";
        if (method == HttpMethod.Patch)
        {
            // A merge patch has the shape of what it changes.
            var whole = operation.Responses!["200"].Content![MediaTypes.Json].Schema;
            body.Content = new Dictionary<string, IOpenApiMediaType>
            {
                [MediaTypes.MergePatch] = new OpenApiMediaType { Schema = whole },
                [MediaTypes.Json] = new OpenApiMediaType { Schema = whole },
            };
        }
        else
        {
            body.Content!.Remove(MediaTypes.MergePatch);
        }

        foreach (var json in body.Content.Where(c => c.Key != CustomerExport.Ndjson).Select(c => (OpenApiMediaType)c.Value))
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
