using System.Runtime.Intrinsics;

namespace Segmentation.Models.Clusters;

/// <summary>Points divided into groups around centers.</summary>
/// <param name="Labels">Each point's group, 0 to k − 1.</param>
/// <param name="Centers">Row by row.</param>
/// <param name="Inertia">The sum of the points' squared distances from their centers.</param>
public sealed record Clustering(byte[] Labels, float[] Centers, double Inertia)
{
    /// <summary>How many there are of each.</summary>
    public int[] Sizes(int k)
    {
        var sizes = new int[k];
        foreach (var label in Labels)
        {
            sizes[label]++;
        }

        return sizes;
    }
}

/// <summary>
/// k-means: Lloyd's algorithm from the best of ten starts by k-means++. Starts are tried on the first 2,000 points, whose order has to be
/// random; the best goes on with all of them. One thread and a fixed order of sums: the same points and seed give the same answer.
/// </summary>
/// <remarks>D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007; the subsample: P. S. Bradley,
/// U. M. Fayyad, "Refining initial points for k-means clustering", ICML 1998.</remarks>
public static class KMeans
{
    /// <summary>Groups, at most.</summary>
    public const int MaxK = 16;

    private const int Starts = 10;
    private const int Tried = 2_000;
    private const int MaxSteps = 100;
    private const double LeastGain = 1e-4;

    // Distances of one point from eight centers at once.
    private const int Lanes = 8;

    /// <summary>Divides points.</summary>
    /// <param name="points">At least k.</param>
    /// <param name="k">2 to 16. Where fewer points differ, groups are empty.</param>
    /// <param name="seed">Another seed, other starts.</param>
    /// <param name="cancellation">Ends it.</param>
    public static Clustering Divide(ClusterPoints points, int k, int seed, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(k, MaxK);
        var some = points.First(Tried);
        Clustering? best = null;
        for (var start = 0; start < Starts; start++)
        {
            cancellation.ThrowIfCancellationRequested();
            var found = Improve(some, Seed(some, k, NormalNumbers.Create(seed, start)), k, cancellation);
            best = best is null || found.Inertia < best.Inertia ? found : best;
        }

        return some == points ? best! : Improve(points, best!.Centers, k, cancellation);
    }

    private static float[] Seed(ClusterPoints points, int k, Random random)
    {
        var centers = new float[k * points.Width];
        var distances = new float[points.Count];
        Array.Fill(distances, float.MaxValue);
        var chosen = random.Next(points.Count);
        for (var c = 0; ; c++)
        {
            points[chosen].CopyTo(centers.AsSpan(c * points.Width));
            if (c == k - 1)
            {
                return centers;
            }

            var sum = 0.0;
            for (var i = 0; i < distances.Length; i++)
            {
                distances[i] = Math.Min(distances[i], points.SquaredDistance(i, chosen));
                sum += distances[i];
            }

            var at = random.NextDouble() * sum;
            for (chosen = 0; chosen < distances.Length - 1 && (at -= distances[chosen]) >= 0;)
            {
                chosen++;
            }
        }
    }

    private static Clustering Improve(ClusterPoints points, float[] centers, int k, CancellationToken cancellation)
    {
        var labels = new byte[points.Count];
        var (before, sums) = (double.PositiveInfinity, new double[k * points.Width]);
        for (var step = 0; ; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            var inertia = Assign(points, centers, k, labels);
            if (step == MaxSteps || before - inertia <= LeastGain * inertia)
            {
                return new(labels, centers, inertia);
            }

            before = inertia;
            centers = Average(points, centers, labels, k, sums);
        }
    }

    // To the nearest center.
    private static double Assign(ClusterPoints points, float[] centers, int k, byte[] labels)
    {
        // By column: of each, what the centers have there. Those that there are not lie far away.
        var (width, blocks) = (points.Width, (k + Lanes - 1) / Lanes);
        var columns = new float[blocks * width * Lanes];
        Array.Fill(columns, 1e15f);
        for (var c = 0; c < k; c++)
        {
            for (var j = 0; j < width; j++)
            {
                columns[((((c / Lanes) * width) + j) * Lanes) + (c % Lanes)] = centers[(c * width) + j];
            }
        }

        var inertia = 0.0;
        Span<float> distances = stackalloc float[MaxK];
        for (var i = 0; i < labels.Length; i++)
        {
            var point = points[i];
            for (var b = 0; b < blocks; b++)
            {
                var (even, odd) = (Vector256<float>.Zero, Vector256<float>.Zero);
                var block = columns.AsSpan(b * width * Lanes, width * Lanes);
                var j = 0;
                for (; j + 1 < point.Length; j += 2)
                {
                    var d = Vector256.Create(point[j]) - Vector256.Create<float>(block.Slice(j * Lanes, Lanes));
                    var e = Vector256.Create(point[j + 1]) - Vector256.Create<float>(block.Slice((j + 1) * Lanes, Lanes));
                    even += d * d;
                    odd += e * e;
                }

                if (j < point.Length)
                {
                    var d = Vector256.Create(point[j]) - Vector256.Create<float>(block.Slice(j * Lanes, Lanes));
                    even += d * d;
                }

                (even + odd).CopyTo(distances[(b * Lanes)..]);
            }

            var nearest = 0;
            for (var c = 1; c < k; c++)
            {
                nearest = distances[c] < distances[nearest] ? c : nearest;
            }

            labels[i] = (byte)nearest;
            inertia += distances[nearest];
        }

        return inertia;
    }

    // Of whom nobody is near, a center stays.
    private static float[] Average(ClusterPoints points, float[] centers, byte[] labels, int k, double[] sums)
    {
        var (width, counts) = (points.Width, new int[k]);
        Array.Clear(sums);
        for (var i = 0; i < labels.Length; i++)
        {
            counts[labels[i]]++;
            var point = points[i];
            var sum = sums.AsSpan(labels[i] * width, width);
            for (var j = 0; j < point.Length; j++)
            {
                sum[j] += point[j];
            }
        }

        var moved = new float[centers.Length];
        for (var j = 0; j < moved.Length; j++)
        {
            moved[j] = counts[j / width] == 0 ? centers[j] : (float)(sums[j] / counts[j / width]);
        }

        return moved;
    }
}
