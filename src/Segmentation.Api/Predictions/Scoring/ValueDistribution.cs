namespace Segmentation.Api.Predictions;

/// <summary>Everybody's predicted lifetime values, to find percentiles of those who are scored between two scorings of everybody.</summary>
/// <param name="sorted">They, in ascending order.</param>
internal sealed class ValueDistribution(IReadOnlyList<decimal> sorted)
{
    /// <summary>The same with some values in the place of others that it has.</summary>
    public ValueDistribution Replace(IEnumerable<decimal> before, IEnumerable<decimal> after)
    {
        decimal[] removed = [.. before.Order()], added = [.. after.Order()];
        var merged = new List<decimal>(sorted.Count + added.Length);
        var (r, a) = (0, 0);
        foreach (var value in sorted)
        {
            if (r < removed.Length && removed[r] == value)
            {
                r++;
                continue;
            }

            while (a < added.Length && added[a] <= value)
            {
                merged.Add(added[a++]);
            }

            merged.Add(value);
        }

        merged.AddRange(added.AsSpan(a));
        return new ValueDistribution(merged);
    }

    /// <summary>100 × smaller ones / (all − 1) of a value that it has, four decimals; a single one is 0.</summary>
    public decimal FindPercentile(decimal value)
    {
        var (low, high) = (0, sorted.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = sorted[middle] < value ? (middle + 1, high) : (low, middle);
        }

        return Math.Round(100m * low / Math.Max(sorted.Count - 1, 1), 4, MidpointRounding.AwayFromZero);
    }
}
