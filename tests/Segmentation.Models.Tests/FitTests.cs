using Segmentation.Models.Purchases;

namespace Segmentation.Models.Tests;

/// <summary>Parameters are found again in data that is drawn from the models themselves.</summary>
public sealed class FitTests
{
    [Theory]
    [InlineData(FrequencyKind.BgNbd, 0.6, 5, 0.9, 2.5)]
    [InlineData(FrequencyKind.MbgNbd, 0.8, 4, 0.7, 2)]
    public void Frequency_HundredSamples_ParametersAreWithinTheirIntervals(
        FrequencyKind kind, double r, double alpha, double a, double b)
    {
        var model = new FrequencyModel(kind, r, alpha, a, b);
        var held = new int[4];
        for (var run = 0; run < 100; run++)
        {
            var random = new Random(run);
            var found = new FrequencySample(Count(Enumerable.Range(0, 4000).Select(_ => model.Draw(random, 7 * random.Next(10, 21)))
                .Select(Round))).Fit(kind)!;
            for (var i = 0; i < held.Length; i++)
            {
                var truth = new[] { r, alpha, a, b }[i];
                held[i] += found.Intervals[i].Low <= truth && truth <= found.Intervals[i].High ? 1 : 0;
            }
        }

        Assert.All(held, h => Assert.InRange(h, 90, 100));

        static PurchaseHistory Round(PurchaseHistory h) => h with { Last = Math.Round(h.Last * 70) / 70 };
    }

    [Fact]
    public void Spend_HundredSamples_ParametersAreWithinTheirIntervals()
    {
        var held = new int[3];
        for (var run = 0; run < 100; run++)
        {
            var found = new SpendSample(Draw(new Random(run), 6.25, 3.74, 15.44, 2500)).Fit()!;
            for (var i = 0; i < held.Length; i++)
            {
                var truth = new[] { 6.25, 3.74, 15.44 }[i];
                held[i] += found.Intervals[i].Low <= truth && truth <= found.Intervals[i].High ? 1 : 0;
            }
        }

        Assert.All(held, h => Assert.InRange(h, 90, 100));
    }

    // Where the mean over customers is a fit's, no step in any direction is likelier; and the likelihood is the sum of its customers'.
    [Fact]
    public void Fit_IsTheLikeliest_AndTheSameInAnyOrder()
    {
        var random = new Random(3);
        var histories = Enumerable.Range(0, 3000).Select(_ => new FrequencyModel(FrequencyKind.MbgNbd, 0.8, 4, 0.7, 2).Draw(random, 40))
            .ToList();
        foreach (var kind in Enum.GetValues<FrequencyKind>())
        {
            var found = new FrequencySample(Count(histories)).Fit(kind)!;
            Assert.Equal(found.LogLikelihood, histories.Sum(found.Model.LogLikelihood), 1e-6);
            var again = new FrequencySample(Count(histories.AsEnumerable().Reverse())).Fit(kind)!;
            Assert.Equal(found.Model, again.Model);
            foreach (var by in new[] { 0.97, 1.03 })
            {
                var m = found.Model;
                FrequencyModel[] others =
                    [m with { R = m.R * by }, m with { Alpha = m.Alpha * by }, m with { A = m.A * by }, m with { B = m.B * by }];
                foreach (var other in others)
                {
                    Assert.True(histories.Sum(other.LogLikelihood) < found.LogLikelihood);
                }
            }
        }
    }

    // A unit of time is a unit: in days α is seven times that of weeks, and all else is the same.
    [Fact]
    public void Fit_InAnotherUnit_IsTheSameModel()
    {
        var random = new Random(4);
        var histories = Enumerable.Range(0, 3000).Select(_ => new FrequencyModel(FrequencyKind.BgNbd, 0.6, 5, 0.9, 2.5).Draw(random, 40))
            .ToList();
        var weeks = new FrequencySample(Count(histories)).Fit(FrequencyKind.BgNbd)!.Model;
        var inDays = histories.Select(h => h with { Last = 7 * h.Last, Age = 7 * h.Age });
        var days = new FrequencySample(Count(inDays)).Fit(FrequencyKind.BgNbd)!.Model;
        Assert.Equal(1, days.Alpha / 7 / weeks.Alpha, 1e-5);
        Assert.Equal(1, days.R / weeks.R, 1e-5);
        Assert.Equal(1, days.A / weeks.A, 1e-5);
        Assert.Equal(1, days.B / weeks.B, 1e-5);
    }

    [Fact]
    public void Gradients_AreThoseOfTheLikelihoods()
    {
        var random = new Random(8);
        var histories = Enumerable.Range(0, 200).Select(_ => new FrequencyModel(FrequencyKind.BgNbd, 0.6, 5, 0.9, 2.5).Draw(random, 40));
        var sample = new FrequencySample(Count(histories));
        foreach (var kind in Enum.GetValues<FrequencyKind>())
        {
            Check([0.7, 3, 1.2, 2], (p, gradient) => sample.Evaluate(new FrequencyModel(kind, p[0], p[1], p[2], p[3]), gradient));
        }

        var spend = new SpendSample(Draw(random, 6, 4, 15, 300));
        Check([5, 3.5, 1.1], spend.Evaluate);

        static void Check(double[] at, Func<double[], double[], double> evaluate)
        {
            var gradient = new double[at.Length];
            evaluate(at, gradient);
            for (var i = 0; i < at.Length; i++)
            {
                double[] above = [.. at], below = [.. at];
                (above[i], below[i]) = (at[i] + 1e-5, at[i] - 1e-5);
                var slope = (evaluate(above, new double[at.Length]) - evaluate(below, new double[at.Length])) / 2e-5;
                Assert.Equal(slope, gradient[i], 1e-4 * Math.Max(1, Math.Abs(slope)));
            }
        }
    }

    // Customers who all stop with the same chance: a and b have no end, and their quotient is that chance.
    [Fact]
    public void Frequency_AllStopAlike_TellsTheirChance()
    {
        foreach (var kind in Enum.GetValues<FrequencyKind>())
        {
            for (var seed = 0; seed < 6; seed++)
            {
                var random = new Random(seed);
                var model = new FrequencyModel(kind, 0.6, 5, 2e6, 18e6);
                var found = new FrequencySample(Count(Enumerable.Range(0, 5000).Select(_ => model.Draw(random, 100)))).Fit(kind)!;
                Assert.InRange(found.Model.A / (found.Model.A + found.Model.B), 0.09, 0.11);
                Assert.InRange(found.Model.R, 0.5, 0.7);
                Assert.True(found.IsOnBoundary || found.Model.A > 5);
            }
        }
    }

    // What says nothing of a parameter is no fit: nobody who ever came again, everyone alike, all amounts equal.
    [Fact]
    public void Fit_DataThatTellsNothing_IsNone()
    {
        Assert.Null(new FrequencySample([new(new PurchaseHistory(0, 0, 30), 1000)]).Fit(FrequencyKind.BgNbd));
        Assert.Null(new SpendSample(Enumerable.Repeat((2.0, 10.0), 1000)).Fit());
        Assert.Null(new SpendSample([]).Fit());
        var random = new Random(1);

        // So uneven that there is no mean.
        Assert.Null(new SpendSample(Draw(random, 3, 0.6, 15, 3000)).Fit());
    }

    private static IEnumerable<KeyValuePair<PurchaseHistory, long>> Count(IEnumerable<PurchaseHistory> histories) =>
        histories.GroupBy(h => h).Select(g => KeyValuePair.Create(g.Key, (long)g.Count()));

    // Each customer has a rate ν ~ gamma(q, γ), and amounts ~ gamma(p, ν).
    private static IEnumerable<(double, double)> Draw(Random random, double p, double q, double gamma, int customers) =>
        Enumerable.Range(0, customers).Select(_ =>
        {
            var (count, rate) = (random.Next(1, 8), MathNet.Numerics.Distributions.Gamma.Sample(random, q, gamma));
            return ((double)count, MathNet.Numerics.Distributions.Gamma.Sample(random, p * count, rate) / count);
        }).ToList();
}
