using Microsoft.OpenApi;
using Segmentation.Api.Segments;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Checking;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>Gives properties their schemas that .NET's types say nothing of: to .NET a rule is any JSON.</summary>
internal sealed class RuleFilter(CustomerFields fields, RuleLimits limits) : IDocumentFilter
{
    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        new RuleSchemas(swaggerDoc, fields.Catalog(Backend.Sql, historical: false, []), limits).Add();
        var schemas = swaggerDoc.Components!.Schemas!;
        foreach (var (name, schema) in schemas)
        {
            if (schema.Properties is { } properties && properties.TryGetValue("rule", out var rule))
            {
                properties["rule"] = Refer(name == nameof(Explanation) ? RuleSchemas.ExplainedRule : RuleSchemas.Group, rule.Description);
            }
        }

        schemas["SegmentVersion"].Properties!["definition"] =
            Refer("Segment", "The definition as it stood, without the key and what is read-only.");
        ((OpenApiSchema)schemas["Customer"].Properties!["attributes"]).Type = JsonSchemaType.Object;
        ((OpenApiSchema)schemas["Event"].Properties!["properties"]).Type = JsonSchemaType.Object;

        // OpenAPI 3.0 has no text beside a reference.
        OpenApiSchema Refer(string to, string? description) =>
            new() { AllOf = [new OpenApiSchemaReference(to, swaggerDoc)], Description = description };
    }
}
