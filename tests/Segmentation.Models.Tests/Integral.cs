namespace Segmentation.Models.Tests;

/// <summary>A second way to probabilities: their densities, summed up.</summary>
internal static class Integral
{
    /// <summary>P(|Z| ≥ z) of a standard normal variable, by Simpson's rule.</summary>
    public static double NormalTails(double z)
    {
        const int steps = 20_000;
        var width = (40 - z) / steps;
        var sum = Enumerable.Range(0, steps + 1).Sum(i =>
            (i is 0 or steps ? 1 : i % 2 == 1 ? 4 : 2) * Math.Exp(-Math.Pow(z + (i * width), 2) / 2));
        return 2 * sum * width / 3 / Math.Sqrt(2 * Math.PI);
    }
}
