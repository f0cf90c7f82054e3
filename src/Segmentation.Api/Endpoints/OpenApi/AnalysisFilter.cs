using Microsoft.OpenApi;
using Segmentation.Api.Analyses;
using Segmentation.Api.Http;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>
/// Describes what an analysis is asked for by: to .NET it is any JSON, and clients can't choose between schemas. So one schema has the
/// properties of all types, each with the types that take it.
/// </summary>
internal sealed class AnalysisFilter : IDocumentFilter
{
    private const string Name = nameof(AnalysisRequest);
    private const string Suffix = "Request";

    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        var schemas = swaggerDoc.Components!.Schemas!;
        var properties = new Dictionary<string, IOpenApiSchema>(StringComparer.Ordinal);
        foreach (var type in typeof(AnalysisRequest).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(AnalysisRequest))))
        {
            context.SchemaGenerator.GenerateSchema(type, context.SchemaRepository);
            foreach (var (name, schema) in schemas[Swagger.NameSchema(type)].Properties!)
            {
                if (schema is OpenApiSchema own && name is not ("type" or "asOf"))
                {
                    own.Description = $"`{type.Name[..^Suffix.Length].ToLowerInvariant()}`: {own.Description}";
                }

                if (!properties.TryAdd(name, schema) && name is not ("type" or "asOf"))
                {
                    properties[name].Description += $" {schema.Description}";
                }
            }

            schemas.Remove(Swagger.NameSchema(type));
        }

        swaggerDoc.AddComponent(Name, new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            Description = "What an analysis is asked for by. Which properties there are depends on its type: another is a 400.",
            Required = new HashSet<string> { "type" },
            Properties = properties,
        });
        // Null, which a reference can't be.
        var problem = (OpenApiSchema)schemas[nameof(AnalysisProblem)].CreateShallowCopy();
        problem.Type = JsonSchemaType.Object | JsonSchemaType.Null;
        problem.Description = schemas["Analysis"].Properties!["problem"].Description;
        schemas["Analysis"].Properties!["problem"] = problem;
        var create = swaggerDoc.Operations().Single(o => o.Operation.OperationId == "Analyses_Create").Operation;
        ((OpenApiMediaType)create.RequestBody!.Content![MediaTypes.Json]).Schema = new OpenApiSchemaReference(Name, swaggerDoc);
    }
}
