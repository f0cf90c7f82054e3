using Segmentation.Api.Data;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Customers;

/// <summary>The form in which values are stored. What is invalid stays as it is.</summary>
internal static class Normalization
{
    /// <summary>A text without blanks around it; null for one that is blank.</summary>
    public static string? NormalizeText(string? text) => text?.Trim() is { Length: > 0 } trimmed ? trimmed : null;

    public static string? NormalizeCountry(string? code) => NormalizeText(code)?.ToUpperInvariant();

    public static string? NormalizeZone(string? name, TimeZones zones) =>
        NormalizeText(name) is { } text ? zones.Canonical(text) ?? text : null;

    public static LocationResource? NormalizeLocation(LocationResource? location) =>
        location is { Latitude: null, Longitude: null } ? null : location;

    /// <summary>A set's items, each once, in the spelling that comes first.</summary>
    public static string?[] NormalizeSet(string?[]? items)
    {
        if (items is null or [])
        {
            return [];
        }

        // The validator refuses these.
        if (items.Length > Customer.SetMaxItems || items.Contains(null))
        {
            return items;
        }

        var seen = new HashSet<string>(items.Length);
        return [.. items.Select(NormalizeText).Where(item => item is not null && seen.Add(CaseNormalizer.Normalize(item)))];
    }
}
