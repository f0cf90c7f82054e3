namespace Segmentation.Models.Statistics;

/// <summary>The test behind a p-value; of a share of numbers, that of the numbers.</summary>
public enum ProportionTest { ChiSquare, FisherExact, MannWhitney }

/// <summary>How much more often one group has something than another that has nobody in common with it.</summary>
/// <param name="Members">The one group.</param>
/// <param name="Others">The other.</param>
public readonly record struct ProportionComparison(Proportion Members, Proportion Others)
{
    /// <summary>The least expected count of a cell from which Pearson's test is trusted.</summary>
    private const double LeastExpected = 5;

    /// <summary>The difference of the shares, -1 to 1.</summary>
    public double Difference => Members.Share - Others.Share;

    /// <summary>Newcombe's interval of the difference, from Wilson's of both shares.</summary>
    /// <remarks>Method 10 of R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
    /// Medicine 17 (1998) 873-890.</remarks>
    public Interval DifferenceInterval()
    {
        var (p, q) = (Members.Share, Others.Share);
        var (of, than) = (Members.Interval(), Others.Interval());
        return new Interval(
            Difference - Length(p - of.Low, than.High - q), Difference + Length(of.High - p, q - than.Low)).Within(-1, 1);

        static double Length(double a, double b) => Math.Sqrt((a * a) + (b * b));
    }

    /// <summary>The quotient of the shares; 0 if no member has it, null if no other has.</summary>
    public double? Lift => Others.Count == 0 ? null : Members.Share / Others.Share;

    /// <summary>Katz's interval of the lift; null where a count is 0.</summary>
    /// <remarks>D. Katz et al., "Obtaining confidence intervals for the risk ratio in cohort studies", Biometrics 34 (1978) 469-474.
    /// </remarks>
    public Interval? LiftInterval()
    {
        if (Members.Count == 0 || Lift is not { } lift)
        {
            return null;
        }

        var error = Math.Sqrt((1 / Members.Count) - (1 / Members.Size) + (1 / Others.Count) - (1 / Others.Size));
        var logarithm = Interval.Around(Math.Log(lift), error);
        return new Interval(Math.Exp(logarithm.Low), Math.Exp(logarithm.High));
    }

    /// <summary>Cohen's h, -π to π: how far the shares lie apart, alike for all shares.</summary>
    /// <remarks>J. Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd ed. (1988), chapter 6.</remarks>
    public double Effect => (2 * Math.Asin(Math.Sqrt(Members.Share))) - (2 * Math.Asin(Math.Sqrt(Others.Share)));

    /// <summary>
    /// Bits: what an observation tells about which of the groups somebody is of, the Kullback-Leibler divergence of the shares with half a
    /// customer added to either answer. It weighs how many have it and how much more often.
    /// </summary>
    public double Information
    {
        get
        {
            var (p, q) = (Smooth(Members), Smooth(Others));
            return (p * Math.Log2(p / q)) + ((1 - p) * Math.Log2((1 - p) / (1 - q)));

            static double Smooth(Proportion of) => (of.Count + 0.5) / (of.Size + 1);
        }
    }

    /// <summary>Whether the shares differ by more than chance would have it: the test, and its two-sided p, 0 to 1.</summary>
    /// <remarks>Pearson's χ² without correction where every cell is expected to have 5 or more, else Fisher's exact test.</remarks>
    public (ProportionTest Test, double P) Test()
    {
        var (n1, n0) = (Members.Size, Others.Size);
        var (with, all) = (Members.Count + Others.Count, n1 + n0);
        var without = all - with;
        return Math.Min(n1, n0) * Math.Min(with, without) / all >= LeastExpected
            ? (ProportionTest.ChiSquare, Pearson(n1, n0, with, without))
            : (ProportionTest.FisherExact, FisherExact.P((long)Members.Count, (long)n1, (long)Others.Count, (long)n0));
    }

    // K. Pearson, Philosophical Magazine 50 (1900) 157-175. With one degree of freedom, χ is normal.
    private double Pearson(double n1, double n0, double with, double without)
    {
        var difference = (Members.Count * n0) - (Others.Count * n1);
        return Tails.Normal(difference / Math.Sqrt(n1 * n0 / (n1 + n0) * with * without));
    }
}
