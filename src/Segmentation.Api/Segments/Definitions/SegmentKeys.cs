using Segmentation.Api.Http;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Segments;

/// <summary>Keys of several segments, as a request names them: <c>keys</c>.</summary>
internal static class SegmentKeys
{
    /// <summary>Segments that one request may name.</summary>
    public const int MaxItems = 100;

    /// <summary>The segments that have these keys, in their order.</summary>
    /// <param name="all">The definitions.</param>
    /// <param name="keys">The keys.</param>
    /// <param name="property">What the request calls them.</param>
    /// <param name="most">How many it may name.</param>
    /// <exception cref="ApiProblem">400: too few or too many, unknown ones, or one twice.</exception>
    public static List<SegmentDefinition> Resolve(
        DefinitionSet all, string?[]? keys, string property = "keys", int most = MaxItems)
    {
        if (keys is null || keys.Length < 2 || keys.Length > most)
        {
            throw ApiProblem.Invalid($"/{property}", $"{property} must hold the keys of 2 to {most} segments.");
        }

        var errors = keys.Select((key, i) => FindError(all, keys, i, property)).OfType<RuleError>().ToList();
        return errors.Count == 0 ? [.. keys.Select(k => all.Segments[k!])] : throw ApiProblem.Invalid(errors);
    }

    /// <summary>The error text for a key that is none of a segment.</summary>
    public static string DescribeUnknown(DefinitionSet all, string key) => $"There is no segment {ErrorText.Quote(key)}. "
        + (NearestName.Find(key, all.Segments.Keys) is { } nearest
            ? $"Did you mean \"{nearest}\"?"
            : "GET /api/v1/segments lists what there is.");

    private static RuleError? FindError(DefinitionSet all, string?[] keys, int i, string property)
    {
        if (keys[i] is not { } key)
        {
            return new RuleError($"/{property}/{i}", "A segment's key is a string.");
        }

        if (!all.Segments.ContainsKey(key))
        {
            return new RuleError($"/{property}/{i}", DescribeUnknown(all, key));
        }

        return Array.IndexOf(keys, key) < i ? new RuleError($"/{property}/{i}", "Duplicate key.") : null;
    }
}
