namespace Segmentation.Models.Clusters;

/// <summary>
/// How much nearer points are to their own group than to the next: −1 to 1, the mean of the first 2,000 points. All distances are worked
/// out once, for as many divisions as are asked for.
/// </summary>
/// <remarks>P. J. Rousseeuw, "Silhouettes", Journal of Computational and Applied Mathematics 20 (1987) 53-65.</remarks>
public sealed class Silhouette
{
    private const int Points = 2_000;

    private readonly float[] distances;

    /// <param name="points">In random order: the first stand for all.</param>
    public Silhouette(ClusterPoints points)
    {
        Count = Math.Min(points.Count, Points);
        distances = new float[Count * Count];
        for (var i = 0; i < Count; i++)
        {
            for (var j = 0; j < i; j++)
            {
                distances[(i * Count) + j] = distances[(j * Count) + i] = MathF.Sqrt(points.SquaredDistance(i, j));
            }
        }
    }

    /// <summary>How many points are looked at.</summary>
    public int Count { get; }

    /// <summary>The mean of a division; a point that is alone in its group has 0.</summary>
    /// <param name="labels">Each point's group, 0 to k − 1.</param>
    public double Mean(ReadOnlySpan<byte> labels, int k)
    {
        var (sum, sizes, sums) = (0.0, new int[k], new double[k]);
        foreach (var label in labels[..Count])
        {
            sizes[label]++;
        }

        for (var i = 0; i < Count; i++)
        {
            Array.Clear(sums);
            var row = distances.AsSpan(i * Count, Count);
            for (var j = 0; j < row.Length; j++)
            {
                sums[labels[j]] += row[j];
            }

            var (own, next) = (labels[i], double.PositiveInfinity);
            for (var c = 0; c < k; c++)
            {
                next = c != own && sizes[c] > 0 ? Math.Min(next, sums[c] / sizes[c]) : next;
            }

            if (sizes[own] > 1 && double.IsFinite(next))
            {
                var within = sums[own] / (sizes[own] - 1);
                sum += Math.Max(within, next) is > 0 and var greater ? (next - within) / greater : 0;
            }
        }

        return sum / Count;
    }
}
