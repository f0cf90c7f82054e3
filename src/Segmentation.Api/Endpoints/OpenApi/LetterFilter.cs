using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>
/// Describes what has properties that differ in their case alone, as formulas have (<c>T</c> and <c>t</c>), as a map: generators of clients
/// would give both the same name.
/// </summary>
internal sealed class LetterFilter : IDocumentFilter
{
    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        foreach (var schema in swaggerDoc.Components!.Schemas!.Values.OfType<OpenApiSchema>())
        {
            if (schema.Properties is not { } properties
                || properties.Keys.Distinct(StringComparer.OrdinalIgnoreCase).Count() == properties.Count)
            {
                continue;
            }

            var required = schema.Required ?? new HashSet<string>();
            schema.Description += "\n" + string.Join('\n', properties.Select(
                p => $"\n- `{p.Key}`{(required.Contains(p.Key) ? " (needed)" : "")}: {p.Value.Description}"));
            schema.AdditionalPropertiesAllowed = true;
            schema.AdditionalProperties = new OpenApiSchema { Type = JsonSchemaType.Number | JsonSchemaType.Null, Format = "double" };
            schema.Properties = null;
        }
    }
}
