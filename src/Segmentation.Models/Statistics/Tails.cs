using MathNet.Numerics;

namespace Segmentation.Models.Statistics;

/// <summary>Probabilities of values at least as far out.</summary>
internal static class Tails
{
    private const double Least = 1e-300;

    /// <summary>Two-sided, of a standard normal value: P(|Z| ≥ |z|). 1 where the value is none, since nothing varies.</summary>
    public static double Normal(double z) => double.IsNaN(z) ? 1 : Clean(SpecialFunctions.Erfc(Math.Abs(z) / Math.Sqrt(2)));

    /// <summary>A p-value as it is told: at most 1, and 0 below 1e-300.</summary>
    public static double Clean(double p) => p < Least ? 0 : Math.Min(p, 1);
}
