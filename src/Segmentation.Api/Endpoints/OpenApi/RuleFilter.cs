using Microsoft.OpenApi;
using Segmentation.Api.Playbooks;
using Segmentation.Api.Segments;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>Gives properties their schemas that .NET's types say nothing of: to .NET a rule is any JSON.</summary>
internal sealed class RuleFilter : IDocumentFilter
{
    private static readonly string[] explained = [nameof(Explanation), nameof(ConsideredPlay)];

    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        RuleSchemas.Add(swaggerDoc);
        var schemas = swaggerDoc.Components!.Schemas!;
        foreach (var (name, schema) in schemas)
        {
            foreach (var property in new[] { "rule", "audience", "when" })
            {
                if (schema.Properties is { } properties && properties.TryGetValue(property, out var rule))
                {
                    properties[property] =
                        Refer(explained.Contains(name) ? RuleSchemas.ExplainedNode : RuleSchemas.Node, rule.Description);
                }
            }
        }

        schemas["SegmentVersion"].Properties!["definition"] =
            Refer("SegmentInput", "The definition as it stood, without the key.");
        schemas["PlaybookVersion"].Properties!["definition"] =
            Refer("PlaybookInput", "The definition as it stood, without the key.");

        // A customer, of which there may be the id alone.
        var member = (OpenApiSchema)schemas["Customer"].CreateShallowCopy();
        member.Description = "A member of a segment: the customer; with `fields=id` the id alone.";
        member.Required = new HashSet<string> { "id" };
        schemas["Member"] = member;
        ((OpenApiSchema)schemas["CustomerMemberPage"].Properties!["items"]).Items = new OpenApiSchemaReference("Member", swaggerDoc);

        // OpenAPI 3.0 has no text beside a reference.
        OpenApiSchema Refer(string to, string? description) =>
            new() { AllOf = [new OpenApiSchemaReference(to, swaggerDoc)], Description = description };
    }
}
