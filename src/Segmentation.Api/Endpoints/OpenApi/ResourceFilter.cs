using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>
/// Says of each property whether it is always there, read-only, or null. What requests and answers have in different forms gets two
/// schemas: <c>Segment</c> as it is answered, and <c>SegmentInput</c> as it is sent, without what is read-only.
/// </summary>
internal sealed class ResourceFilter : IDocumentFilter
{
    public const string Input = "Input";

    // Beside a reference, which has no type.
    private const string Nullable = "nullable";

    /// <summary>Says in the words of OpenAPI 3.1 what may be null.</summary>
    public static void RemoveNullable(OpenApiDocument document)
    {
        foreach (var property in document.Components!.Schemas!.Values.SelectMany(s => s.Properties?.Values ?? []))
        {
            if (property.Extensions?.Remove(Nullable) == true && property is OpenApiSchema { AllOf: [var only] } own)
            {
                (own.AnyOf, own.AllOf) = ([only, new OpenApiSchema { Type = JsonSchemaType.Null }], null);
            }
        }
    }

    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        var types = new ResourceTypes(context.ApiDescriptions);
        var schemas = swaggerDoc.Components!.Schemas!;
        var inputs = types.TwoForms.Select(Swagger.NameSchema).ToHashSet(StringComparer.Ordinal);
        foreach (var type in types.TwoForms)
        {
            var name = Swagger.NameSchema(type);
            schemas[name + Input] = CreateInput((OpenApiSchema)schemas[name], types.ListProperties(type));
        }

        foreach (var type in types.Answers.Union(types.Requests))
        {
            if (schemas.TryGetValue(Swagger.NameSchema(type), out var schema) && schema is OpenApiSchema { Properties: not null } found)
            {
                Describe(found, types.ListProperties(type), types.Answers.Contains(type), types.Requests.Contains(type));
            }
        }

        foreach (var (_, _, operation) in swaggerDoc.Operations())
        {
            foreach (var content in operation.RequestBody?.Content?.Values.OfType<OpenApiMediaType>() ?? [])
            {
                content.Schema = content.Schema switch
                {
                    null => null,
                    OpenApiSchema { AllOf: [var only] } => Copy(only),
                    var schema => Copy(schema),
                };
            }
        }

        OpenApiSchema CreateInput(OpenApiSchema answered, IReadOnlyList<ResourceProperty> properties)
        {
            var input = (OpenApiSchema)answered.CreateShallowCopy();
            input.Properties = answered.Properties!.Where(p => properties.Any(x => x.Name == p.Key && !x.IsReadOnly))
                .ToDictionary(p => p.Key, p => Copy(p.Value));
            Describe(input, properties, isAnswer: false, isSent: true);
            if (properties.Any(p => p.IsReadOnly))
            {
                input.Description +=
                    " What answers have besides is read-only: it may be sent, and is ignored, so that an answer can be sent back.";
            }

            return input;
        }

        // The same for requests.
        IOpenApiSchema Copy(IOpenApiSchema schema)
        {
            if (schema is OpenApiSchemaReference { Reference.Id: { } id })
            {
                return new OpenApiSchemaReference(inputs.Contains(id) ? id + Input : id, swaggerDoc);
            }

            var copy = (OpenApiSchema)schema.CreateShallowCopy();
            copy.Items = copy.Items is null ? null : Copy(copy.Items);
            copy.AdditionalProperties = copy.AdditionalProperties is null ? null : Copy(copy.AdditionalProperties);
            copy.AllOf = copy.AllOf?.Select(Copy).ToList();
            return copy;
        }
    }

    private static void Describe(OpenApiSchema schema, IReadOnlyList<ResourceProperty> properties, bool isAnswer, bool isSent)
    {
        schema.Required = properties.Where(p => isAnswer ? p.IsRequiredInAnswers : p.IsRequiredInRequests)
            .Select(p => p.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var property in properties.Where(p => schema.Properties!.ContainsKey(p.Name)))
        {
            var described = Describe(schema.Properties![property.Name], property);
            schema.Properties[property.Name] = isSent && property.IsOptionalValue && !schema.Required.Contains(property.Name)
                ? AllowNull(described)
                : described;
        }
    }

    private static IOpenApiSchema Describe(IOpenApiSchema schema, ResourceProperty property)
    {
        if (schema is not OpenApiSchema own)
        {
            return schema;
        }

        // A reference alone, where there is nothing to say beside it.
        if (own is { AllOf: [var only], Description: null } && !property.IsReadOnly)
        {
            return only;
        }

        ForbidNull(own);
        if (own.Items is { } items && property.Type.GenericTypeArguments is [{ IsValueType: true } item]
            && System.Nullable.GetUnderlyingType(item) is not null)
        {
            own.Items = AllowNull(items);
        }

        own.ReadOnly = property.IsReadOnly;
        if (property.IsNullShown)
        {
            AllowNull(own);
        }

        if (property.Type == typeof(JsonElement?) || property.Type == typeof(JsonElement))
        {
            own.Type = null;
        }

        return own;
    }

    // Null is the same as leaving out; and a client without a null for numbers and booleans would send a 0 or a false for what is missing.
    private static OpenApiSchema AllowNull(IOpenApiSchema schema)
    {
        var own = schema as OpenApiSchema ?? new OpenApiSchema { AllOf = [schema] };
        if (own.Type is null)
        {
            own.Extensions = new Dictionary<string, IOpenApiExtension> { [Nullable] = new JsonNodeExtension(JsonValue.Create(true)) };
        }
        else
        {
            own.Type |= JsonSchemaType.Null;
        }

        return own;
    }

    private static void ForbidNull(IOpenApiSchema? schema)
    {
        if (schema is OpenApiSchema own)
        {
            own.Type = (own.Type & ~JsonSchemaType.Null) is { } type and not 0 ? type : null;
            ForbidNull(own.Items);
            ForbidNull(own.AdditionalProperties);
        }
    }
}
