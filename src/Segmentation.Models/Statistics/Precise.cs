namespace Segmentation.Models.Statistics;

/// <summary>Functions that keep all digits near 0, which those of <see cref="Math"/> lose.</summary>
/// <remarks>W. Kahan's way: what rounding does to 1 + x, or to e^x, is done to both sides of a quotient.</remarks>
internal static class Precise
{
    /// <summary>ln(1 + x), of x above -1.</summary>
    public static double Log1p(double x)
    {
        var sum = 1 + x;
        return sum == 1 || double.IsInfinity(sum) ? (sum == 1 ? x : Math.Log(x)) : Math.Log(sum) * (x / (sum - 1));
    }

    /// <summary>e^x - 1.</summary>
    public static double Expm1(double x)
    {
        var power = Math.Exp(x);
        return power == 1 ? x : power - 1 == -1 || double.IsInfinity(power) ? power - 1 : (power - 1) * (x / Math.Log(power));
    }

    /// <summary>ln(1 + e^x).</summary>
    public static double SoftPlus(double x) => x > 0 ? x + Log1p(Math.Exp(-x)) : Log1p(Math.Exp(x));
}
