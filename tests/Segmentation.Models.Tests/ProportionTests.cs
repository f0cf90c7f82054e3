using System.Numerics;
using Segmentation.Models.Statistics;

namespace Segmentation.Models.Tests;

/// <summary>Shares and their comparison: against published tables, and each by a second way.</summary>
public sealed class ProportionTests
{
    // Newcombe 1998 (Statistics in Medicine 17, 857), table I, method 3.
    [Theory]
    [InlineData(81, 263, 0.2553, 0.3662)]
    [InlineData(15, 148, 0.0624, 0.1605)]
    [InlineData(0, 20, 0, 0.1611)]
    [InlineData(1, 29, 0.0061, 0.1718)]
    public void Wilson_IsAsPublished(int count, int size, double low, double high)
    {
        var interval = new Proportion(count, size).Interval();
        Assert.Equal(low, interval.Low, 4);
        Assert.Equal(high, interval.High, 4);
    }

    // The interval is of all shares from which the count seen is not 1.96 of their own standard deviations away.
    [Fact]
    public void Wilson_InvertsTheScoreTest()
    {
        foreach (var size in new[] { 1, 2, 7, 40, 1000, 1_000_000 })
        {
            foreach (var count in new[] { 0, 1, size / 3, size / 2, size - 1, size })
            {
                var share = (double)count / size;
                var interval = new Proportion(count, size).Interval();
                Assert.Equal(count == 0 ? 0 : Bisect(share, 0), interval.Low, 9);
                Assert.Equal(count == size ? 1 : Bisect(share, 1), interval.High, 9);

                double Bisect(double inside, double outside)
                {
                    for (var i = 0; i < 100; i++)
                    {
                        var p = (inside + outside) / 2;
                        var isInside = Math.Abs(share - p) <= Interval.Z * Math.Sqrt(p * (1 - p) / size);
                        (inside, outside) = isInside ? (p, outside) : (inside, p);
                    }

                    return inside;
                }
            }
        }
    }

    // Newcombe 1998 (Statistics in Medicine 17, 873), table II, method 10.
    [Theory]
    [InlineData(56, 70, 48, 80, 0.0524, 0.3339)]
    [InlineData(9, 10, 3, 10, 0.1705, 0.8090)]
    [InlineData(6, 7, 2, 7, 0.0582, 0.8062)]
    [InlineData(5, 56, 0, 29, -0.0381, 0.1926)]
    [InlineData(0, 10, 0, 20, -0.1611, 0.2775)]
    [InlineData(0, 10, 0, 10, -0.2775, 0.2775)]
    [InlineData(10, 10, 0, 20, 0.6791, 1)]
    [InlineData(10, 10, 0, 10, 0.6075, 1)]
    public void Newcombe_IsAsPublished(int k1, int n1, int k0, int n0, double low, double high)
    {
        var interval = new ProportionComparison(new(k1, n1), new(k0, n0)).DifferenceInterval();
        Assert.Equal(low, interval.Low, 1e-4);
        Assert.Equal(high, interval.High, 1e-4);
    }

    [Fact]
    public void AComparison_IsAsWorkedOutByHand()
    {
        var beta = new ProportionComparison(new(39, 100), new(25, 300));
        Assert.Equal(0.39 - (25 / 300.0), beta.Difference, 12);
        Assert.Equal(4.68, beta.Lift!.Value, 12);

        // ln 4.68 = 1.5432981, its error √(1/39 - 1/100 + 1/25 - 1/300) = √0.0523077 = 0.2287087.
        Assert.Equal(2.98927, beta.LiftInterval()!.Value.Low, 1e-4);
        Assert.Equal(7.32701, beta.LiftInterval()!.Value.High, 1e-4);
        Assert.Equal(0.76330, beta.Effect, 5);

        // χ² = 400 × (39 × 275 - 25 × 61)² / (100 × 300 × 64 × 336) = 52.48016.
        Assert.Equal(ProportionTest.ChiSquare, beta.Test().Test);
        Assert.Equal(4.34617e-13, beta.Test().P, 1e-17);
        Assert.Equal(0.50501, beta.Information, 5);
    }

    [Fact]
    public void Lift_WhereACountIsZero()
    {
        Assert.Equal(0, new ProportionComparison(new(0, 100), new(25, 300)).Lift);
        Assert.Null(new ProportionComparison(new(0, 100), new(25, 300)).LiftInterval());
        Assert.Null(new ProportionComparison(new(5, 100), new(0, 300)).Lift);
        Assert.Null(new ProportionComparison(new(5, 100), new(0, 300)).LiftInterval());
    }

    // Cell by cell, (seen - expected)² / expected; the root of χ² with one degree of freedom is normal.
    [Theory]
    [InlineData(60, 200, 90, 200)]
    [InlineData(300, 1000, 310, 1000)]
    [InlineData(50, 100, 50, 100)]
    public void ChiSquare_IsTheSumOverTheCells(int k1, int n1, int k0, int n0)
    {
        double all = n1 + n0, with = k1 + k0;
        var statistic = new[] { (k1, n1 * with / all), (n1 - k1, n1 * (all - with) / all), (k0, n0 * with / all),
            (n0 - k0, n0 * (all - with) / all) }.Sum(c => Math.Pow(c.Item1 - c.Item2, 2) / c.Item2);
        var (test, p) = new ProportionComparison(new(k1, n1), new(k0, n0)).Test();
        Assert.Equal(ProportionTest.ChiSquare, test);
        Assert.Equal(Integral.NormalTails(Math.Sqrt(statistic)), p, 1e-10);
    }

    // Fisher's tea; a table of R's documentation; all or none.
    [Theory]
    [InlineData(3, 4, 1, 4, 0.48571429)]
    [InlineData(1, 12, 9, 12, 0.00275946)]
    [InlineData(0, 5, 0, 9, 1)]
    [InlineData(5, 5, 9, 9, 1)]
    public void Fisher_IsAsPublished(int k1, int n1, int k0, int n0, double p)
    {
        var (test, found) = new ProportionComparison(new(k1, n1), new(k0, n0)).Test();
        Assert.Equal(p, test == ProportionTest.FisherExact ? found : Exact(k1, n1, k0, n0), 8);
        Assert.Equal(p, Exact(k1, n1, k0, n0), 8);
    }

    // Every table of the same margins counted out in whole numbers.
    [Fact]
    public void Fisher_EqualsExactEnumeration()
    {
        var random = new Random(1);
        for (var i = 0; i < 3000; i++)
        {
            var (n1, n0) = (random.Next(1, 40), random.Next(1, 60));
            var (k1, k0) = (random.Next(0, Math.Min(n1, 6) + 1), random.Next(0, Math.Min(n0, 4) + 1));
            var (test, p) = new ProportionComparison(new(k1, n1), new(k0, n0)).Test();
            if (test == ProportionTest.FisherExact)
            {
                Assert.Equal(Exact(k1, n1, k0, n0), p, 1e-11);
            }
        }
    }

    [Fact]
    public void Fisher_OfManyCustomers_IsFiniteAndFalls()
    {
        var before = 1.1;
        foreach (var k1 in new[] { 0, 1, 2, 3, 5, 10, 30, 100 })
        {
            var (test, p) = new ProportionComparison(new(k1, 100), new(200, 1_000_000)).Test();
            Assert.Equal(ProportionTest.FisherExact, test);
            Assert.InRange(p, 0, before);
            before = p;
        }

        Assert.Equal(2e-4, new ProportionComparison(new(100, 100), new(1, 1_000_000)).Test().P + 2e-4, 1e-12);
    }

    [Fact]
    public void Information_IsZeroBetweenEquals_AndGrowsWithEither()
    {
        Assert.Equal(0, new ProportionComparison(new(50, 99), new(50, 99)).Information, 12);
        var rare = new ProportionComparison(new(4, 100), new(10, 1000)).Information;
        var common = new ProportionComparison(new(40, 100), new(100, 1000)).Information;
        Assert.True(common > rare, "As much more often, and more have it.");
        Assert.True(rare > new ProportionComparison(new(2, 100), new(10, 1000)).Information);
    }

    private static double Exact(int k1, int n1, int k0, int n0)
    {
        var with = k1 + k0;
        var seen = Choose(n1, k1) * Choose(n0, k0);
        BigInteger sum = 0, all = 0;
        for (var k = Math.Max(0, with - n0); k <= Math.Min(with, n1); k++)
        {
            var ways = Choose(n1, k) * Choose(n0, with - k);
            all += ways;
            sum += ways <= seen ? ways : 0;
        }

        return (double)sum / (double)all;

        static BigInteger Choose(int n, int k) =>
            Enumerable.Range(1, k).Aggregate(BigInteger.One, (ways, i) => ways * (n - k + i) / i);
    }
}
