using Microsoft.OpenApi;
using Segmentation.Api.Http;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>
/// Describes <c>ETag</c> and <c>If-Match</c>, where the resource has a version and is written whole.
/// </summary>
internal sealed class ETagFilter : IDocumentFilter
{
    // Schemas, and what the ids of their operations begin with.
    private static readonly Dictionary<string, string> Versioned = new()
    {
        ["Segment"] = "Segments",
        ["Customer"] = "Customers",
        ["Webhook"] = "Webhooks",
        ["ApiKey"] = "ApiKeys",
        ["Placement"] = "Placements",
        ["Playbook"] = "Playbooks",
        ["Experiment"] = "Experiments",
    };

    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        foreach (var (path, method, operation) in swaggerDoc.Operations())
        {
            foreach (var response in operation.Responses!.Values.OfType<OpenApiResponse>().Where(HasVersion))
            {
                response.Headers = new Dictionary<string, IOpenApiHeader>
                {
                    ["ETag"] = new OpenApiHeader
                    {
                        Description = "The version and a mark of all that is shown, for If-Match and If-None-Match.",
                        Schema = new OpenApiSchema { Type = JsonSchemaType.String },
                    },
                };
            }

            if (operation.OperationId == "Ofrep_EvaluateFlags")
            {
                ((OpenApiResponse)operation.Responses["200"]).Headers = new Dictionary<string, IOpenApiHeader>
                {
                    ["ETag"] = new OpenApiHeader
                    {
                        Description = "A mark of all that is answered, for If-None-Match.",
                        Schema = new OpenApiSchema { Type = JsonSchemaType.String },
                    },
                };
                AddHeader(operation, "If-None-Match", "ETags, or `*`: while the answer is one of these, it is a 304.");
            }

            if (HonorsIfMatch(path, method, operation))
            {
                AddIfMatch(operation);
            }

            if (method == HttpMethod.Get && operation.Responses.Values.OfType<OpenApiResponse>().Any(HasVersion))
            {
                operation.Responses.TryAdd("304", new OpenApiResponse());
                AddHeader(operation, "If-None-Match", "An ETag: while nothing that is shown has changed since, the answer is a 304.");
            }
            else if (method == HttpMethod.Put && operation.Responses.ContainsKey("201"))
            {
                operation.Responses.TryAdd("412", new OpenApiResponse());
                AddHeader(operation, "If-None-Match", "`*`: create it only, with a 412 where it is there already.");
            }
        }
    }

    private static bool HasVersion(OpenApiResponse response) => response.Content is { } content
        && content.TryGetValue(MediaTypes.Json, out var json)
        && json.Schema is OpenApiSchemaReference { Reference.Id: { } id } && Versioned.ContainsKey(id);

    private static bool HonorsIfMatch(string path, HttpMethod method, OpenApiOperation operation) =>
        operation.OperationId is "Segments_Restore" or "Playbooks_Restore" or "Experiments_Restore" or "Customers_Erase" or "ApiKeys_Rotate"
            or "Experiments_Start" or "Experiments_Stop" or "Experiments_Archive"
        || (operation.Writes(path, method) && Versioned.ContainsValue(operation.OperationId!.Split('_')[0]));

    private static void AddIfMatch(OpenApiOperation operation)
    {
        operation.Responses!.TryAdd("412", new OpenApiResponse());
        AddHeader(operation, "If-Match", "The ETag that the change was made for; left out, the change is made whatever stands there.");
    }

    private static void AddHeader(OpenApiOperation operation, string name, string description)
    {
        operation.Parameters ??= [];
        operation.Parameters.Add(new OpenApiParameter
        {
            Name = name,
            In = ParameterLocation.Header,
            Description = description,
            Schema = new OpenApiSchema { Type = JsonSchemaType.String },
        });
    }
}
