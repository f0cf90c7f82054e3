using MathNet.Numerics;

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

    /// <summary>Whether the mean differs from another group's by more than chance would have it: Welch's test, two-sided, 0 to 1; 1 where
    /// either is of fewer than two. The degrees of freedom are F. E. Satterthwaite's, Biometrics Bulletin 2 (1946) 110-114.</summary>
    public double FindP(MeanEstimate than)
    {
        if (Size < 2 || than.Size < 2)
        {
            return 1;
        }

        var (own, other) = (SquaredError, than.SquaredError);
        if (own + other == 0)
        {
            return Mean == than.Mean ? 1 : 0;
        }

        var degrees = (own + other) * (own + other) / ((own * own / (Size - 1)) + (other * other / (than.Size - 1)));
        var squared = (Mean - than.Mean) * (Mean - than.Mean) / (own + other);
        return Tails.Clean(SpecialFunctions.BetaRegularized(degrees / 2, 0.5, degrees / (degrees + squared)));
    }
}
