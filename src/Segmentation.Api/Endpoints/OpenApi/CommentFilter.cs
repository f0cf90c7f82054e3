using System.Text.RegularExpressions;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>Joins the lines of XML comments: where a comment is wrapped in the source is of no concern to the document.</summary>
internal sealed partial class CommentFilter : IDocumentFilter
{
    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        foreach (var (_, _, operation) in swaggerDoc.Operations())
        {
            operation.Summary = Join(operation.Summary)?.Replace("`", "", StringComparison.Ordinal); // Plain text, no Markdown.
            operation.Description = Join(operation.Description);
            foreach (var parameter in (operation.Parameters ?? []).OfType<OpenApiParameter>())
            {
                parameter.Description = Join(parameter.Description);
            }
        }

        foreach (var schema in swaggerDoc.Components!.Schemas!.Values.OfType<OpenApiSchema>())
        {
            schema.Description = Join(schema.Description);
            foreach (var property in (schema.Properties?.Values ?? []).OfType<OpenApiSchema>())
            {
                property.Description = Join(property.Description);
            }
        }
    }

    private static string? Join(string? text) => text is null ? null : LineBreak().Replace(text, " ");

    [GeneratedRegex(@"\s*\n\s*")]
    private static partial Regex LineBreak();
}
