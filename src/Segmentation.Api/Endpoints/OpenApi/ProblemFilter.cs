using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using Segmentation.Api.Http;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>Adds the schema of problem details, and a response for each status of an error, which operations refer to.</summary>
internal sealed class ProblemFilter : IDocumentFilter
{
    private const string Schema = "Problem";

    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        swaggerDoc.Components!.Schemas!.Remove("ProblemDetails");
        swaggerDoc.AddComponent(Schema, CreateSchema());
        foreach (var (status, description) in StatusDescriptions.All.Where(s => StatusDescriptions.IsError(s.Key)))
        {
            var content = new OpenApiMediaType
            {
                Schema = new OpenApiSchemaReference(Schema, swaggerDoc),
                Example = CreateExample(status, description)
            };
            swaggerDoc.AddComponent(status, new OpenApiResponse
            {
                Description = description,
                Content = new Dictionary<string, IOpenApiMediaType> { [MediaTypes.Problem] = content },
            });
        }
    }

    private static OpenApiSchema CreateSchema() => new()
    {
        Type = JsonSchemaType.Object,
        Description = "Problem details (RFC 9457): the body of every error.",
        Required = new HashSet<string> { "title", "status", "requestId" },
        Properties = new Dictionary<string, IOpenApiSchema>
        {
            ["type"] = Text(
                "Which kind of problem: a link to what the status means, or a kind of its own (`/problems/request-in-progress`)."),
            ["title"] = Text("What is wrong, and what to do about it."),
            ["status"] = new OpenApiSchema { Type = JsonSchemaType.Integer, Format = "int32", Description = "The HTTP status." },
            ["errors"] = new OpenApiSchema
            {
                Type = JsonSchemaType.Object,
                Description = $"Of a 400: the faults, {FaultList.MaxFaults} at most, by JSON Pointer into the body or by the name of the "
                    + "parameter or header.",
                AdditionalProperties = new OpenApiSchema
                {
                    Type = JsonSchemaType.Array,
                    Items = new OpenApiSchema { Type = JsonSchemaType.String }
                },
            },
            ["truncated"] = new OpenApiSchema
            {
                Type = JsonSchemaType.Boolean,
                Description = "True where there are more faults than are shown, or some are shown in part; else left out.",
            },
            ["requestId"] = Text("The request's id, which the service's log has too: its X-Request-Id, or a new one."),
        },
    };

    private static OpenApiSchema Text(string description) => new() { Type = JsonSchemaType.String, Description = description };

    // As the service itself writes problems.
    private static JsonNode CreateExample(string status, string description)
    {
        var code = int.Parse(status, CultureInfo.InvariantCulture);
        var problem = code == StatusCodes.Status400BadRequest
            ? ApiProblem.Invalid("/rule/rules/0/value", "demographic.age must be an integer, but is the string \"abc\".")
            : new ApiProblem(code, description);
        var details = ApiExceptionHandler.ToDetails(problem, "0193a4c2f0e57b1e8d6f3b5a7c9e1d20");
        return JsonSerializer.SerializeToNode(details, details.GetType(), Json.Options)!;
    }
}
