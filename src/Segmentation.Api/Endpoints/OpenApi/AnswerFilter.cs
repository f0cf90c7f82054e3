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
        var shown = new Dictionary<string, JsonNode?>();
        foreach (var (_, _, operation) in swaggerDoc.Operations())
        {
            if (ListJson(operation).FirstOrDefault() is { } first)
            {
                first.Example = Answers[operation.OperationId!]?.DeepClone();
                shown.TryAdd(NameSchema(first), first.Example);
            }
        }

        // An operation that answers in several ways shows of the others what is shown elsewhere.
        foreach (var json in swaggerDoc.Operations().SelectMany(o => ListJson(o.Operation).Skip(1)))
        {
            json.Example = shown.GetValueOrDefault(NameSchema(json))?.DeepClone();
        }
    }

    // Of the statuses in their order.
    private static IEnumerable<OpenApiMediaType> ListJson(OpenApiOperation operation) =>
        from response in operation.Responses!.Values.OfType<OpenApiResponse>()
        let content = response.Content?.Where(c => c.Key == MediaTypes.Json).Select(c => c.Value).FirstOrDefault() as OpenApiMediaType
        where content?.Schema is not null
        select content;

    private static string NameSchema(OpenApiMediaType json) => (json.Schema as OpenApiSchemaReference)?.Reference.Id ?? "";

    private static string Read()
    {
        using var file = typeof(AnswerFilter).Assembly.GetManifestResourceStream(File)!;
        using var reader = new StreamReader(file);
        return reader.ReadToEnd();
    }
}
