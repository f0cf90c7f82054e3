namespace Segmentation.Models.Statistics;

/// <summary>The numbers of one group beside those of another that has nobody in common with it.</summary>
/// <param name="counts">For each number that occurs, from the least to the greatest: how many members and how many others have it.</param>
public sealed class NumberComparison(IReadOnlyList<(double Value, long Members, long Others)> counts)
{
    /// <summary>The members' numbers; null where nobody has one.</summary>
    public NumberSummary? Members { get; } = NumberSummary.Summarize(counts, c => c.Members);

    /// <summary>The others' numbers; null where nobody has one.</summary>
    public NumberSummary? Others { get; } = NumberSummary.Summarize(counts, c => c.Others);

    /// <summary>The least number; null where there is none.</summary>
    public double? Least { get; } = counts.Count == 0 ? null : counts[0].Value;

    /// <summary>Whether everybody who has a number has the same.</summary>
    public bool IsConstant => counts.Count < 2;

    /// <summary>How often a member's is the greater; null unless both groups have two numbers.</summary>
    public Superiority? Superiority() => Statistics.Superiority.Compare([.. counts.Select(c => (c.Members, c.Others))]);

    /// <summary>
    /// Where the others' deciles begin: the least of their numbers up to which a tenth of them lies, two tenths, … In order, without
    /// repetition, and without the least number of all, below which there is nobody.
    /// </summary>
    public IReadOnlyList<double> FindDeciles()
    {
        List<double> deciles = [];
        if (Others is not { Count: var all })
        {
            return deciles;
        }

        long below = 0;
        var tenth = 1;
        foreach (var (value, _, others) in counts)
        {
            below += others;
            var before = tenth;
            while (tenth < 10 && below * 10 >= tenth * all)
            {
                tenth++;
            }

            if (tenth > before && value > counts[0].Value)
            {
                deciles.Add(value);
            }
        }

        return deciles;
    }

    /// <summary>How many lie between bounds: below the first, from each to the next, and from the last on.</summary>
    /// <param name="bounds">In order, without repetition.</param>
    public IReadOnlyList<(long Members, long Others)> CountBetween(IReadOnlyList<double> bounds)
    {
        var between = new (long Members, long Others)[bounds.Count + 1];
        var at = 0;
        foreach (var (value, members, others) in counts)
        {
            while (at < bounds.Count && value >= bounds[at])
            {
                at++;
            }

            between[at] = (between[at].Members + members, between[at].Others + others);
        }

        return between;
    }

    /// <summary>
    /// Of all runs of neighbors, but for all of them together, the one that tells most about which of the groups somebody is of
    /// (<see cref="ProportionComparison.Information"/>). Of a run and the rest, which tell the same, the one that more members are in.
    /// </summary>
    /// <param name="between">What <see cref="CountBetween"/> found.</param>
    /// <param name="members">All members, those without a number too.</param>
    /// <param name="others">All others, likewise.</param>
    /// <returns>The first and the last of the run; null where there is only one.</returns>
    public static (int First, int Last, ProportionComparison Comparison)? FindMostTelling(
        IReadOnlyList<(long Members, long Others)> between, long members, long others)
    {
        (int First, int Last, ProportionComparison Comparison)? best = null;
        for (var first = 0; first < between.Count; first++)
        {
            var (m, o) = (0L, 0L);
            for (var last = first; last < between.Count; last++)
            {
                (m, o) = (m + between[last].Members, o + between[last].Others);
                var found = new ProportionComparison(new(m, members), new(o, others));
                if (last - first + 1 < between.Count && (best is not { Comparison: var before } || IsBetter(found, before)))
                {
                    best = (first, last, found);
                }
            }
        }

        return best;

        // What is equal in the formula differs in the last digits.
        static bool IsBetter(ProportionComparison found, ProportionComparison before)
        {
            var (more, margin) = (found.Information - before.Information, 1e-9 * before.Information);
            return more > margin || (more >= -margin && found.Difference > 0 && before.Difference <= 0);
        }
    }
}

/// <summary>What a group's numbers are like.</summary>
/// <param name="Count">How many there are.</param>
/// <param name="Mean">Their mean.</param>
/// <param name="LowerQuartile">A quarter of them lies below.</param>
/// <param name="Median">Half of them lies below.</param>
/// <param name="UpperQuartile">A quarter of them lies above.</param>
/// <remarks>Quartiles by linear interpolation between neighbors: definition 7 of R. J. Hyndman, Y. Fan, The American Statistician 50 (1996)
/// 361-365, which SQL calls <c>percentile_cont</c>.</remarks>
public readonly record struct NumberSummary(long Count, double Mean, double LowerQuartile, double Median, double UpperQuartile)
{
    /// <summary>The same in another unit.</summary>
    public NumberSummary Scale(double by) => new(Count, Mean * by, LowerQuartile * by, Median * by, UpperQuartile * by);

    internal static NumberSummary? Summarize(
        IReadOnlyList<(double Value, long Members, long Others)> counts, Func<(double Value, long Members, long Others), long> count)
    {
        var all = counts.Sum(count);
        if (all == 0)
        {
            return null;
        }

        var mean = 0.0;
        long seen = 0;
        foreach (var c in counts.Where(c => count(c) > 0))
        {
            seen += count(c);
            mean += (c.Value - mean) * count(c) / seen;
        }

        return new(all, mean, Quantile(0.25), Quantile(0.5), Quantile(0.75));

        double Quantile(double share)
        {
            var place = share * (all - 1);
            var lower = (long)Math.Floor(place);
            var (low, high) = (At(lower), At(Math.Min(lower + 1, all - 1)));
            return low + ((high - low) * (place - lower));
        }

        double At(long place)
        {
            foreach (var c in counts)
            {
                place -= count(c);
                if (place < 0)
                {
                    return c.Value;
                }
            }

            return counts[^1].Value;
        }
    }
}
