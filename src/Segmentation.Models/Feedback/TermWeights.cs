namespace Segmentation.Models.Feedback;

/// <summary>How often a word occurs on two sides, and in what both come from.</summary>
/// <param name="Positive">On the one side.</param>
/// <param name="Negative">On the other.</param>
/// <param name="Background">In all that both are taken from: at least the sum of the two.</param>
public readonly record struct TermCount(long Positive, long Negative, long Background);

/// <summary>
/// How much more a word is used on one side than on the other: the log-odds ratio with an informative Dirichlet prior, in standard errors.
/// Rare words are drawn to the prior, and what everybody says weighs nothing.
/// </summary>
/// <remarks>B. L. Monroe, M. P. Colaresi, K. M. Quinn, "Fightin' Words", Political Analysis 16 (2008) 372-403, equations 16, 18, 22 and
/// 23. The prior of a word is its count in the background, α₀ their sum.</remarks>
public static class TermWeights
{
    /// <summary>The weight of each word: more than 0 for words of the positive side.</summary>
    /// <param name="terms">All words of both sides.</param>
    /// <returns>In the same order; 0 for a word that the background does not have.</returns>
    public static double[] Compare(IReadOnlyList<TermCount> terms)
    {
        double positive = terms.Sum(t => t.Positive), negative = terms.Sum(t => t.Negative), prior = terms.Sum(t => t.Background);
        return [.. terms.Select(Weigh)];

        double Weigh(TermCount term)
        {
            double a = term.Background, p = term.Positive + a, n = term.Negative + a;
            var (otherP, otherN) = (positive + prior - p, negative + prior - n);
            return a == 0 || otherP == 0 || otherN == 0
                ? 0
                : (Math.Log(p / otherP) - Math.Log(n / otherN)) / Math.Sqrt((1 / p) + (1 / n));
        }
    }
}
