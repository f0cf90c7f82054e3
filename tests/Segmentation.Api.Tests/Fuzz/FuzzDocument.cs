extern alias JsonSchemaNet;

using System.Text.Json;
using System.Text.Json.Nodes;
using JsonSchemaNet::Json.Schema;

namespace Segmentation.Api.Tests.Fuzz;

/// <summary>A parameter of an operation.</summary>
/// <param name="In"><c>path</c>, <c>query</c> or <c>header</c>.</param>
internal sealed record FuzzParameter(string Name, string In, JsonNode Schema);

/// <summary>A media type that an operation takes, with the document's examples of it as text.</summary>
internal sealed record FuzzBody(string MediaType, JsonNode Schema, string[] Examples);

/// <summary>An operation of the document.</summary>
internal sealed record FuzzOperation(
    string Id, string Method, string Path, FuzzParameter[] Parameters, FuzzBody[] Bodies, JsonObject Responses);

/// <summary>The OpenAPI document (3.1, whose schemas are JSON Schemas), as the fuzzer reads it.</summary>
internal sealed class FuzzDocument
{
    private readonly JsonObject document;
    private readonly string definitions;
    private readonly Dictionary<string, JsonSchema> compiled = [];

    private FuzzDocument(JsonObject document)
    {
        this.document = document;
        definitions = Rename(document["components"]!["schemas"]!);
        Operations =
        [
            .. from path in document["paths"]!.AsObject()
               from operation in path.Value!.AsObject()
               select Read(path.Key, operation.Key, operation.Value!),
        ];
    }

    public FuzzOperation[] Operations { get; }

    public static async Task<FuzzDocument> ReadAsync(HttpClient client) =>
        new(JsonNode.Parse(await client.GetStringAsync("/swagger/v1/openapi-3.1.json"))!.AsObject());

    /// <summary>What a reference stands for; anything else as it is.</summary>
    public JsonNode Resolve(JsonNode node)
    {
        while (node is JsonObject o && o["$ref"]?.GetValue<string>() is { } reference)
        {
            node = reference.Split('/').Skip(1).Aggregate((JsonNode)document, (at, name) => at[name]!);
        }

        return node;
    }

    /// <summary>What is wrong with a status, a media type and a body as an answer of an operation; null where nothing is.</summary>
    public string? FindFault(FuzzOperation operation, int status, string? mediaType, string body)
    {
        if (operation.Responses[$"{status}"] is not { } response)
        {
            return $"the status {status} is not in the document of {operation.Id}";
        }

        var content = Resolve(response)["content"]?.AsObject();
        if (content is null || content.Count == 0)
        {
            return body.Length == 0 ? null : $"a body where {operation.Id} {status} has none";
        }

        if (mediaType is null || content[mediaType] is not { } declared)
        {
            return $"{mediaType ?? "no media type"}, which {operation.Id} {status} does not have";
        }

        if (!IsJson(mediaType) || declared["schema"] is not { } schema)
        {
            return null;
        }

        var result = Compile(schema).Evaluate(
            JsonSerializer.Deserialize<JsonElement>(body), new EvaluationOptions { OutputFormat = OutputFormat.List });
        return result.IsValid ? null : string.Join("; ", (result.Details ?? []).Where(d => d.Errors is not null)
            .SelectMany(d => d.Errors!.Select(e => $"{d.InstanceLocation}: {e.Value}")).Take(5));
    }

    /// <summary>Whether a media type is JSON, and not lines of it.</summary>
    public static bool IsJson(string mediaType) =>
        mediaType == "application/json" || mediaType.EndsWith("+json", StringComparison.Ordinal);

    private JsonSchema Compile(JsonNode schema)
    {
        var text = Rename(schema);
        if (!compiled.TryGetValue(text, out var known))
        {
            var whole = JsonNode.Parse(text)!.AsObject();
            whole["$defs"] = JsonNode.Parse(definitions);
            compiled[text] = known = JsonSchema.FromText(whole.ToJsonString());
        }

        return known;
    }

    private FuzzOperation Read(string path, string method, JsonNode operation) => new(
        operation["operationId"]!.GetValue<string>(),
        method.ToUpperInvariant(),
        path,
        [
            .. (operation["parameters"]?.AsArray() ?? []).Select(p => Resolve(p!))
                .Select(p => new FuzzParameter(p["name"]!.GetValue<string>(), p["in"]!.GetValue<string>(), p["schema"]!)),
        ],
        [
            .. (operation["requestBody"] is { } body ? Resolve(body)["content"]!.AsObject() : [])
                .Select(c => new FuzzBody(c.Key, c.Value!["schema"]!, [.. ListExamples(c.Value!)])),
        ],
        operation["responses"]!.AsObject());

    private static IEnumerable<string> ListExamples(JsonNode content) =>
        (content["examples"]?.AsObject().Select(e => e.Value!["value"]) ?? [content["example"]]).OfType<JsonNode>()
            .Select(e => e.GetValueKind() == JsonValueKind.String ? e.GetValue<string>() : e.ToJsonString());

    private static string Rename(JsonNode schema) =>
        schema.ToJsonString().Replace("#/components/schemas/", "#/$defs/", StringComparison.Ordinal);
}
