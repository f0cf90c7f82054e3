using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Http;

/// <summary>Finds all faults of a body that could not be read, where the serializer ends with the first.</summary>
internal static class BodyFaults
{
    // Faults that one answer lists, and the bytes up to which a body is read again for the next of them.
    private const int MaxFaults = 20;
    private const int MaxReadAgain = 64 * 1024;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>
    /// All that is wrong with the types and names in a body that could not be read: what is at fault is taken out, and the rest is read
    /// again.
    /// </summary>
    /// <param name="first">What its first reading ended with.</param>
    /// <param name="rest">The body, from which faults are taken out; null where only the first is to be told.</param>
    public static ApiProblem Find(JsonException first, JsonNode? rest, Type target)
    {
        var problem = Json.Problem(first, target);
        if (rest is null)
        {
            return problem;
        }

        var faults = new List<RuleError>();
        while (Add(problem, faults) is { } pointer && faults.Count < MaxFaults && Remove(rest, pointer))
        {
            try
            {
                rest.Deserialize(target, Json.Options);
                break;
            }
            catch (JsonException next)
            {
                problem = Json.Problem(next, target);
            }
            catch (Exception undecodable) when (IsUndecodable(undecodable))
            {
                break;
            }
        }

        return ApiProblem.Invalid(faults);
    }

    // The place of a fault that was not found before.
    private static string? Add(ApiProblem problem, List<RuleError> faults)
    {
        var (pointer, messages) = problem.Errors!.Single();
        if (faults.Exists(f => f.Pointer == pointer))
        {
            return null;
        }

        faults.AddRange(messages.Select(message => new RuleError(pointer, message)));
        return pointer;
    }

    /// <summary>A body to be read again; null where it is large, or no JSON.</summary>
    public static JsonNode? Parse(ReadOnlySpan<byte> body)
    {
        try
        {
            return body.Length > MaxReadAgain ? null : JsonNode.Parse(body, documentOptions: Strict);
        }
        catch (Exception e) when (e is JsonException || IsUndecodable(e))
        {
            return null;
        }
    }

    // The serializer's complaints about half a surrogate pair, in reading and in writing.
    private static bool IsUndecodable(Exception exception) => exception is InvalidOperationException or ArgumentException;

    // An item of a list becomes null, so that those after it keep their places.
    private static bool Remove(JsonNode root, string pointer)
    {
        var parts = pointer.Split('/').Skip(1).Select(p => p.Replace("~1", "/", StringComparison.Ordinal)
            .Replace("~0", "~", StringComparison.Ordinal)).ToList();
        JsonNode? parent = root;
        foreach (var part in parts.SkipLast(1))
        {
            parent = parent switch
            {
                JsonObject map => map[part],
                JsonArray list when IndexIn(list, part) is { } at => list[at],
                _ => null,
            };
        }

        switch (parent)
        {
            case JsonObject map when parts.Count > 0:
                return map.Remove(parts[^1]);
            case JsonArray list when parts.Count > 0 && IndexIn(list, parts[^1]) is { } at:
                list[at] = null;
                return true;
            default:
                return false;
        }
    }

    private static int? IndexIn(JsonArray list, string part) =>
        int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < list.Count ? index : null;
}
