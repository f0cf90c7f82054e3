namespace Segmentation.Models.Statistics;

/// <summary>A quotient of two totals over the same members: revenue by orders.</summary>
/// <param name="Value">The quotient.</param>
/// <param name="Interval">By the delta method, which knows that a member's two numbers go together; null for fewer than two.</param>
public readonly record struct RatioEstimate(double Value, Interval? Interval)
{
    /// <summary>From sums over the members of x (below) and y (above).</summary>
    /// <remarks>W. G. Cochran, Sampling Techniques, 3rd ed. (1977), 6.3: the variance of Σy/Σx is that of y - (Σy/Σx) x, over
    /// n x̄².</remarks>
    /// <returns>Null where the sum of x is 0.</returns>
    public static RatioEstimate? FromSums(double size, double sumX, double sumY, double sumXX, double sumYY, double sumXY)
    {
        if (sumX == 0)
        {
            return null;
        }

        var ratio = sumY / sumX;
        if (size < 2)
        {
            return new(ratio, null);
        }

        // The residuals' mean is 0 by the ratio's making.
        var residuals = Math.Max(0, sumYY - (2 * ratio * sumXY) + (ratio * ratio * sumXX));
        var meanX = sumX / size;
        return new(ratio, Statistics.Interval.Around(ratio, Math.Sqrt(residuals / (size - 1) / size) / Math.Abs(meanX)));
    }
}
