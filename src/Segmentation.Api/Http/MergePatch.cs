using System.Text.Json;
using System.Text.Json.Nodes;

namespace Segmentation.Api.Http;

/// <summary>JSON Merge Patch (RFC 7396).</summary>
public static class MergePatch
{
    /// <summary>The resource with the patch merged into it.</summary>
    /// <param name="whole">Properties that are one value each, whatever is in them: replaced, not merged.</param>
    /// <exception cref="ApiProblem">400: the patch is no object, or the outcome is no such resource.</exception>
    public static T Apply<T>(T resource, JsonElement patch, params string[] whole)
    {
        if (patch.ValueKind != JsonValueKind.Object)
        {
            throw ApiProblem.Invalid("", "A merge patch is a JSON object.");
        }

        JsonObject? merged = null;
        try
        {
            var target = (JsonObject)JsonSerializer.SerializeToNode(resource, Json.Options)!;
            merged = (JsonObject)Merge(target, patch)!;
            foreach (var name in whole.Where(n => patch.TryGetProperty(n, out var value) && value.ValueKind != JsonValueKind.Null))
            {
                merged[name] = JsonSerializer.SerializeToNode(patch.GetProperty(name));
            }

            return merged.Deserialize<T>(Json.Options)!;
        }
        catch (JsonException malformed)
        {
            throw BodyFaults.Find(malformed, merged, typeof(T));
        }
    }

    private static JsonNode? Merge(JsonNode? target, JsonElement patch)
    {
        if (patch.ValueKind != JsonValueKind.Object)
        {
            return JsonSerializer.SerializeToNode(patch);
        }

        var merged = target as JsonObject ?? [];
        foreach (var property in patch.EnumerateObject())
        {
            var before = merged[property.Name];
            merged.Remove(property.Name);
            if (property.Value.ValueKind != JsonValueKind.Null)
            {
                merged[property.Name] = Merge(before, property.Value);
            }
        }

        return merged;
    }
}
