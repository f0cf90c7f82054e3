using Microsoft.OpenApi;
using Segmentation.Api.Segments;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>Gives properties their schemas that .NET's types say nothing of: to .NET a rule is any JSON.</summary>
internal sealed class RuleFilter : IDocumentFilter
{
    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        RuleSchemas.Add(swaggerDoc);
        var schemas = swaggerDoc.Components!.Schemas!;
        foreach (var (name, schema) in schemas)
        {
            if (schema.Properties is { } properties && properties.TryGetValue("rule", out var rule))
            {
                properties["rule"] = Refer(name == nameof(Explanation) ? RuleSchemas.ExplainedNode : RuleSchemas.Node, rule.Description);
            }
        }

        schemas["SegmentVersion"].Properties!["definition"] =
            Refer("SegmentInput", "The definition as it stood, without the key.");
        foreach (var suffix in new[] { "", ResourceFilter.Input })
        {
            SetObject("Customer" + suffix, "attributes");
            SetObject("Event" + suffix, "properties");
        }

        // OpenAPI 3.0 has no text beside a reference.
        OpenApiSchema Refer(string to, string? description) =>
            new() { AllOf = [new OpenApiSchemaReference(to, swaggerDoc)], Description = description };

        // Of names that callers choose.
        void SetObject(string schema, string property)
        {
            var free = (OpenApiSchema)schemas[schema].Properties![property];
            free.Type = JsonSchemaType.Object;
            free.AdditionalProperties = new OpenApiSchema();
        }
    }
}
