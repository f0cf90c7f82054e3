extern alias JsonSchemaNet;

using System.Text.Json;
using System.Text.Json.Nodes;
using JsonSchemaNet::Json.Schema;

namespace Segmentation.Api.Tests;

/// <summary>Checks answers against the schemas of the OpenAPI document: of 3.1, whose schemas are JSON Schemas.</summary>
internal sealed class AnswerSchemas
{
    private readonly JsonObject document;
    private readonly JsonNode definitions;
    private readonly Dictionary<(string Id, string Status), JsonSchema?> schemas = [];

    private AnswerSchemas(JsonObject document)
    {
        this.document = document;
        definitions = Rename(document["components"]!["schemas"]!);
    }

    public static async Task<AnswerSchemas> ReadAsync(HttpClient client) =>
        new(JsonNode.Parse(await client.GetStringAsync("/swagger/v1/openapi-3.1.json"))!.AsObject());

    /// <summary>What is wrong with an answer; null where nothing is, or where it is not JSON.</summary>
    public string? FindFault(string id, string status, JsonElement answer)
    {
        if (!schemas.TryGetValue((id, status), out var schema))
        {
            schemas[(id, status)] = schema = Find(id, status);
        }

        var result = schema?.Evaluate(answer, new EvaluationOptions { OutputFormat = OutputFormat.List });
        if (result is null or { IsValid: true })
        {
            return null;
        }

        var faults = (result.Details ?? []).Where(d => d.Errors is not null)
            .SelectMany(d => d.Errors!.Select(e => $"{d.InstanceLocation}: {e.Value} ({d.EvaluationPath})"));
        return string.Join('\n', faults.Take(10));
    }

    private JsonSchema? Find(string id, string status)
    {
        var operation = document["paths"]!.AsObject().SelectMany(p => p.Value!.AsObject()).Select(o => o.Value!)
            .Single(o => o["operationId"]!.GetValue<string>() == id);
        if (operation["responses"]?[status]?["content"]?["application/json"]?["schema"] is not { } schema)
        {
            return null;
        }

        var whole = Rename(schema).AsObject();
        whole["$defs"] = definitions.DeepClone();
        return JsonSchema.FromText(whole.ToJsonString());
    }

    private static JsonNode Rename(JsonNode schemas) =>
        JsonNode.Parse(schemas.ToJsonString().Replace("#/components/schemas/", "#/$defs/", StringComparison.Ordinal))!;
}
