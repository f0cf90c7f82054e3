using Segmentation.Models.Statistics;

namespace Segmentation.Models.Tests;

/// <summary>Means and quotients: by hand, and by how often their intervals hold what is true.</summary>
public sealed class EstimateTests
{
    [Fact]
    public void Mean_IsAsWorkedOutByHand()
    {
        // 0, 0, 3, 5: mean 2, squares 34, variance (34 - 16) / 3 = 6.
        var mean = MeanEstimate.FromSums(4, 8, 34);
        Assert.Equal(new MeanEstimate(4, 2, 6), mean);
        Assert.Equal(2 - (1.96 * Math.Sqrt(1.5)), mean.Interval()!.Value.Low, 12);
        Assert.Equal(2 + (1.96 * Math.Sqrt(1.5)), mean.Interval()!.Value.High, 12);

        var difference = mean.DifferenceInterval(new MeanEstimate(10, 1, 5))!.Value;
        Assert.Equal(1 - (1.96 * Math.Sqrt(2)), difference.Low, 12);
        Assert.Equal(1 + (1.96 * Math.Sqrt(2)), difference.High, 12);
        Assert.Null(MeanEstimate.FromSums(1, 8, 64).Interval());
        Assert.Null(mean.DifferenceInterval(MeanEstimate.FromSums(1, 8, 64)));
    }

    // Student's sleep data as R's t.test gives it (Welch, unequal variances): t = -1.8608, df = 17.776, p = 0.07939.
    [Fact]
    public void Welch_IsAsPublished()
    {
        double[] one = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0], two = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
        MeanEstimate Estimate(double[] of) => MeanEstimate.FromSums(of.Length, of.Sum(), of.Sum(v => v * v));
        Assert.Equal(0.07939, Estimate(one).FindP(Estimate(two)), 5);
        Assert.Equal(Estimate(one).FindP(Estimate(two)), Estimate(two).FindP(Estimate(one)), 12);
        Assert.Equal(1, Estimate(one).FindP(Estimate(one)), 12);
        Assert.Equal(1, Estimate(one).FindP(new MeanEstimate(1, 5, 0)));
        Assert.Equal((1, 0), (new MeanEstimate(5, 2, 0).FindP(new(9, 2, 0)), new MeanEstimate(5, 2, 0).FindP(new(9, 3, 0))));

        // Of many it is the normal test: P(|Z| > 10) = 1.524e-23.
        Assert.Equal(1.524, 1e23 * new MeanEstimate(1e9, 10, 5e8).FindP(new(1e9, 0, 5e8)), 2);
    }

    [Fact]
    public void Ratio_IsAsWorkedOutByHand()
    {
        // Orders 1, 2, 3, revenue 10, 30, 32: 72 / 6 = 12; residuals -2, 6, -4: squares 56; √(56 / 2 / 3) / 2 = 1.5275.
        var ratio = RatioEstimate.FromSums(3, 6, 72, 14, 100 + 900 + 1024, 10 + 60 + 96)!.Value;
        Assert.Equal(12, ratio.Value, 12);
        Assert.Equal(12 - (1.96 * Math.Sqrt(28 / 3.0) / 2), ratio.Interval!.Value.Low, 10);
        Assert.Null(RatioEstimate.FromSums(3, 0, 72, 0, 100, 0));
        Assert.Null(RatioEstimate.FromSums(1, 6, 72, 36, 5184, 432)!.Value.Interval);

        // A member's two numbers in one proportion: nothing is uncertain.
        Assert.Equal(new Interval(5, 5), RatioEstimate.FromSums(3, 6, 30, 14, 350, 70)!.Value.Interval);
    }

    [Fact]
    public void Intervals_HoldTheTruthInNineteenOfTwenty()
    {
        var random = new Random(3);
        var (means, ratios) = (0, 0);
        for (var run = 0; run < 2000; run++)
        {
            var customers = Enumerable.Range(0, 400).Select(_ =>
            {
                var orders = (int)(-2 * Math.Log(1 - random.NextDouble()));
                return (Orders: (double)orders, Revenue: Enumerable.Range(0, orders).Sum(_ => 20 + (60 * random.NextDouble())));
            }).ToList();
            var (orders, revenue) = (customers.Sum(c => c.Orders), customers.Sum(c => c.Revenue));
            var perMember = MeanEstimate.FromSums(400, orders, customers.Sum(c => c.Orders * c.Orders)).Interval()!.Value;
            var ratio = RatioEstimate.FromSums(400, orders, revenue, customers.Sum(c => c.Orders * c.Orders),
                customers.Sum(c => c.Revenue * c.Revenue), customers.Sum(c => c.Orders * c.Revenue))!.Value.Interval!.Value;

            // ⌊-2 ln u⌋ is geometric: its mean is 1 / (√e - 1); an order is 50 on average.
            means += perMember.Low <= 1 / (Math.Sqrt(Math.E) - 1) && 1 / (Math.Sqrt(Math.E) - 1) <= perMember.High ? 1 : 0;
            ratios += ratio.Low <= 50 && 50 <= ratio.High ? 1 : 0;
        }

        Assert.InRange(means, 1860, 1940);
        Assert.InRange(ratios, 1860, 1940);
    }
}
