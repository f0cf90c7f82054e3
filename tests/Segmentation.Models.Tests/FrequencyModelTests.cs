using Segmentation.Models.Purchases;

namespace Segmentation.Models.Tests;

/// <summary>How often customers buy: against published values, numerical integration, and the textbooks' formulas.</summary>
public sealed class FrequencyModelTests
{
    // Fader, Hardie, Lee (2005), on the CDNOW sample.
    private static readonly FrequencyModel Cdnow = new(FrequencyKind.BgNbd, 0.243, 4.414, 0.793, 2.426);

    public static TheoryData<FrequencyKind, double, double, double, double> Models => new()
    {
        { FrequencyKind.BgNbd, 0.243, 4.414, 0.793, 2.426 },
        { FrequencyKind.MbgNbd, 0.525, 6.183, 0.891, 1.614 },
        { FrequencyKind.BgNbd, 3.5, 20, 1, 4 },
        { FrequencyKind.MbgNbd, 1.2, 2, 2.5, 7 },
    };

    // What the papers and their spreadsheets print, of parameters with more digits.
    [Theory]
    [InlineData(0.1429, 0.0078)]
    [InlineData(1, 0.0532)]
    [InlineData(3, 0.1506)]
    [InlineData(31.8571, 1.0405)]
    [InlineData(32, 1.0437)]
    [InlineData(78, 1.8576)]
    public void Orders_OfANewCustomer_AreThePublishedOnes(double time, double orders) =>
        Assert.Equal(orders, Cdnow.Orders(new PurchaseHistory(0, 0, 0), time), 1e-4 + (0.002 * orders));

    [Fact]
    public void Orders_OfAKnownCustomer_AreThePublishedOnes() =>
        Assert.Equal(1.226, Cdnow.Orders(new PurchaseHistory(2, 30.43, 38.86), 39), 1e-3);

    // The models' words, integrated over rates and chances to stop: nothing of the formulas is used.
    [Theory]
    [MemberData(nameof(Models))]
    public void Formulas_EqualIntegralsOverCustomers(FrequencyKind kind, double r, double alpha, double a, double b)
    {
        var model = new FrequencyModel(kind, r, alpha, a, b);
        foreach (var (x, last, age) in new[] { (0.0, 0.0, 0.0), (0, 0, 30), (1, 4, 5), (2, 30.43, 38.86), (7, 20, 50), (25, 40, 40) })
        {
            var history = new PurchaseHistory(x, last, age);
            const double time = 13;
            var first = kind == FrequencyKind.MbgNbd ? 1 : 0;
            var (all, alive, none, orders) = Integral.OverCustomers(r, alpha, a, b, (rate, stop) =>
            {
                // Alive until now; or stopped right after the last purchase.
                var lives = Math.Pow(rate, x) * Math.Pow(1 - stop, x + first) * Math.Exp(-rate * age);
                var stopped = x == 0 && kind == FrequencyKind.BgNbd
                    ? 0
                    : Math.Pow(rate, x) * stop * Math.Pow(1 - stop, x + first - 1) * Math.Exp(-rate * last);
                return (lives + stopped, lives, stopped + (lives * Math.Exp(-rate * time)),
                    lives * 2 * Math.Exp(-rate * stop * time / 2) * Math.Sinh(rate * stop * time / 2) / stop);
            });
            Assert.Equal(Math.Log(all), model.LogLikelihood(history), 1e-7);
            Assert.Equal(alive / all, model.Alive(history), 1e-7);
            Assert.Equal(none / all, model.None(history, time), 1e-7);
            Assert.Equal(orders / all, model.Orders(history, time), 1e-6);
        }
    }

    // E as it is printed, with ₂F₁ by its series and by Euler's integral.
    [Theory]
    [MemberData(nameof(Models))]
    public void Orders_EqualThePrintedFormula(FrequencyKind kind, double r, double alpha, double a, double b)
    {
        var near = a == 1 ? a + 1e-4 : a;
        var model = new FrequencyModel(kind, r, alpha, near, b);
        foreach (var (x, last, age, time) in new[] { (0.0, 0.0, 4.0, 9.0), (3, 10, 20, 5), (12, 50, 60, 52), (40, 100, 101, 26) })
        {
            var history = new PurchaseHistory(x, last, age);
            var stays = b + x + (kind == FrequencyKind.MbgNbd ? 1 : 0);
            var (shape, c, z) = (r + x, near + stays - 1, time / (alpha + age + time));
            var scale = Math.Pow((alpha + age) / (alpha + age + time), shape);
            var series = Hypergeometric.Series(shape, stays, c, z);
            foreach (var value in c > stays + 0.2 ? [series, Hypergeometric.Integral(shape, stays, c, z)] : new[] { series })
            {
                var printed = c / (near - 1) * (1 - (scale * value)) * model.Alive(history);
                Assert.Equal(printed, model.Orders(history, time), 1e-7 * Math.Max(1, printed));
            }
        }
    }

    // Both ways to the same, where both go; and where a is 1, between its neighbours.
    [Fact]
    public void ExpectedOrders_SumAndIntegral_AreEqual()
    {
        var random = new Random(5);
        for (var i = 0; i < 3000; i++)
        {
            var (shape, ahead) = (Draw(1e-3, 300), Draw(1e-6, 3));
            var (a, b) = (Draw(1e-4, 1e4), Draw(1e-4, 1e4));
            var sum = ExpectedOrders.Sum(shape, ahead, a, b);
            Assert.Equal(1, ExpectedOrders.Integrate(shape, ahead, a, b) / sum, 1e-9);
            Assert.InRange(sum, 0, shape * ahead * (1 + 1e-12));
        }

        foreach (var shape in new[] { 0.3, 5, 200 })
        {
            var limit = ExpectedOrders.WhileAlive(shape, 0.7, 1, 3);
            Assert.Equal(limit, ExpectedOrders.WhileAlive(shape, 0.7, 1 + 1e-9, 3), 1e-7 * limit);
            Assert.Equal(limit, ExpectedOrders.WhileAlive(shape, 0.7, 1 - 1e-9, 3), 1e-7 * limit);
        }

        double Draw(double low, double high) => low * Math.Pow(high / low, random.NextDouble());
    }

    // Whatever can be stored: an order a day for a hundred years, one a century, parameters at their edges.
    [Fact]
    public void Formulas_WhateverTheNumbers_AreProbabilitiesAndCounts()
    {
        double[] parameters = [1e-6, 0.01, 1, 50, 1e6];
        foreach (var kind in Enum.GetValues<FrequencyKind>())
        {
            foreach (var (r, alpha, a, b) in from r in parameters
                                             from alpha in parameters
                                             from a in parameters
                                             from b in parameters
                                             select (r, alpha, a, b))
            {
                var model = new FrequencyModel(kind, r, alpha, a, b);
                foreach (var history in new PurchaseHistory[]
                    { new(0, 0, 0), new(0, 0, 5200), new(1, 0.14, 5200), new(36_500, 5214, 5214), new(36_500, 100, 5214), new(3, 0, 0) })
                {
                    Assert.True(double.IsFinite(model.LogLikelihood(history)));
                    var alive = model.Alive(history);
                    Assert.InRange(alive, 0, 1);
                    var (before, none) = (0.0, 1.0);
                    foreach (var time in new[] { 1e-6, 4.3, 52, 5200 })
                    {
                        var (orders, nothing) = (model.Orders(history, time), model.None(history, time));
                        Assert.InRange(nothing, 1 - alive - 1e-12, none + 1e-12);
                        var most = alive * (r + history.Repeats) / (alpha + history.Age) * time;
                        Assert.InRange(orders, before * (1 - 1e-9), most * (1 + 1e-9));

                        // At least one order is expected at least as often as there is one.
                        Assert.True(orders >= (1 - nothing) * (1 - 1e-6) - 1e-12);
                        (before, none) = (orders, nothing);
                    }
                }
            }
        }
    }

    [Fact]
    public void OrdersInterval_HoldsFourOfFiveCustomers()
    {
        var random = new Random(11);
        var model = new FrequencyModel(FrequencyKind.MbgNbd, 1.5, 3, 0.8, 3);
        var (held, all) = (0, 400);
        for (var i = 0; i < all; i++)
        {
            // Of one customer, before and after an instant.
            var (rate, stop) = (
                MathNet.Numerics.Distributions.Gamma.Sample(random, 1.5, 3), MathNet.Numerics.Distributions.Beta.Sample(random, 0.8, 3));
            var (x, last, later) = (0, 0.0, 0);
            var alive = random.NextDouble() >= stop;
            for (var at = Wait(rate); alive && at <= 39; at += Wait(rate))
            {
                (x, last, later) = at <= 26 ? (x + 1, at, later) : (x, last, later + 1);
                alive = random.NextDouble() >= stop;
            }

            var (low, high) = model.OrdersInterval(new PurchaseHistory(x, last, 26), 13, i);
            held += later >= low && later <= high ? 1 : 0;
        }

        // Of whole numbers an interval holds rather more.
        Assert.InRange((double)held / all, 0.78, 0.99);

        double Wait(double rate) => -Math.Log(1 - random.NextDouble()) / rate;
    }

    [Fact]
    public void OrdersInterval_SameSeed_IsTheSame_AndStandsEveryExtreme()
    {
        var history = new PurchaseHistory(4, 20, 30);
        Assert.Equal(Cdnow.OrdersInterval(history, 13, 7), Cdnow.OrdersInterval(history, 13, 7));
        Assert.Equal((0, 0), (Cdnow with { A = 1e6, B = 1e-6 }).OrdersInterval(history, 13, 7));
        var (low, high) = new FrequencyModel(FrequencyKind.BgNbd, 1e6, 1e-6, 1e-6, 1e6).OrdersInterval(history with { Last = 30 }, 1e6, 7);
        Assert.True(low > 1e9 && high >= low);
    }
}
