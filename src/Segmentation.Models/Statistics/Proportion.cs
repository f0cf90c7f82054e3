namespace Segmentation.Models.Statistics;

/// <summary>How many of a group have something.</summary>
/// <param name="Count">Those who have it: 0 to <paramref name="Size"/>.</param>
/// <param name="Size">All of them, more than 0.</param>
public readonly record struct Proportion(double Count, double Size)
{
    /// <summary>Their share, 0 to 1.</summary>
    public double Share => Count / Size;

    /// <summary>Wilson's score interval, which stays between 0 and 1 and does not shrink to a point at either end.</summary>
    /// <remarks>E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927) 209-212; method 3 of
    /// R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872.</remarks>
    public Interval Interval()
    {
        const double z2 = Statistics.Interval.Z * Statistics.Interval.Z;
        var middle = Count + (z2 / 2);
        var spread = Statistics.Interval.Z * Math.Sqrt((Count * (Size - Count) / Size) + (z2 / 4));
        var interval = new Interval((middle - spread) / (Size + z2), (middle + spread) / (Size + z2));

        // What is exact in the formula is rounded in its reckoning.
        return new Interval(Count == 0 ? 0 : interval.Low, Count == Size ? 1 : interval.High).Within(0, 1);
    }
}
