namespace Segmentation.Models.Statistics;

/// <summary>Corrects p-values for how many tests there were: of many, some are small by chance.</summary>
public static class MultipleTests
{
    /// <summary>
    /// The q-value of each: among all tests with a q up to it, the share of false findings is expected to be no more than it.
    /// </summary>
    /// <param name="p">The p-values, 0 to 1, in any order.</param>
    /// <returns>In the same order.</returns>
    /// <remarks>Y. Benjamini, Y. Hochberg, Journal of the Royal Statistical Society B 57 (1995) 289-300.</remarks>
    public static double[] BenjaminiHochberg(IReadOnlyList<double> p)
    {
        var adjusted = new double[p.Count];
        var least = 1.0;
        foreach (var (i, rank) in Ranked(p).Reverse())
        {
            adjusted[i] = least = Math.Min(least, p[i] * p.Count / rank);
        }

        return adjusted;
    }

    /// <summary>The adjusted p-value of each: rejecting those up to 0.05, one false rejection or more comes in one of twenty families.
    /// </summary>
    /// <param name="p">The p-values, 0 to 1, in any order.</param>
    /// <returns>In the same order.</returns>
    /// <remarks>S. Holm, Scandinavian Journal of Statistics 6 (1979) 65-70.</remarks>
    public static double[] Holm(IReadOnlyList<double> p)
    {
        var adjusted = new double[p.Count];
        var greatest = 0.0;
        foreach (var (i, rank) in Ranked(p))
        {
            adjusted[i] = greatest = Math.Max(greatest, Math.Min(1, p[i] * (p.Count - rank + 1)));
        }

        return adjusted;
    }

    // From the least on; ranks begin with 1.
    private static IEnumerable<(int Index, int Rank)> Ranked(IReadOnlyList<double> p) =>
        Enumerable.Range(0, p.Count).OrderBy(i => p[i]).Select((index, before) => (index, before + 1));
}
