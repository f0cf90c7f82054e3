using Microsoft.OpenApi;
using Segmentation.Api.Http;
using Segmentation.Api.Playbooks;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>Describes the body of an operation that reads it record by record, and so has no parameter of its type.</summary>
internal sealed class RecordsFilter : IOperationFilter
{
    /// <summary>The records that no parameter has.</summary>
    public static readonly Type Record = typeof(ExposureResource);

    public void Apply(OpenApiOperation operation, OperationFilterContext context)
    {
        if (operation.OperationId != "Exposures_Create")
        {
            return;
        }

        // Clients can't choose between a type and a list of it: that one alone is taken too is said in words.
        operation.RequestBody = new OpenApiRequestBody
        {
            Required = true,
            Content = new Dictionary<string, IOpenApiMediaType>
            {
                [MediaTypes.Json] = new OpenApiMediaType
                {
                    Schema = new OpenApiSchema
                    {
                        Type = JsonSchemaType.Array,
                        Items = context.SchemaGenerator.GenerateSchema(Record, context.SchemaRepository),
                        MaxItems = ExposureIngest.MaxArray,
                        Description = "What visitors have seen. One object alone may be sent without the brackets of a list.",
                    },
                },
                [MediaTypes.Ndjson] = new OpenApiMediaType
                {
                    Schema = new OpenApiSchema
                    {
                        Type = JsonSchemaType.String,
                        Description = "What a visitor has seen a line, as many as there are.",
                    },
                    Example = PlaybookExamples.ExposureLines,
                },
            },
        };
    }
}
