namespace Segmentation.Rules.Values;

/// <summary>List tests that hosts map to SQL, since EF Core writes a NOT IN over parameters as two tests.</summary>
public static class Lists
{
    /// <summary>Whether the list lacks the value; a missing value is in no list.</summary>
    public static bool HasNone(string[] list, string? value) => value is null || !list.Contains(value);

    /// <inheritdoc cref="HasNone(string[], string?)"/>
    public static bool HasNone(int[] list, int? value) => value is not { } v || !list.Contains(v);

    /// <inheritdoc cref="HasNone(string[], string?)"/>
    public static bool HasNone(decimal[] list, decimal? value) => value is not { } v || !list.Contains(v);
}
