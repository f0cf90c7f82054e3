using Segmentation.Models.Statistics;

namespace Segmentation.Models.Opportunities;

/// <summary>A group beside the others, on one half.</summary>
/// <param name="Group">Its mean, or share.</param>
/// <param name="Others">That of all who are not in it.</param>
public readonly record struct GroupComparison(MeanEstimate Group, MeanEstimate Others)
{
    /// <summary>How many times as much as the others'; null where theirs is 0.</summary>
    public double? Lift => Others.Mean == 0 ? null : Group.Mean / Others.Mean;
}

/// <summary>A group tested on the half that it was not found on.</summary>
/// <param name="Comparison">What is seen there.</param>
/// <param name="Interval">The group's own, with 95 %.</param>
/// <param name="P">Two-sided: that it differs as much from the others by chance.</param>
/// <param name="AdjustedP">Corrected for all that were tested.</param>
/// <param name="IsConfirmed">Whether the corrected one is below 0.05, and it lies on the side that it was found on.</param>
public sealed record TestedGroup(GroupComparison Comparison, Interval Interval, double P, double AdjustedP, bool IsConfirmed);

/// <summary>
/// Tests groups on the half of customers that was not searched. That half knows nothing of why they were chosen, so that Holm's correction
/// for those that are tested is enough: over pure noise at most one search in twenty confirms anything.
/// </summary>
public static class GroupTest
{
    private const double MostP = 0.05;

    /// <summary>What a group is on a half.</summary>
    /// <param name="bits">The group.</param>
    /// <param name="everyone">All customers.</param>
    /// <param name="outcome">What became of them.</param>
    /// <param name="words">The half's words.</param>
    public static GroupComparison Compare(ulong[] bits, ulong[] everyone, Outcome outcome, Range words)
    {
        var (from, _) = words.GetOffsetAndLength(bits.Length);
        var others = everyone[words];
        for (var i = 0; i < others.Length; i++)
        {
            others[i] &= ~bits[from + i];
        }

        return new GroupComparison(outcome.Estimate(bits.AsSpan(words), from), outcome.Estimate(others, from));
    }

    /// <summary>Tests all that were taken.</summary>
    /// <param name="groups">What they are on the half that was not searched, each with the sign of what was found. Both sides are of two
    /// customers or more.</param>
    /// <param name="isShare">Whether the outcome is of shares.</param>
    /// <returns>In the same order.</returns>
    public static IReadOnlyList<TestedGroup> Test(IReadOnlyList<(GroupComparison Comparison, double Found)> groups, bool isShare)
    {
        double[] p = [.. groups.Select(g => FindP(g.Comparison, isShare))];
        return [.. groups.Zip(p, MultipleTests.Holm(p)).Select(t =>
        {
            var (of, than) = (t.First.Comparison.Group, t.First.Comparison.Others);
            return new TestedGroup(
                t.First.Comparison, FindInterval(of, isShare), t.Second, t.Third,
                t.Third < MostP && Math.Sign(of.Mean - than.Mean) == Math.Sign(t.First.Found));
        })];
    }

    /// <summary>The interval of a mean: Wilson's of a share, else the normal one.</summary>
    public static Interval FindInterval(MeanEstimate of, bool isShare) =>
        isShare ? ToProportion(of).Interval() : of.Interval() ?? new Interval(of.Mean, of.Mean);

    // As a profile tests; of numbers Welch's.
    private static double FindP(GroupComparison groups, bool isShare) => isShare
        ? new ProportionComparison(ToProportion(groups.Group), ToProportion(groups.Others)).Test().P
        : groups.Group.FindP(groups.Others);

    private static Proportion ToProportion(MeanEstimate of) => new(Math.Round(of.Mean * of.Size), of.Size);
}
