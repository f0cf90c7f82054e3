using System.Text.Json;
using System.Text.Json.Nodes;

namespace Segmentation.Api.Http;

/// <summary>JSON Merge Patch (RFC 7396).</summary>
internal static class MergePatch
{
    /// <summary>What a resource becomes by a patch.</summary>
    /// <exception cref="ApiProblem">The patch is not an object, or the result is not a resource.</exception>
    public static T Apply<T>(T resource, JsonElement patch)
    {
        if (patch.ValueKind != JsonValueKind.Object)
        {
            throw ApiProblem.Invalid("", "A merge patch is a JSON object.");
        }

        try
        {
            var merged = Merge(JsonSerializer.SerializeToNode(resource, Json.Options), patch);
            return merged.Deserialize<T>(Json.Options)!;
        }
        catch (JsonException malformed)
        {
            throw Json.Problem(malformed, typeof(T));
        }
        catch (InvalidOperationException undecodable) when (undecodable.Source == "System.Text.Json")
        {
            throw ApiProblem.Invalid("", "The body is not valid UTF-8.");
        }
    }

    private static JsonObject Merge(JsonNode? target, JsonElement patch)
    {
        var merged = target as JsonObject ?? [];
        foreach (var change in patch.EnumerateObject())
        {
            if (change.Value.ValueKind == JsonValueKind.Null)
            {
                merged.Remove(change.Name);
            }
            else
            {
                var old = merged[change.Name];
                merged.Remove(change.Name);
                merged[change.Name] = change.Value.ValueKind == JsonValueKind.Object ? Merge(old, change.Value) : JsonSerializer.SerializeToNode(change.Value, Json.Options);
            }
        }

        return merged;
    }
}
