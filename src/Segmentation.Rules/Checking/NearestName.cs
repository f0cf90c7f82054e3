using Segmentation.Rules.Values;

namespace Segmentation.Rules.Checking;

/// <summary>Finds the name that was probably meant.</summary>
public static class NearestName
{
    private const int MaxListed = 20;
    private const int MaxLength = 128;

    /// <summary>
    /// The candidate with the fewest edits to the given name, regardless of case; null when none is within a third of its length,
    /// or what it has in common with the name is nothing.
    /// </summary>
    public static string? Find(string name, IEnumerable<string> candidates) => candidates
        .Select(c => (Name: c, Distance: CountEdits(CaseNormalizer.Normalize(name), CaseNormalizer.Normalize(c))))
        .Where(c => c.Distance <= Math.Max(2, c.Name.Length / 3) && c.Distance < Math.Min(name.Length, c.Name.Length))
        .OrderBy(c => c.Distance).ThenBy(c => c.Name, StringComparer.Ordinal)
        .FirstOrDefault().Name;

    /// <summary>The end of an error text about an unknown name: the nearest candidate, or a list of all.</summary>
    public static string Hint(string name, IReadOnlyCollection<string> candidates) =>
        Find(name, candidates) is { } nearest ? $"Did you mean \"{nearest}\"?"
        : candidates.Count is > 0 and <= MaxListed ? $"Known: {string.Join(", ", candidates)}."
        : "GET /api/v1/fields lists what there is.";

    /// <summary>The nearest candidate as the end of an error text that lists them all already; empty when none is near.</summary>
    internal static string Suggest(string? name, IEnumerable<string> candidates) =>
        name is not null && Find(name, candidates) is { } nearest ? $" Did you mean \"{nearest}\"?" : "";

    // Levenshtein, two rows.
    private static int CountEdits(string a, string b)
    {
        if (a.Length > MaxLength)
        {
            return int.MaxValue;
        }

        var previous = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var current = new int[b.Length + 1];
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                current[j] = Math.Min(Math.Min(previous[j], current[j - 1]) + 1, replaced);
            }

            previous = current;
        }

        return previous[^1];
    }
}
