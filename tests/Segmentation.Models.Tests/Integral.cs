using MathNet.Numerics;

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

    /// <summary>
    /// Integrals over customers: rates ~ gamma(r, α), chances to stop ~ beta(a, b). Both by the trapezoidal rule over ln rate and
    /// ln(p / (1 − p)), where the densities fall off at both ends.
    /// </summary>
    public static (double All, double Alive, double None, double Orders) OverCustomers(
        double r, double alpha, double a, double b, Func<double, double, (double, double, double, double)> value)
    {
        const double step = 0.04;
        double all = 0, alive = 0, none = 0, orders = 0;
        for (var u = -30 / Math.Min(1, r); u < 6; u += step)
        {
            var rate = Math.Exp(u) / alpha;
            var density = Math.Exp((r * u) - Math.Exp(u) - SpecialFunctions.GammaLn(r));
            if (density < 1e-18)
            {
                continue;
            }

            for (var s = -30 / Math.Min(1, a); s < 30; s += step * 2)
            {
                var (stop, stay) = (1 / (1 + Math.Exp(-s)), 1 / (1 + Math.Exp(s)));
                var weight = density * Math.Exp((a * Math.Log(stop)) + (b * Math.Log(stay)) - SpecialFunctions.BetaLn(a, b));
                var (x, y, z, w) = value(rate, stop);
                (all, alive, none, orders) = (all + (weight * x), alive + (weight * y), none + (weight * z), orders + (weight * w));
            }
        }

        var area = step * step * 2;
        return (all * area, alive * area, none * area, orders * area);
    }
}
