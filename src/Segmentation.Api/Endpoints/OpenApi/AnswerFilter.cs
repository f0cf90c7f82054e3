using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using Segmentation.Api.Http;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>
/// Shows a real answer of each operation: recorded from the sample, lists cut to two items. A test records them and holds them against the
/// schemas.
/// </summary>
internal sealed class AnswerFilter : IDocumentFilter
{
    /// <summary>Where the answers are, by the ids of operations, below the project's folder.</summary>
    public const string File = "Endpoints/OpenApi/SampleAnswers.json";

    public static readonly string Recorded = Read();

    private static readonly JsonObject Answers = JsonNode.Parse(Recorded)!.AsObject();

    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        foreach (var (_, _, operation) in swaggerDoc.Operations())
        {
            foreach (var response in operation.Responses!.Values.OfType<OpenApiResponse>())
            {
                if (response.Content?.TryGetValue(MediaTypes.Json, out var content) == true
                    && content is OpenApiMediaType { Schema: not null } json)
                {
                    json.Example = Answers[operation.OperationId!]?.DeepClone();
                }
            }
        }
    }

    private static string Read()
    {
        using var file = typeof(AnswerFilter).Assembly.GetManifestResourceStream(File)!;
        using var reader = new StreamReader(file);
        return reader.ReadToEnd();
    }
}
