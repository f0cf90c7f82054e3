using Microsoft.OpenApi;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>Adds the statuses that an operation can answer by rule rather than by its controller, and describes them all.</summary>
internal sealed class ResponseFilter : IDocumentFilter
{
    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        foreach (var (path, method, operation) in swaggerDoc.Operations())
        {
            var responses = operation.Responses!;
            var declared = responses.Keys.Where(StatusDescriptions.IsError);
            foreach (var status in ListErrors(path, method, operation).Concat(declared).Distinct().ToList())
            {
                if (FindOwnForm(responses, status) is { } own)
                {
                    // What is wrong before the protocol is reached, as an address that is no text, is a problem all the same.
                    own.Content![MediaTypes.Problem] = swaggerDoc.Components!.Responses![status].Content![MediaTypes.Problem];
                    continue;
                }

                responses[status] = new OpenApiResponseReference(status, swaggerDoc);
            }

            operation.Responses = new OpenApiResponses();
            foreach (var (status, response) in responses.OrderBy(r => r.Key, StringComparer.Ordinal))
            {
                operation.Responses[status] = response;
                if (response is OpenApiResponse success)
                {
                    success.Description = StatusDescriptions.All[status];
                }
            }

            AddContent(operation);
        }
    }

    // A protocol has errors of its own in place of problems.
    private static OpenApiResponse? FindOwnForm(OpenApiResponses responses, string status) =>
        responses.TryGetValue(status, out var declared) && declared is OpenApiResponse response
        && response.Content?.Values.Any(c => c.Schema is OpenApiSchemaReference { Reference.Id: nameof(OfrepError) }) == true
            ? response
            : null;

    private static IEnumerable<string> ListErrors(string path, HttpMethod method, OpenApiOperation operation)
    {
        var id = operation.OperationId!;
        var hasBody = operation.RequestBody is not null;
        var pathParameters = operation.CountPathParameters();
        // A query that is no UTF-8 is one everywhere, under /api a parameter that the operation does not have, too.
        yield return "400";

        // Pages of other sites write nothing.
        if (method != HttpMethod.Get)
        {
            yield return "403";
        }

        // Nobody is listed as a member of a segment that is not there.
        if (id is "Customers_List" or "Segments_CancelRefresh")
        {
            yield return "404";
        }

        if (method != HttpMethod.Delete && !path.StartsWith("/health", StringComparison.Ordinal))
        {
            yield return "406";
        }

        // PUT makes what is not there; DELETE is repeatable; an event makes its customer.
        var needsNothing = (operation.Writes(path, method) && method != HttpMethod.Patch) || id == "Customers_AddEvent";
        if (pathParameters > 0 && !needsNothing)
        {
            yield return "404";
        }

        if (hasBody)
        {
            yield return "408";
            yield return "413";
        }

        // Where no body is taken, none may be sent; an encoding that is not known is refused everywhere.
        yield return "415";

        // A key that is too fast, an address that tries keys.
        yield return "429";
        yield return "500";
        if (path != "/health/live")
        {
            yield return "503";
            yield return "504";
        }
    }

    // What is not JSON.
    private static void AddContent(OpenApiOperation operation)
    {
        var success = operation.Responses!.GetValueOrDefault("200") as OpenApiResponse;
        if (operation.OperationId == "Segments_Stream")
        {
            ((OpenApiMediaType)success!.Content![StreamController.MediaType]).Example = SwaggerExamples.Stream;
        }

        if (operation.OperationId is "Customers_Delete" or "Customers_Erase")
        {
            ((OpenApiResponse)operation.Responses!["204"]).Headers = new Dictionary<string, IOpenApiHeader>
            {
                [CustomersController.ReceiptHeader] = new OpenApiHeader
                {
                    Description = "The receipt of the erasure, to ask for what is left of it; missing where nothing ever had the id.",
                    Schema = new OpenApiSchema { Type = JsonSchemaType.String },
                    Example = SwaggerExamples.Receipt,
                },
            };
        }

        if (operation.OperationId == "Imports_Errors")
        {
            ((OpenApiMediaType)success!.Content![MediaTypes.Csv]).Example = SwaggerExamples.ImportErrors;
            success.Content.Remove(MediaTypes.Json); // What its controller produces elsewhere.
        }

        if (operation.OperationId == "Segments_Brief")
        {
            (success!.Content ??= new Dictionary<string, IOpenApiMediaType>())[MediaTypes.Markdown] = new OpenApiMediaType
            {
                Schema = new OpenApiSchema { Type = JsonSchemaType.String },
                Example = SwaggerExamples.Brief,
            };
        }

        if (operation.OperationId is "Segments_Members" or "Customers_Export")
        {
            var text = new OpenApiSchema { Type = JsonSchemaType.String };
            var content = success!.Content ??= new Dictionary<string, IOpenApiMediaType>();
            content[MediaTypes.Ndjson] = new OpenApiMediaType { Schema = text, Example = SwaggerExamples.CustomerLines };
            content[MediaTypes.Csv] = new OpenApiMediaType { Schema = text, Example = SwaggerExamples.CustomerCsv };
            success.Headers ??= new Dictionary<string, IOpenApiHeader>();
            success.Headers[CustomerExport.SnapshotHeader] = new OpenApiHeader
            {
                Description = "Of NDJSON and CSV: the instant at which the download began. Whoever was there then and stays is in it once.",
                Schema = new OpenApiSchema { Type = JsonSchemaType.String, Format = "date-time" },
            };
        }
    }
}
