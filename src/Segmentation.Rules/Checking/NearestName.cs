using Segmentation.Rules.Values;

namespace Segmentation.Rules.Checking;

/// <summary>Finds the name that was probably meant.</summary>
public static class NearestName
{
    private const int MaxListed = 20;
    private const int MaxLength = 128;

    /// <summary>
    /// The candidate that the given name is most like, regardless of case, blanks, hyphens and underscores: that with the fewest edits in
    /// the whole of it or in what follows its last dot; null when none is within a third of its length.
    /// </summary>
    public static string? Find(string name, IEnumerable<string> candidates)
    {
        var bare = Bare(name);
        return bare.Length is 0 or > MaxLength
            ? null
            : candidates
                .Select(c => (Name: c, Distance: Measure(bare, Bare(c))))
                .Where(c => c.Distance is not null)
                .OrderBy(c => c.Distance).ThenBy(c => c.Name, StringComparer.Ordinal)
                .FirstOrDefault().Name;
    }

    /// <summary>The end of an error text about an unknown name: the nearest candidate, or a list of all.</summary>
    public static string Hint(string name, IReadOnlyCollection<string> candidates) =>
        Find(name, candidates) is { } nearest ? $"Did you mean \"{nearest}\"?"
        : candidates.Count is > 0 and <= MaxListed ? $"Known: {string.Join(", ", candidates)}."
        : "GET /api/v1/fields lists what there is.";

    /// <summary>The nearest candidate as the end of an error text that lists them all already; empty when none is near.</summary>
    internal static string Suggest(string? name, IEnumerable<string> candidates) =>
        name is not null && Find(name, candidates) is { } nearest ? $" Did you mean \"{nearest}\"?" : "";

    private static string Bare(string name) => string.Concat(CaseNormalizer.Normalize(name).Where(c => c is not (' ' or '-' or '_')));

    // Twice the edits, and one more where only the last parts are alike; null for names that are not.
    private static int? Measure(string name, string candidate)
    {
        var whole = CountAlike(name, candidate);
        var part = candidate.Contains('.', StringComparison.Ordinal)
            ? CountAlike(name[(name.LastIndexOf('.') + 1)..], candidate[(candidate.LastIndexOf('.') + 1)..])
            : null;
        return part is null || whole <= part ? 2 * whole : (2 * part) + 1;
    }

    private static int? CountAlike(string a, string b)
    {
        var edits = CountEdits(a, b);
        return edits <= Math.Max(Math.Min(a.Length, b.Length) / 3, Math.Min(a.Length, b.Length) > 1 ? 1 : 0) ? edits : null;
    }

    // Letters replaced, added, left out, or swapped with the next one.
    private static int CountEdits(string a, string b)
    {
        int[] before = [];
        var previous = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var current = new int[b.Length + 1];
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                current[j] = Math.Min(Math.Min(previous[j], current[j - 1]) + 1, replaced);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    current[j] = Math.Min(current[j], before[j - 2] + 1);
                }
            }

            (before, previous) = (previous, current);
        }

        return previous[^1];
    }
}
