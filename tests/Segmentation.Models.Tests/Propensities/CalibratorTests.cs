using Segmentation.Models.Propensities;

namespace Segmentation.Models.Tests;

/// <summary>Probabilities of scores.</summary>
public sealed class CalibratorTests
{
    [Fact]
    public void Platt_FindsTheLogisticTruth()
    {
        var fitted = PlattCalibrator.Fit(Draw(50_000, 1, s => 1 / (1 + Math.Exp(-((2 * s) - 1)))));
        Assert.Equal(2, fitted.Factor, 0.1);
        Assert.Equal(-1, fitted.Offset, 0.1);
    }

    [Fact]
    public void Choose_TakesTheKindThatIsNearerToTheTruth()
    {
        Assert.IsType<PlattCalibrator>(Calibrator.Choose(Draw(4_000, 2, s => 1 / (1 + Math.Exp(-s)))));
        Assert.IsType<IsotonicCalibrator>(Calibrator.Choose(Draw(20_000, 3, s => s < -1 ? 0.05 : s < 1 ? 0.4 : 0.5)));
    }

    // The nearest function that never falls, found the slow way: max over from of min over to of the mean.
    [Fact]
    public void Isotonic_IsTheMaxMinOfMeans()
    {
        var random = new Random(4);
        for (var run = 0; run < 200; run++)
        {
            var scored = Enumerable.Range(0, random.Next(1, 30)).Select(_ => ((double)random.Next(8), random.Next(2) == 0)).ToList();
            var groups = scored.GroupBy(s => s.Item1).OrderBy(g => g.Key)
                .Select(g => (Score: g.Key, Happened: (double)g.Count(s => s.Item2), Count: (double)g.Count())).ToList();
            var fitted = IsotonicCalibrator.Fit(scored);
            var expected = groups.Select((_, i) => Enumerable.Range(0, i + 1)
                .Max(from => Enumerable.Range(i, groups.Count - i).Min(to => Mean(groups.GetRange(from, to - from + 1))))).ToList();
            var blocks = expected.Distinct().ToList();
            Assert.Equal(blocks.Count, fitted.Probabilities.Count);
            var least = 0.5 / scored.Count;
            Assert.All(blocks.Zip(fitted.Probabilities), b => Assert.Equal(Math.Clamp(b.First, least, 1 - least), b.Second, 1e-12));
        }

        static double Mean(List<(double Score, double Happened, double Count)> groups) =>
            groups.Sum(g => g.Happened) / groups.Sum(g => g.Count);
    }

    [Fact]
    public void NeitherFalls_AndBothStayBetween0And1()
    {
        var random = new Random(5);
        for (var run = 0; run < 50; run++)
        {
            var turn = random.Next(-3, 4);
            var scored = Draw(random.Next(2, 300), run, s => 1 / (1 + Math.Exp(-turn * s)));
            Calibrator[] all = [PlattCalibrator.Fit(scored), IsotonicCalibrator.Fit(scored), Calibrator.Choose(scored)];
            foreach (var fitted in all)
            {
                var told = Enumerable.Range(-100, 201).Select(i => fitted.Tell(i / 10.0)).ToList();
                Assert.All(told, p => Assert.InRange(p, 0, 1));
                Assert.All(told.Zip(told.Skip(1)), p => Assert.True(p.First <= p.Second + 1e-15));
            }
        }
    }

    private static List<(double Score, bool Happened)> Draw(int count, int seed, Func<double, double> truth)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var score = (random.NextDouble() * 6) - 3;
            return (score, random.NextDouble() < truth(score));
        })];
    }
}
