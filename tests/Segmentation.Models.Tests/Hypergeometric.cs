using MathNet.Numerics;

namespace Segmentation.Models.Tests;

/// <summary>₂F₁(a, b; c; z), as its books define it.</summary>
internal static class Hypergeometric
{
    public static double Series(double a, double b, double c, double z)
    {
        double term = 1, sum = 1;
        for (var n = 0; n < 1_000_000 && Math.Abs(term) > 1e-17 * Math.Abs(sum); n++)
        {
            term *= (a + n) / (c + n) * (b + n) / (n + 1) * z;
            sum += term;
        }

        return sum;
    }

    /// <summary>Euler's integral, for c > b.</summary>
    public static double Integral(double a, double b, double c, double z)
    {
        const int steps = 20_000;
        var width = 40 / Math.Min(1, Math.Min(b, c - b));
        var scale = Math.Exp(-SpecialFunctions.BetaLn(b, c - b));
        double sum = 0;
        for (var i = 0; i < steps; i++)
        {
            // t = 1 / (1 + e^-s): the trapezoidal rule over s.
            var s = -width + (2 * width * (i + 0.5) / steps);
            var (t, rest) = (1 / (1 + Math.Exp(-s)), 1 / (1 + Math.Exp(s)));
            sum += Math.Pow(t, b) * Math.Pow(rest, c - b) * Math.Pow(1 - (z * t), -a);
        }

        return c > b ? scale * sum * 2 * width / steps : double.NaN;
    }
}
