using MathNet.Numerics.Distributions;
using Segmentation.Models.Forecasts;

namespace Segmentation.Models.Tests;

public class SizeForecastTests
{
    private const int Days = 120, Ahead = 30, Runs = 200;

    /// <summary>Worlds that sizes could come from, as the next size from those before.</summary>
    private static readonly Dictionary<string, Func<Random, IEnumerable<double>>> Worlds = new()
    {
        ["randomWalk"] = random => Walk(1000, (size, _) => size + Normal.Sample(random, 0, 10)),
        ["meanReversion"] = random => Walk(1000, (size, _) => size + (0.1 * (1000 - size)) + Normal.Sample(random, 0, 20)),
        ["changingTrend"] = ChangingTrend,
        ["weekly"] = random => Walk(
            1000, (size, day) => size + (day % 7 < 5 ? 8 : -15) + Normal.Sample(random, 0, 5)),
        ["birthAndDeath"] = random => Walk(
            1000, (size, _) => size + Poisson.Sample(random, 20) - Binomial.Sample(random, 0.02, (int)size)),
    };

    public static TheoryData<string> WorldNames => [.. Worlds.Keys];

    [Theory]
    [MemberData(nameof(WorldNames))]
    public void Range80_InASimulatedWorld_HoldsFourOfFive(string world)
    {
        double held = 0, first = 0, told = 0;
        for (var run = 0; run < Runs; run++)
        {
            var sizes = Worlds[world](new Random(run)).Take(Days + Ahead).ToList();
            var forecast = SizeForecast.Create(sizes[..Days], Ahead);
            for (var i = 0; i < Ahead; i++)
            {
                var (actual, day) = (sizes[Days + i], forecast.Days[i]);
                var isHeld = day.Range80.Low <= actual && actual <= day.Range80.High;
                held += isHeld ? 1 : 0;
                first += isHeld && i == 0 ? 1 : 0;
            }

            told += forecast.BackTest.Coverage80!.Value;
        }

        Assert.InRange(held / Runs / Ahead, 0.7, 0.9);
        Assert.InRange(first / Runs, 0.7, 0.9);

        // What it says of itself is so.
        Assert.InRange(told / Runs, (held / Runs / Ahead) - 0.05, (held / Runs / Ahead) + 0.05);
    }

    [Fact]
    public void Range95_HoldsMoreThanThatOf80_AndIsNotGivenFromFewOrigins()
    {
        var (held80, held95) = (0, 0);
        for (var run = 0; run < Runs; run++)
        {
            var sizes = Worlds["randomWalk"](new Random(run)).Take(Days + Ahead).ToList();
            foreach (var (i, day) in SizeForecast.Create(sizes[..Days], Ahead).Days.Index())
            {
                var (narrow, wide) = (day.Range80, day.Range95!.Value);
                Assert.True(wide.Low <= narrow.Low && wide.High >= narrow.High);
                held80 += narrow.Low <= sizes[Days + i] && sizes[Days + i] <= narrow.High ? 1 : 0;
                held95 += wide.Low <= sizes[Days + i] && sizes[Days + i] <= wide.High ? 1 : 0;
            }
        }

        Assert.InRange(held95 / (double)(Runs * Ahead), 0.85, 0.98);
        Assert.True(held95 > held80);

        // 80 sizes have 66 origins of a day ahead, 60 of seven.
        var few = SizeForecast.Create([.. Enumerable.Range(0, 80).Select(i => (double)i)], 8).Days;
        Assert.Equal([.. Enumerable.Repeat(true, 7), false], few.Select(d => d.Range95 is not null));
    }

    [Theory]
    [InlineData(56)]
    [InlineData(730)]
    public void Range_FurtherAhead_IsNeverNarrowerNorBelowZero(int days)
    {
        foreach (var (world, create) in Worlds)
        {
            var sizes = create(new Random(7)).Take(days).Select(s => Math.Max(0, s - 1000)).ToList();
            var forecast = SizeForecast.Create(sizes, SizeForecast.FindLongest(days) is var longest && longest < 366 ? longest : 366);
            foreach (var (day, next) in forecast.Days.Zip(forecast.Days.Skip(1)))
            {
                Assert.True(day.Size >= 0 && day.Range80.Low >= 0 && day.Range80.Low <= day.Range80.High, world);
                if (day.Range80.Low > 0 && next.Range80.Low > 0)
                {
                    Assert.True(
                        next.Range80.High - next.Range80.Low >= day.Range80.High - day.Range80.Low - 1e-9, world);
                }
            }
        }
    }

    [Fact]
    public void Size_OfASeriesThatOneMethodKnows_IsExact()
    {
        int[] week = [5, 5, 5, 5, 5, -10, -12];
        double[] constant = [.. Enumerable.Repeat(7.0, 56)];
        double[] line = [.. Enumerable.Range(0, 56).Select(i => 10.0 + (3 * i))];
        double[] weekly = [.. Enumerable.Range(0, 84).Select(i => 100.0 + Enumerable.Range(1, i).Sum(d => week[d % 7]))];
        Check(constant, ForecastMethod.Last, ahead => 7);
        Check(line, ForecastMethod.Drift, ahead => 10 + (3 * (55 + ahead)));
        Check(weekly, ForecastMethod.WeekdayDrift, ahead => weekly[^1] + Enumerable.Range(84, ahead).Sum(d => week[d % 7]));

        static void Check(double[] sizes, ForecastMethod method, Func<int, double> expected)
        {
            var forecast = SizeForecast.Create(sizes, 30);
            for (var i = 0; i < 30; i++)
            {
                Assert.Equal(method, forecast.Days[i].Method);
                Assert.Equal(expected(i + 1), forecast.Days[i].Size, 1e-9);
                Assert.Equal(0, forecast.Days[i].Range80.High - forecast.Days[i].Range80.Low, 1e-9);
            }

            Assert.Equal(0, forecast.BackTest.MeanAbsoluteError, 1e-9);
        }
    }

    // The same, one origin after the other, each method anew from what was known then.
    [Fact]
    public void ErrorsAndMethods_ComputedOneByOne_AreTheSame()
    {
        foreach (var world in Worlds.Values)
        {
            var sizes = world(new Random(3)).Take(70).ToArray();
            var forecast = SizeForecast.Create(sizes, 20);
            double error = 0, naive = 0;
            for (var ahead = 1; ahead <= 20; ahead++)
            {
                var errors = Enum.GetValues<ForecastMethod>().ToDictionary(m => m, m => Enumerable.Range(14, 70 - 13 - ahead - 1 + 1)
                    .Select(known => sizes[known - 1 + ahead] - Expect(m, sizes[..known], ahead)).ToList());
                var means = errors.ToDictionary(e => e.Key, e => e.Value.Average(Math.Abs));
                Assert.Equal(means[forecast.Days[ahead - 1].Method], means.Values.Min(), 1e-9);
                Assert.Equal(
                    Math.Max(0, Expect(forecast.Days[ahead - 1].Method, sizes, ahead)), forecast.Days[ahead - 1].Size, 1e-9);
                error += means.Values.Min() / 20;
                naive += means[ForecastMethod.Last] / 20;
            }

            Assert.Equal(56, forecast.BackTest.Origins);
            Assert.Equal(error, forecast.BackTest.MeanAbsoluteError, 1e-9);
            Assert.Equal(naive, forecast.BackTest.NaiveError, 1e-9);
        }
    }

    private static double Expect(ForecastMethod method, double[] known, int ahead)
    {
        var changes = known.Zip(known.Skip(1), (a, b) => b - a).ToArray();
        var recent = changes.TakeLast(28).ToArray();
        switch (method)
        {
            case ForecastMethod.Last:
                return known[^1];
            case ForecastMethod.Drift:
                return known[^1] + (ahead * recent.Average());
            case ForecastMethod.WeekdayDrift:
                var byDay = recent.Select((change, i) => (Day: (known.Length - recent.Length + i) % 7, Change: change)).ToList();
                return known[^1] + Enumerable.Range(known.Length, ahead)
                    .Sum(day => byDay.Where(c => c.Day == day % 7).Select(c => c.Change).DefaultIfEmpty(0).Average());
            default:
                var best = (Error: double.MaxValue, Size: 0.0);
                foreach (var a in (double[])[0.2, 0.4, 0.6, 0.8, 1])
                {
                    foreach (var b in (double[])[0.02, 0.05, 0.1, 0.2, 0.4])
                    {
                        foreach (var phi in (double[])[0.8, 0.9, 0.95, 0.98])
                        {
                            // Holt's form with smoothed level and trend.
                            var (level, trend, squares) = (known[0], 0.0, 0.0);
                            for (var i = 1; i < known.Length; i++)
                            {
                                var expected = level + (phi * trend);
                                squares += i < 7 ? 0 : Math.Pow(known[i] - expected, 2);
                                var next = (a * known[i]) + ((1 - a) * expected);
                                trend = (b * (next - level)) + ((1 - b) * phi * trend);
                                level = next;
                            }

                            var size = level + (trend * Enumerable.Range(1, ahead).Sum(i => Math.Pow(phi, i)));
                            best = squares < best.Error - 1e-6 ? (squares, size) : best;
                        }
                    }
                }

                return best.Size;
        }
    }

    private static IEnumerable<double> Walk(double size, Func<double, int, double> next)
    {
        for (var day = 0; ; day++)
        {
            yield return size;
            size = Math.Max(0, next(size, day));
        }
    }

    private static IEnumerable<double> ChangingTrend(Random random)
    {
        var trend = 2.0;
        return Walk(1000, (size, _) => size + (trend += Normal.Sample(random, 0, 0.5)) + Normal.Sample(random, 0, 5));
    }
}
