using MathNet.Numerics.Distributions;
using MathNet.Numerics.Random;

namespace Segmentation.Models.Clusters;

/// <summary>Normal numbers, fast: by a table, and drawn from a seed, the same on every machine.</summary>
internal static class NormalNumbers
{
    private const double Least = -6;
    private const int StepsOfOne = 512;

    private static readonly float[] Shares =
        [.. Enumerable.Range(0, (2 * 6 * StepsOfOne) + 2).Select(i => (float)Normal.CDF(0, 1, Least + ((double)i / StepsOfOne)))];

    /// <summary>Which share of normal numbers is smaller: to six digits.</summary>
    public static double Share(float normal)
    {
        var place = Math.Clamp((normal - Least) * StepsOfOne, 0, Shares.Length - 2);
        var below = (int)place;
        return Shares[below] + ((Shares[below + 1] - Shares[below]) * (place - below));
    }

    /// <summary>The number that a share of them is smaller than, finite for 0 and 1 too.</summary>
    public static double Quantile(double share) => Normal.InvCDF(0, 1, Math.Clamp(share, 1e-9, 1 - 1e-9));

    /// <summary>Independent ones.</summary>
    public static float[] Draw(int count, Random random)
    {
        var numbers = new double[count];
        Normal.Samples(random, numbers, 0, 1);
        return Array.ConvertAll(numbers, n => (float)n);
    }

    /// <summary>A generator for a seed and a use of it.</summary>
    public static Random Create(int seed, int use) => new Xoshiro256StarStar(HashCode(seed, use), threadSafe: false);

    // Seeds that differ in a bit begin far from each other.
    private static int HashCode(int seed, int use) => unchecked(((seed * 0x5BD1E995) ^ (use * 0x1B873593)) + (use << 13));
}
