using Segmentation.Models.Statistics;

namespace Segmentation.Models.Tests;

/// <summary>Numbers of two groups that were counted by value: against the numbers themselves.</summary>
public sealed class NumberComparisonTests
{
    [Fact]
    public void Counts_TellWhatTheNumbersDo()
    {
        var random = new Random(5);
        for (var run = 0; run < 300; run++)
        {
            var range = random.Next(1, 40);
            double[] members = Draw(random.Next(1, 60)), others = Draw(random.Next(1, 60));
            var found = Count(members, others);
            AssertSummary(members, found.Members!.Value);
            AssertSummary(others, found.Others!.Value);
            Assert.Equal(members.Concat(others).Min(), found.Least);
            Assert.Equal(members.Concat(others).Distinct().Count() == 1, found.IsConstant);

            // A decile begins at the least number up to which so many tenths lie.
            var deciles = Enumerable.Range(1, 9).Select(k => others.Order().First(o => 10 * others.Count(x => x <= o) >= k * others.Length))
                .Distinct().Where(d => d > found.Least).ToList();
            Assert.Equal(deciles, found.FindDeciles());

            var bounds = Draw(random.Next(0, 6)).Distinct().Order().ToList();
            var between = found.CountBetween(bounds);
            Assert.Equal(bounds.Count + 1, between.Count);
            for (var i = 0; i < between.Count; i++)
            {
                var (from, to) = (i == 0 ? double.MinValue : bounds[i - 1], i == bounds.Count ? double.MaxValue : bounds[i]);
                Assert.Equal((members.Count(m => m >= from && m < to), others.Count(o => o >= from && o < to)), between[i]);
            }

            double[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(-range, range) / 4.0)];
        }
    }

    [Fact]
    public void MostTellingRun_IsTheBestOfAll()
    {
        var random = new Random(6);
        for (var run = 0; run < 200; run++)
        {
            var between = Enumerable.Range(0, random.Next(1, 9)).Select(_ => ((long)random.Next(30), (long)random.Next(30))).ToList();
            var (n1, n0) = (between.Sum(b => b.Item1) + 5, between.Sum(b => b.Item2) + 7);
            var runs = from first in Enumerable.Range(0, between.Count)
                       from count in Enumerable.Range(1, between.Count - first)
                       where count < between.Count
                       let part = between.Skip(first).Take(count).ToList()
                       select new ProportionComparison(new(part.Sum(p => p.Item1), n1), new(part.Sum(p => p.Item2), n0)).Information;
            var found = NumberComparison.FindMostTelling(between, n1, n0);
            Assert.Equal(between.Count < 2, found is null);
            if (found is var (_, _, comparison))
            {
                Assert.Equal(runs.Max(), comparison.Information, 8);
            }
        }

        // Of the lower half and the upper half, the one that members are in.
        var half = NumberComparison.FindMostTelling([(5, 40), (45, 10)], 50, 50)!.Value;
        Assert.Equal((1, 1), (half.First, half.Last));
        half = NumberComparison.FindMostTelling([(45, 10), (5, 40)], 50, 50)!.Value;
        Assert.Equal((0, 0), (half.First, half.Last));
    }

    [Fact]
    public void Nothing_IsTold()
    {
        var nobody = new NumberComparison([(3, 0, 2)]);
        Assert.Null(nobody.Members);
        Assert.Equal(2, nobody.Others!.Value.Count);
        Assert.Null(nobody.Superiority());
        Assert.Empty(new NumberComparison([]).FindDeciles());
        Assert.Null(new NumberComparison([]).Least);
    }

    private static NumberComparison Count(double[] members, double[] others) => new(
    [
        .. members.Concat(others).Distinct().Order()
            .Select(v => (v, (long)members.Count(m => m == v), (long)others.Count(o => o == v))),
    ]);

    private static void AssertSummary(double[] numbers, NumberSummary found)
    {
        Assert.Equal(numbers.Length, found.Count);
        Assert.Equal(numbers.Average(), found.Mean, 10);
        var sorted = numbers.Order().ToArray();
        Assert.Equal([Quantile(0.25), Quantile(0.5), Quantile(0.75)], [found.LowerQuartile, found.Median, found.UpperQuartile]);

        double Quantile(double share)
        {
            var place = share * (sorted.Length - 1);
            var (low, high) = ((int)Math.Floor(place), (int)Math.Ceiling(place));
            return sorted[low] + ((sorted[high] - sorted[low]) * (place - low));
        }
    }
}
