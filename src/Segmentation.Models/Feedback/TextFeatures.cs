namespace Segmentation.Models.Feedback;

/// <summary>
/// What a taught model sees of a text: which words, pairs of words and letters in threes it has. Each is a place of a fixed number, by a
/// hash, so that a model has a bounded size whatever words there are.
/// </summary>
/// <remarks>K. Weinberger and others, "Feature hashing for large scale multitask learning", ICML 2009.</remarks>
internal static class TextFeatures
{
    /// <summary>How many places there are.</summary>
    public const int Count = 1 << 16;

    private const int Letters = 3;

    /// <summary>The places of a text, each once, from the least.</summary>
    public static int[] Read(string text)
    {
        var words = FeedbackWords.Read(text);
        var places = new SortedSet<int>();
        for (var i = 0; i < words.Count; i++)
        {
            places.Add(Place('w', words[i]));
            if (i > 0)
            {
                places.Add(Place('p', $"{words[i - 1]} {words[i]}"));
            }

            // Blanks stand for the word's ends.
            var marked = $" {words[i]} ";
            for (var at = 0; at + Letters <= marked.Length; at++)
            {
                places.Add(Place('t', marked.AsSpan(at, Letters)));
            }
        }

        return [.. places];
    }

    // FNV-1a (G. Fowler, L. C. Noll, P. Vo), folded: the same on every machine.
    private static int Place(char kind, ReadOnlySpan<char> text)
    {
        const uint offset = 2166136261, prime = 16777619;
        var hash = (offset ^ kind) * prime;
        foreach (var c in text)
        {
            hash = (hash ^ (c & 0xFFu)) * prime;
            hash = (hash ^ ((uint)c >> 8)) * prime;
        }

        return (int)((hash ^ (hash >> 16)) & (Count - 1));
    }
}
