using Segmentation.Models.Statistics;

namespace Segmentation.Models.Tests;

/// <summary>Numbers of two groups compared: against every pair, and every way to divide them.</summary>
public sealed class SuperiorityTests
{
    // Placements pair by pair, as the paper defines them.
    [Fact]
    public void Compare_EqualsAllPairs()
    {
        var random = new Random(2);
        for (var run = 0; run < 300; run++)
        {
            var range = random.Next(1, 12);
            var members = Draw(random.Next(2, 30), range);
            var others = Draw(random.Next(2, 30), range);
            var found = Superiority.Compare(Count(members, others))!.Value;
            var ofMembers = members.Select(m => others.Average(o => Psi(m, o))).ToList();
            var ofOthers = others.Select(o => members.Average(m => Psi(m, o))).ToList();
            Assert.Equal(ofMembers.Average(), found.Value, 10);
            var error = Math.Sqrt((Variance(ofMembers) / members.Length) + (Variance(ofOthers) / others.Length));
            Assert.Equal(Math.Max(0, found.Value - (1.96 * error)), found.Interval.Low, 10);
            Assert.Equal(Math.Min(1, found.Value + (1.96 * error)), found.Interval.High, 10);
        }

        int[] Draw(int count, int range) => [.. Enumerable.Range(0, count).Select(_ => random.Next(range))];

        static double Psi(int member, int other) => member > other ? 1 : member == other ? 0.5 : 0;

        static double Variance(List<double> values) =>
            values.Sum(v => Math.Pow(v - values.Average(), 2)) / (values.Count - 1);
    }

    // If the groups are drawn from one heap, every division of it is as likely: their variance is the test's, ties and all.
    [Fact]
    public void MannWhitney_HasTheVarianceOfAllDivisions()
    {
        int[] heap = [1, 1, 1, 2, 3, 3, 5, 8, 8, 9];
        const int members = 4;
        var divisions = Enumerable.Range(0, 1 << heap.Length).Where(mask => int.PopCount(mask) == members)
            .Select(mask => (Members: Pick(mask, true), Others: Pick(mask, false))).ToList();
        var values = divisions.Select(d => Superiority.Compare(Count(d.Members, d.Others))!.Value).ToList();
        var deviation = Math.Sqrt(values.Average(v => Math.Pow(v.Value - 0.5, 2)));
        Assert.Equal(0.5, values.Average(v => v.Value), 12);
        foreach (var value in values)
        {
            var z = Math.Abs(value.Value - 0.5) / deviation;
            Assert.Equal(Integral.NormalTails(z), value.P, 1e-9);
        }

        int[] Pick(int mask, bool set) => [.. heap.Where((_, i) => (mask >> i & 1) == 1 == set)];
    }

    [Fact]
    public void Compare_AllEqual_IsNoDifference()
    {
        var found = Superiority.Compare([(30, 40)])!.Value;
        Assert.Equal((0.5, 1.0), (found.Value, found.P));
        Assert.Equal(new Interval(0.5, 0.5), found.Interval);
        Assert.Null(Superiority.Compare([(1, 40)]));
        Assert.Null(Superiority.Compare([]));
    }

    [Fact]
    public void Compare_Apart_IsOneOrZero()
    {
        Assert.Equal(1, Superiority.Compare([(0, 50), (60, 0)])!.Value.Value);
        Assert.Equal(0, Superiority.Compare([(60, 0), (0, 50)])!.Value.Value);
        Assert.InRange(Superiority.Compare([(0, 50), (60, 0)])!.Value.P, 0, 1e-15);
    }

    private static (long, long)[] Count(int[] members, int[] others) =>
        [.. members.Concat(others).Distinct().Order().Select(v => ((long)members.Count(m => m == v), (long)others.Count(o => o == v)))];
}
