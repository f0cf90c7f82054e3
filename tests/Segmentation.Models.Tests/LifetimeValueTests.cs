using Segmentation.Models.Purchases;
using Segmentation.Models.Statistics;

namespace Segmentation.Models.Tests;

/// <summary>What customers are worth, and how well that was told.</summary>
public sealed class LifetimeValueTests
{
    private static readonly FrequencyModel Frequency = new(FrequencyKind.MbgNbd, 0.525, 6.183, 0.891, 1.614);

    // Fader & Hardie (2013), on the CDNOW sample: of customers with 2 and 1 repeated orders, and with none.
    [Theory]
    [InlineData(2, 22.35, 24.65)]
    [InlineData(1, 11.77, 18.91)]
    [InlineData(0, 0, 35.17)]
    public void Spend_IsThePublishedOne(int count, double mean, double expected) =>
        Assert.Equal(expected, new SpendModel(6.25, 3.74, 15.44).Expect(count, mean), 0.06);

    // What a customer is expected to spend is the mean of its own ν's posterior, integrated: E[p / ν], ν ~ gamma(q + p n, γ + m n).
    [Fact]
    public void Spend_EqualsTheIntegral()
    {
        var (p, q, gamma) = (6.25, 3.74, 15.44);
        foreach (var (n, m) in new[] { (0.0, 0.0), (1, 80), (5, 12) })
        {
            var (shape, rate) = (q + (p * n), gamma + (m * n));
            double mass = 0, sum = 0;
            for (var u = -30.0; u < 10; u += 0.01)
            {
                var weight = Math.Exp((shape * u) - (rate * Math.Exp(u)));
                (mass, sum) = (mass + weight, sum + (weight * p / Math.Exp(u)));
            }

            Assert.Equal(sum / mass, new SpendModel(p, q, gamma).Expect(n, m), 1e-8);
        }
    }

    [Fact]
    public void Score_IsTheSumOfItsMonths()
    {
        var model = new LifetimeValueModel(Frequency, new SpendModel(6.25, 3.74, 15.44), 90, 0.1, 0.4, 0.95);
        var history = new PurchaseHistory(3, 20, 30);
        var score = model.Score(history, 2, 30);
        double value = 0;
        for (var i = 1; i <= 12; i++)
        {
            value += (Frequency.Orders(history, i * 30.4375 / 7) - Frequency.Orders(history, (i - 1) * 30.4375 / 7))
                * score.AverageOrderValue!.Value * 0.95 * 0.4 / Math.Pow(1.1, i / 12.0);
        }

        Assert.Equal(value, score.LifetimeValue!.Value, 1e-9);
        Assert.Equal(Frequency.Alive(history), score.Alive);
        Assert.Equal(Frequency.None(history, 90 / 7.0), score.ChurnRisk);
        Assert.Equal(Frequency.Orders(history, 30 / 7.0), score.Orders30);
        Assert.Equal(Frequency.Orders(history, 90 / 7.0), score.Orders90);
        Assert.Equal(Frequency.Orders(history, 365 / 7.0), score.Orders365);
        var unpriced = (model with { Spend = null }).Score(history, 2, 30);
        Assert.Equal((null, null, score.Orders365), (unpriced.AverageOrderValue, unpriced.LifetimeValue, unpriced.Orders365));
    }

    // Of customers drawn from the model itself, what is expected comes; and the probabilities beat the base rate.
    [Fact]
    public void BackTest_OfTheTruth_IsCalibrated()
    {
        var random = new Random(6);
        const double cut = 39, time = 13;
        var customers = new List<BackTestCustomer>();
        for (var i = 0; i < 20_000; i++)
        {
            var (rate, stop) = (
                MathNet.Numerics.Distributions.Gamma.Sample(random, 0.525, 6.183),
                MathNet.Numerics.Distributions.Beta.Sample(random, 0.891, 1.614));
            var (x, last, later, alive) = (0, 0.0, 0, random.NextDouble() >= stop);
            for (var at = Wait(rate); alive && at <= cut + time; at += Wait(rate))
            {
                (x, last, later) = at <= cut ? (x + 1, at, later) : (x, last, later + 1);
                alive = random.NextDouble() >= stop;
            }

            customers.Add(new BackTestCustomer(new PurchaseHistory(x, last, cut), 0, 0, later, later * 30));
        }

        var test = BackTest.Run(Frequency, new SpendModel(6.25, 3.74, 15.44), customers, time);
        Assert.InRange(test.Orders.Expected / test.Orders.Actual, 0.95, 1.05);
        Assert.Equal(customers.Sum(c => c.Orders), test.Orders.Actual);
        Assert.Equal(test.Orders.Expected * new SpendModel(6.25, 3.74, 15.44).Mean, test.Revenue!.Expected, 1e-6);
        Assert.Equal(Enumerable.Range(0, 8), test.ByFrequency.Select(f => f.Frequency));
        Assert.Equal(customers.Count, test.ByFrequency.Sum(f => f.Customers));
        Assert.True(test.Calibration.Brier < test.Calibration.BaseBrier);
        Assert.All(test.Calibration.Bins, b => Assert.InRange(b.Actual - b.Expected, -0.04, 0.04));
        Assert.InRange(test.Calibration.Auc!.Value.Interval.Low, 0.6, 0.95);
        Assert.True(test.MeanAbsoluteError < test.OwnRateError);
        var weeks = BackTest.Expect(Frequency, customers, [1, time]);
        Assert.Equal(test.Orders.Expected, weeks[1], 1e-6);
        Assert.InRange(weeks[0], weeks[1] / 13, weeks[1] / 8);

        double Wait(double rate) => -Math.Log(1 - random.NextDouble()) / rate;
    }

    [Fact]
    public void Calibration_IsWhatItsFormulasSay()
    {
        var found = Calibration.Measure([(0.2, 10, 1), (0.7, 5, 4), (0.2, 10, 2), (1, 1, 1), (0, 1, 0)]);
        Assert.Equal(27, found.Customers);
        Assert.Equal(8 / 27.0, found.BaseRate, 12);
        Assert.Equal(((3 * 0.64) + (17 * 0.04) + (4 * 0.09) + 0.49) / 27, found.Brier, 12);
        Assert.Equal(8 / 27.0 * 19 / 27, found.BaseBrier, 12);
        Assert.Equal(
            -((3 * Math.Log(0.2)) + (17 * Math.Log(0.8)) + (4 * Math.Log(0.7)) + Math.Log(0.3)) / 27, found.LogLoss, 12);

        // Equal ones are never parted: those of 0.2 are one bin, which begins with the least.
        Assert.Equal([21, 5, 1], found.Bins.Select(b => b.Customers));
        Assert.Equal((0, 0.2, 3 / 21.0), (found.Bins[0].From, found.Bins[0].To, found.Bins[0].Actual));
    }

    [Fact]
    public void Calibration_DistinctProbabilities_AreTenEqualBins()
    {
        var found = Calibration.Measure(Enumerable.Range(0, 1000).Select(i => (i / 1000.0, 1L, i % 2 == 0 ? 1L : 0)));
        Assert.Equal(Enumerable.Repeat(100L, 10), found.Bins.Select(b => b.Customers));
        Assert.All(found.Bins, b => Assert.Equal(0.5, b.Actual, 12));
        Assert.Equal(0.0495, found.Bins[0].Expected, 12);
    }
}
