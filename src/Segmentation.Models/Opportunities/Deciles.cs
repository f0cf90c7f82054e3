namespace Segmentation.Models.Opportunities;

/// <summary>Where numbers are cut.</summary>
public static class Deciles
{
    /// <summary>
    /// Where the deciles begin: the least number up to which a tenth of them lies, two tenths, … In order, without repetition, and without
    /// the least number of all, below which there is none.
    /// </summary>
    /// <param name="sorted">The numbers, from the least on.</param>
    public static IReadOnlyList<double> Find(double[] sorted) => sorted.Length == 0
        ? []
        : [
            .. Enumerable.Range(1, 9).Select(tenth => sorted[(((long)tenth * sorted.Length) + 9) / 10 - 1])
                .Where(n => n > sorted[0]).Distinct(),
        ];
}
