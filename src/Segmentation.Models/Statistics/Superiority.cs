namespace Segmentation.Models.Statistics;

/// <summary>
/// How often a member's number is greater than another's: P(member > other) + ½ P(equal), the area under the ROC curve. ½: neither
/// tends to be greater.
/// </summary>
/// <param name="Value">0 to 1.</param>
/// <param name="Interval">DeLong's.</param>
/// <param name="P">Of the Mann-Whitney test, two-sided.</param>
public readonly record struct Superiority(double Value, Interval Interval, double P)
{
    /// <summary>Compares two groups.</summary>
    /// <param name="counts">For each number that occurs, from the least to the greatest: how many members and how many others have it.
    /// </param>
    /// <remarks>
    /// E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988) 837-845. H. B. Mann, D. R. Whitney, Annals of Mathematical
    /// Statistics 18 (1947) 50-60; normal, with the variance corrected for ties (E. L. Lehmann, Nonparametrics (1975), 1.4), without
    /// correction for continuity.
    /// </remarks>
    /// <returns>Null unless both groups have at least two.</returns>
    public static Superiority? Compare(IReadOnlyCollection<(long Members, long Others)> counts)
    {
        double members = 0, others = 0, ties = 0;
        foreach (var (m, o) in counts)
        {
            (members, others) = (members + m, others + o);
            ties += Cube((double)m + o);
        }

        if (members < 2 || others < 2)
        {
            return null;
        }

        // A number's place among the other group: the share of it that is below, and half of that which is equal.
        var (ofMembers, ofOthers) = (new WeightedMean(), new WeightedMean());
        double membersBelow = 0, othersBelow = 0;
        foreach (var (m, o) in counts)
        {
            ofMembers.Add((othersBelow + (o / 2.0)) / others, m);
            ofOthers.Add((members - membersBelow - (m / 2.0)) / members, o);
            (membersBelow, othersBelow) = (membersBelow + m, othersBelow + o);
        }

        var value = ofMembers.Mean;
        var error = Math.Sqrt((ofMembers.Variance / members) + (ofOthers.Variance / others));
        var all = members + others;
        var deviation = Math.Sqrt((all + 1 - (ties / (all * (all - 1)))) / (12 * members * others));
        return new Superiority(value, Interval.Around(value, error).Within(0, 1), Tails.Normal((value - 0.5) / deviation));

        static double Cube(double t) => (t * t * t) - t;
    }

    // B. P. Welford, Technometrics 4 (1962) 419-420, with weights that count.
    private struct WeightedMean
    {
        private double count, squares;

        public double Mean { get; private set; }

        public readonly double Variance => squares / (count - 1);

        public void Add(double value, double weight)
        {
            if (weight > 0)
            {
                count += weight;
                var before = value - Mean;
                Mean += before * weight / count;
                squares += weight * before * (value - Mean);
            }
        }
    }
}
