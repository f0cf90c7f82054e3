namespace Segmentation.Models.Clusters;

/// <summary>What a number of groups came to.</summary>
/// <param name="K">How many groups.</param>
/// <param name="Silhouette">Of the customers.</param>
/// <param name="ReferenceMean">The mean silhouette of those who have no groups.</param>
/// <param name="ReferenceDeviation">Its standard deviation.</param>
/// <param name="Above">How many of the references lie below the customers.</param>
/// <param name="Clustering">The groups.</param>
public sealed record ClusterTrial(
    int K, double Silhouette, double ReferenceMean, double ReferenceDeviation, int Above, Clustering Clustering)
{
    /// <summary>In deviations, how far the customers lie above the references.</summary>
    public double Distance => ReferenceDeviation > 0 ? (Silhouette - ReferenceMean) / ReferenceDeviation : 0;

    /// <summary>
    /// How much of what a silhouette could have more than the references it has. The most decides: distances in deviations prefer a number
    /// whose references happen to be alike, and silhouettes alone prefer two groups wherever fields are correlated.
    /// </summary>
    public double Gain => ReferenceMean < 1 ? (Silhouette - ReferenceMean) / (1 - ReferenceMean) : 0;

    /// <summary>The smallest group's share.</summary>
    public double Smallest => (double)Clustering.Sizes(K).Min() / Clustering.Labels.Length;

    /// <summary>Of each group, how well samples find it again; null where that was not asked.</summary>
    public double[]? Stability { get; init; }

    /// <summary>Whether it stands out of what has no groups.</summary>
    public bool IsDistinct => Above == ClusterSearch.References && Distance >= ClusterSearch.LeastDistance;

    /// <summary>Whether each group is large enough.</summary>
    public bool IsLarge => Smallest >= ClusterSearch.LeastShare;

    /// <summary>Whether each group is found again.</summary>
    public bool IsStable => Stability?.Min() >= ClusterSearch.LeastStability;
}

/// <summary>Finds out whether customers are in groups, and in how many.</summary>
/// <remarks>The gap statistic's question (R. Tibshirani, G. Walther, T. Hastie, JRSS B 63 (2001) 411-423), asked of the silhouette, against
/// references that are correlated as the customers are.</remarks>
public static class ClusterSearch
{
    /// <summary>Data sets without groups.</summary>
    public const int References = 20;

    /// <summary>A group that fewer are in is none.</summary>
    public const double LeastShare = 0.02;

    /// <summary>Below it, a group is not found again.</summary>
    public const double LeastStability = 0.75;

    /// <summary>
    /// Deviations above the references' mean. Of data without groups one in 21 lies above all of 20, for each k: nine in a row would find
    /// something too often.
    /// </summary>
    public const double LeastDistance = 3;

    /// <summary>Tries numbers of groups.</summary>
    /// <param name="encoding">The customers, in random order.</param>
    /// <param name="counts">Each from 2 to 12.</param>
    /// <param name="seed">Another seed, other draws.</param>
    /// <param name="report">Told how far it is, 0 to 1.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>One for each number; with stability where it is alone or it decides.</returns>
    public static IReadOnlyList<ClusterTrial> Try(
        ClusterEncoding encoding, IReadOnlyList<int> counts, int seed, Action<double>? report = null,
        CancellationToken cancellation = default)
    {
        var (points, silhouette) = (encoding.Points, new Silhouette(encoding.Points));
        var found = counts.Select(k => KMeans.Divide(points, k, seed, cancellation)).ToArray();
        var own = counts.Select((k, i) => silhouette.Mean(found[i].Labels, k)).ToArray();
        var reference = new GaussianReference(encoding, seed, cancellation);
        var others = new double[counts.Count][];
        for (var r = 0; r < References; r++)
        {
            var drawn = reference.Draw(seed + r + 1);
            var its = new Silhouette(drawn);
            foreach (var (i, k) in counts.Index())
            {
                (others[i] ??= new double[References])[r] = its.Mean(KMeans.Divide(drawn, k, seed, cancellation).Labels, k);
            }

            report?.Invoke(0.9 * (r + 1) / References);
        }

        var trials = counts.Select((k, i) => new ClusterTrial(
            k, own[i], others[i].Average(), Deviation(others[i]), others[i].Count(o => own[i] > o), found[i])).ToList();
        var asked = trials.Where(t => counts.Count == 1 || (t.IsDistinct && t.IsLarge)).OrderByDescending(t => t.Gain).ToList();
        foreach (var trial in asked)
        {
            var measured = trial with
            {
                Stability = ClusterStability.Measure(points, trial.Clustering.Labels, trial.K, seed, cancellation),
            };
            trials[trials.IndexOf(trial)] = measured;
            if (measured.IsStable)
            {
                break;
            }
        }

        return trials;
    }

    /// <summary>The number of groups that there are; null where there are none.</summary>
    public static ClusterTrial? Choose(IEnumerable<ClusterTrial> trials) =>
        trials.Where(t => t.IsDistinct && t.IsLarge && t.IsStable).MaxBy(t => t.Gain);

    private static double Deviation(double[] values)
    {
        var mean = values.Average();
        return Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1));
    }
}
