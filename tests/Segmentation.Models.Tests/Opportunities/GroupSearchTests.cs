using Segmentation.Models.Opportunities;
using Segmentation.Models.Propensities;

namespace Segmentation.Models.Tests.Opportunities;

/// <summary>The search against one of every group, what is planted, and what is found where there is nothing.</summary>
public sealed class GroupSearchTests
{
    [Theory]
    [InlineData(1, false, GroupDirection.Both)]
    [InlineData(2, false, GroupDirection.Both)]
    [InlineData(2, false, GroupDirection.High)]
    [InlineData(2, false, GroupDirection.Low)]
    [InlineData(2, true, GroupDirection.Both)]
    [InlineData(2, true, GroupDirection.Low)]
    public void Search_FindsWhatJudgingEveryGroupFinds(int conditions, bool isSum, GroupDirection direction)
    {
        for (var run = 0; run < 20; run++)
        {
            var world = new GroupWorld(seed: run, customers: 400, conditions: 24, isSum);
            var settings = new GroupSettings(conditions, 15, 12, direction);
            var search = new GroupSearch(world.Bits, world.Halves, world.Outcome, settings);
            var found = search.Search();
            var right = world.SearchAll(settings);
            Assert.Equal(right.Select(g => string.Join(',', g.Conditions)), found.Select(g => string.Join(',', g.Conditions)));
            Assert.Equal(right.Select(g => g.Size), found.Select(g => g.Size));
            Assert.All(right.Zip(found), pair => Assert.Equal(pair.First.Quality, pair.Second.Quality, 9));
            Assert.Equal(conditions == 1 ? 24 : 24 + (24 * 23 / 2), search.Searched);
        }
    }

    [Fact]
    public void ThreeConditions_AreFound_WhereEachNarrowsTheGroup()
    {
        var world = new GroupWorld(seed: 1, customers: 20_000, conditions: 30, isSum: false, planted: [3, 11, 20], strength: 0.4);
        var settings = new GroupSettings(3, 5, 50, GroupDirection.High);
        Assert.Equal([3, 11, 20], new GroupSearch(world.Bits, world.Halves, world.Outcome, settings).Search()[0].Conditions);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Planted_IsFoundAndConfirmed_AtItsStrength(bool isSum)
    {
        var holds = 0;
        for (var run = 0; run < 40; run++)
        {
            var world = new GroupWorld(run, customers: 8_000, conditions: 60, isSum, planted: [7, 31], strength: 0.3);
            var found = world.Test(new GroupSettings(2, 20, 50, GroupDirection.Both));
            var tested = found.Single(g => g.Group.Conditions is [7, 31]).Tested;
            Assert.True(tested.IsConfirmed);
            holds += tested.Interval.Low <= world.PlantedMean && world.PlantedMean <= tested.Interval.High ? 1 : 0;
        }

        // What was found is judged by others: the interval holds the truth as often as it says, which the half that was searched can't.
        Assert.InRange(holds, 35, 40);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void OverNoise_AtMostOneSearchInTwentyConfirmsAnything(bool isSum)
    {
        var withFindings = Enumerable.Range(0, 200).Count(run =>
            new GroupWorld(1000 + run, customers: 2_000, conditions: 60, isSum)
                .Test(new GroupSettings(2, 20, 25, GroupDirection.Both)).Any(g => g.Tested.IsConfirmed));
        Assert.InRange(withFindings, 0, 16);
    }

    [Fact]
    public void SameCustomersByAnotherWay_AreTheSameHalves()
    {
        string[] ids = [.. Enumerable.Range(0, 1000).Select(i => $"customer-{i}")];
        double[] Shares(IEnumerable<string> of, int seed) => [.. of.Select(id => CustomerHash.Share(seed, id))];
        var forward = new CustomerHalves([.. Enumerable.Range(0, 1000)], Shares(ids, 1));
        var backward = new CustomerHalves([.. Enumerable.Range(0, 1000).Select(i => 5000L + i)], Shares(ids.Reverse(), 1));
        Assert.All(Enumerable.Range(0, 1000), i => Assert.Equal(forward.Find(i), backward.Find(5999 - i)));
        var other = new CustomerHalves([.. Enumerable.Range(0, 1000)], Shares(ids, 2));
        Assert.InRange(forward.First, 440, 560);
        Assert.NotEqual(forward.First, other.First);

        // Nobody is in both, everybody in one.
        var places = Enumerable.Range(0, 1000).Select(i => forward.Find(i)).ToHashSet();
        Assert.Equal(1000, places.Count);
        Assert.Equal(forward.First, places.Count(p => p < forward.FirstWords * CustomerHalves.WordSize));
        Assert.Equal(1000, BitSets.Count(forward.CreateAll()));
        Assert.Equal(-1, forward.Find(1000));
    }

    [Fact]
    public void LargeNumbers_AreLowered_SoThatOneOrderMakesNoGroup()
    {
        var values = Enumerable.Range(0, 1000).Select(i => i % 2 == 0 ? 0.0 : i).ToArray();
        values[1] = 1e9;
        values[3] = -1e9;
        var outcome = Outcome.FromValues(values);
        var lowered = outcome.Winsorize(0.995, values.Length);
        ulong[] all = [.. Enumerable.Repeat(ulong.MaxValue, 15), (1UL << 40) - 1];
        Assert.Equal(values.Sum(), outcome.Sum(all), 3);

        // Of 500 that are not 0, the greatest but two is the cap; what is low stays.
        Assert.Equal(values.Select(v => Math.Min(v, 997)).Sum(), lowered.Sum(all), 3);
        var mean = values.Average();
        Assert.Equal(mean, outcome.Estimate(all).Mean, 6);
        Assert.Equal(values.Sum(v => (v - mean) * (v - mean)) / 999 / 1e12, outcome.Estimate(all).Variance / 1e12, 6);
        var shares = new Outcome(all);
        Assert.Same(shares, shares.Winsorize(0.995, values.Length));
    }

    [Fact]
    public void Deciles_AreTheLeastNumbersUpToWhichATenthLies()
    {
        Assert.Equal([2, 3, 4, 5, 6, 7, 8, 9], Deciles.Find([.. Enumerable.Range(1, 10).Select(i => (double)i)]));
        Assert.Equal([1], Deciles.Find([0, 0, 0, 0, 0, 0, 0, 0, 1, 1]));
        Assert.Equal([], Deciles.Find([4, 4, 4]));
        Assert.Equal([], Deciles.Find([]));
    }
}
