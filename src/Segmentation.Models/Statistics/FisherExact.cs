namespace Segmentation.Models.Statistics;

/// <summary>Fisher's exact test of a table of two by two.</summary>
/// <remarks>R. A. Fisher, Statistical Methods for Research Workers, 5th ed. (1934), section 21.02. Two-sided: the probability of all tables
/// with the same margins that are no likelier than the one seen.</remarks>
internal static class FisherExact
{
    // Tables as likely as the one seen count; what they are reckoned to differs in the last digits.
    private const double Tolerance = 1 + 1e-7;

    /// <summary>The p-value, 0 to 1.</summary>
    /// <param name="k1">Those of <paramref name="n1"/> who have it.</param>
    /// <param name="k0">Those of <paramref name="n0"/> who have it.</param>
    public static double P(long k1, long n1, long k0, long n0)
    {
        var with = k1 + k0;
        var (least, most) = (Math.Max(0, with - n0), Math.Min(with, n1));

        // From the likeliest table on, each by its quotient with its neighbor: no factorials, and nothing overflows.
        var mode = Math.Clamp((long)((with + 1.0) * (n1 + 1.0) / (n1 + n0 + 2.0)), least, most);
        var weights = new double[most - least + 1];
        weights[mode - least] = 1;
        for (var k = mode; k < most; k++)
        {
            weights[k + 1 - least] = weights[k - least] * ((double)(with - k) * (n1 - k)) / ((k + 1.0) * (n0 - with + k + 1.0));
        }

        for (var k = mode; k > least; k--)
        {
            weights[k - 1 - least] = weights[k - least] * (k * (double)(n0 - with + k)) / ((with - k + 1.0) * (n1 - k + 1.0));
        }

        var seen = weights[k1 - least] * Tolerance;
        return Tails.Clean(weights.Where(w => w <= seen).Sum() / weights.Sum());
    }
}
