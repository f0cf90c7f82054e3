namespace Segmentation.Models.Statistics;

/// <summary>A mean over a group's members, those without anything included as 0.</summary>
/// <param name="Size">How many they are; in a period of changing membership, how many on average.</param>
/// <param name="Mean">Their mean.</param>
/// <param name="Variance">The sample's variance (divided by <paramref name="Size"/> - 1).</param>
public readonly record struct MeanEstimate(double Size, double Mean, double Variance)
{
    private double SquaredError => Variance / Size;

    /// <summary>From sums over the members.</summary>
    public static MeanEstimate FromSums(double size, double sum, double sumOfSquares)
    {
        var mean = sum / size;
        return new(size, mean, size > 1 ? Math.Max(0, (sumOfSquares - (sum * mean)) / (size - 1)) : 0);
    }

    /// <summary>The normal interval; null for fewer than two, of whom nothing can be told.</summary>
    public Interval? Interval() => Size < 2 ? null : Statistics.Interval.Around(Mean, Math.Sqrt(SquaredError));

    /// <summary>The normal interval of the difference to another group's mean, whose variance may be another (B. L. Welch, Biometrika 34
    /// (1947) 28-35); null where either is of fewer than two.</summary>
    public Interval? DifferenceInterval(MeanEstimate than) => Size < 2 || than.Size < 2
        ? null
        : Statistics.Interval.Around(Mean - than.Mean, Math.Sqrt(SquaredError + than.SquaredError));
}
