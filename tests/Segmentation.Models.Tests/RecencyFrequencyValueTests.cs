namespace Segmentation.Models.Tests;

/// <summary>RFM scores: by their definition, customer by customer.</summary>
public sealed class RecencyFrequencyValueTests
{
    [Fact]
    public void Thresholds_GiveEveryoneTheScoreOfTheDefinition()
    {
        var random = new Random(5);
        for (var run = 0; run < 500; run++)
        {
            var range = random.Next(1, 30);
            var values = Enumerable.Range(0, random.Next(1, 60)).Select(_ => random.Next(range) * random.Next(1, 3)).ToList();
            var thresholds = RecencyFrequencyValue.FindThresholds(
                [.. values.GroupBy(v => v).OrderBy(g => g.Key).Select(g => (g.Key, (long)g.Count()))]);
            Assert.Equal(thresholds.Where(t => t is not null).Order(), thresholds.Where(t => t is not null));
            foreach (var value in values)
            {
                Assert.Equal(
                    1 + (5 * values.Count(v => v < value) / values.Count), RecencyFrequencyValue.Score(value, thresholds));
            }
        }
    }

    [Fact]
    public void Ties_SkipScores()
    {
        // Three of four have 1: the fourth's score is 1 + ⌊5 × 3 / 4⌋ = 4, and nobody has 2 or 3.
        Assert.Equal([7, 7, 7, null], RecencyFrequencyValue.FindThresholds([(1, 3), (7, 1)]));
        Assert.Equal([null, null, null, null], RecencyFrequencyValue.FindThresholds([(1, 3)]));
        Assert.Equal([2, 3, 4, 5], RecencyFrequencyValue.FindThresholds([(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]));
    }

    [Fact]
    public void EachCell_HasOneName()
    {
        var names = Enumerable.Range(1, 5).SelectMany(r => Enumerable.Range(1, 5).Select(fm => RecencyFrequencyValue.Name(r, fm))).ToList();
        Assert.Equal(Enum.GetValues<RfmGroup>().Order(), names.Distinct().Order());
        Assert.Equal(RfmGroup.Champions, RecencyFrequencyValue.Name(5, 5));
        Assert.Equal(RfmGroup.NewCustomers, RecencyFrequencyValue.Name(5, 1));
        Assert.Equal(RfmGroup.Loyal, RecencyFrequencyValue.Name(4, 3));
        Assert.Equal(RfmGroup.CantLose, RecencyFrequencyValue.Name(1, 4));
        Assert.Equal(RfmGroup.Lost, RecencyFrequencyValue.Name(1, 1));
        Assert.Equal([1, 2, 3, 3, 4, 5], [Combine(1, 1), Combine(1, 2), Combine(3, 3), Combine(2, 3), Combine(3, 4), Combine(5, 5)]);

        static int Combine(int f, int m) => RecencyFrequencyValue.Combine(f, m);
    }
}
