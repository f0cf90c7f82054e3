namespace Segmentation.Models.Clusters;

/// <summary>Whether groups are found again in samples of the customers.</summary>
/// <remarks>C. Hennig, "Cluster-wise assessment of cluster stability", Computational Statistics and Data Analysis 52 (2007) 258-271.
/// </remarks>
public static class ClusterStability
{
    /// <summary>Samples, drawn with replacement, of as many as there are.</summary>
    public const int Samples = 20;

    /// <summary>Divides samples anew, and compares: of each group, the mean of the greatest Jaccard similarity, 0 to 1.</summary>
    /// <param name="labels">Each point's group, 0 to k − 1.</param>
    /// <param name="cancellation">Ends it.</param>
    public static double[] Measure(ClusterPoints points, byte[] labels, int k, int seed, CancellationToken cancellation = default)
    {
        var (sums, seen) = (new double[k], new int[k]);
        for (var sample = 0; sample < Samples; sample++)
        {
            var random = NormalNumbers.Create(seed, 1_000 + sample);
            var drawn = new int[points.Count];
            for (var i = 0; i < drawn.Length; i++)
            {
                drawn[i] = random.Next(drawn.Length);
            }

            var found = KMeans.Divide(points.Take(drawn), k, seed + sample + 1, cancellation);
            foreach (var (group, jaccard) in Compare(labels, drawn, found.Labels, k).Index())
            {
                if (jaccard is { } similarity)
                {
                    sums[group] += similarity;
                    seen[group]++;
                }
            }
        }

        return [.. sums.Select((s, group) => seen[group] == 0 ? 0 : s / seen[group])];
    }

    /// <summary>Of each group, how alike the most alike group of a sample is: those in both / those in either, of who was drawn.</summary>
    /// <param name="drawn">Who was drawn, some more than once.</param>
    /// <param name="found">The groups of those who were drawn.</param>
    /// <returns>Null where nobody of a group was drawn.</returns>
    internal static double?[] Compare(byte[] labels, int[] drawn, byte[] found, int k)
    {
        var (both, seen) = (new int[k, k], new bool[labels.Length]);
        var (own, other) = (new int[k], new int[k]);
        for (var i = 0; i < drawn.Length; i++)
        {
            if (!seen[drawn[i]])
            {
                seen[drawn[i]] = true;
                both[labels[drawn[i]], found[i]]++;
                own[labels[drawn[i]]]++;
                other[found[i]]++;
            }
        }

        return
        [
            .. own.Select((size, group) => size == 0 ? null : Enumerable.Range(0, k)
                .Max(f => (double?)both[group, f] / (size + other[f] - both[group, f]))),
        ];
    }
}
