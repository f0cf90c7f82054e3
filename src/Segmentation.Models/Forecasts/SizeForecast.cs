using MathNet.Numerics.Statistics;

namespace Segmentation.Models.Forecasts;

/// <summary>How a size is expected from the sizes before.</summary>
public enum ForecastMethod
{
    /// <summary>As it was last.</summary>
    Last,

    /// <summary>On by the mean change a day of the last four weeks.</summary>
    Drift,

    /// <summary>On by the mean change of each day of the week in the last four weeks.</summary>
    WeekdayDrift,

    /// <summary>On by a trend that fades.</summary>
    /// <remarks>Gardner and McKenzie, "Forecasting trends in time series", Management Science 31 (1985) 1237-1246.</remarks>
    DampedTrend,
}

/// <summary>Between what a size is expected.</summary>
/// <param name="Low">Not below 0.</param>
/// <param name="High">Not below <paramref name="Low"/>.</param>
public readonly record struct ExpectedRange(double Low, double High);

/// <summary>What is expected of a day.</summary>
/// <param name="Size">How many members; not below 0.</param>
/// <param name="Range80">Holds four of five.</param>
/// <param name="Range95">Holds 19 of 20; null where fewer than <see cref="SizeForecast.LeastOrigins95"/> past days were tried.</param>
/// <param name="Method">What erred least so many days ahead.</param>
public readonly record struct ExpectedSize(double Size, ExpectedRange Range80, ExpectedRange? Range95, ForecastMethod Method);

/// <summary>How the same would have done in the past.</summary>
/// <param name="Origins">From how many past days it was tried, one day ahead; further ahead it is fewer.</param>
/// <param name="MeanAbsoluteError">Its error in members, over all days ahead.</param>
/// <param name="NaiveError">That of "as it was last".</param>
/// <param name="Coverage80">How much of what came the range of 80 % held, of days that had no part in it; null where too few are left.
/// </param>
/// <param name="Coverage95">Likewise, of 95 %.</param>
public readonly record struct ForecastBackTest(
    int Origins, double MeanAbsoluteError, double NaiveError, double? Coverage80, double? Coverage95);

/// <summary>
/// A segment's size in the days to come, from its daily sizes. Four methods are tried from each past day; for each day ahead the one with
/// the smallest mean absolute error is taken, and the quantiles of its errors are the range: nothing is assumed of how sizes vary.
/// </summary>
public sealed class SizeForecast
{
    /// <summary>Daily sizes that are needed at least, and read at most.</summary>
    public const int LeastDays = 56, MostDays = 730;

    /// <summary>Past days from which a day ahead must have been tried, and for the range of 95 %.</summary>
    public const int LeastOrigins = 10, LeastOrigins95 = 60;

    // What the first origin knows.
    private const int Training = 14;

    // Of those that are tried, the part that tests the ranges of the others.
    private const double TestedShare = 0.25;

    private SizeForecast(IReadOnlyList<ExpectedSize> days, ForecastBackTest backTest) => (Days, BackTest) = (days, backTest);

    /// <summary>Each day ahead, as far as the past carries.</summary>
    public IReadOnlyList<ExpectedSize> Days { get; }

    /// <summary>How it would have done.</summary>
    public ForecastBackTest BackTest { get; }

    /// <summary>How many days ahead so many daily sizes carry.</summary>
    public static int FindLongest(int sizes) => sizes < LeastDays ? 0 : sizes - Training - LeastOrigins + 1;

    /// <summary>Expects the sizes of the next days.</summary>
    /// <param name="sizes">One a day, the last of today: <see cref="LeastDays"/> or more.</param>
    /// <param name="days">How many days ahead: 1 to <see cref="FindLongest"/>.</param>
    public static SizeForecast Create(IReadOnlyList<double> sizes, int days)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sizes.Count, LeastDays);
        ArgumentOutOfRangeException.ThrowIfLessThan(days, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(days, FindLongest(sizes.Count));
        var methods = Enum.GetValues<ForecastMethod>();
        var paths = SizePaths.Create(sizes, Training - 1, days);
        List<ExpectedSize> expected = [];
        var (range80, range95) = (new ErrorRange(0, 0), (ErrorRange?)new ErrorRange(0, 0));
        double error = 0, naive = 0;
        List<bool> held80 = [], held95 = [];
        var tested = new ErrorRange[2];
        for (var ahead = 1; ahead <= days; ahead++)
        {
            var errors = Array.ConvertAll(methods, m => paths.FindErrors(m, ahead));
            var method = methods.MinBy(m => Mean(errors[(int)m]));
            var sorted = Sort(errors[(int)method]);
            range80 = range80.Widen(ErrorRange.Find(sorted, 0.8, ahead));
            range95 = sorted.Length < LeastOrigins95 ? null : range95?.Widen(ErrorRange.Find(sorted, 0.95, ahead));
            var size = Math.Max(0, paths.Expect(method, ahead));
            expected.Add(new ExpectedSize(size, range80.Around(size), range95?.Around(size), method));
            error += Mean(errors[(int)method]);
            naive += Mean(errors[(int)ForecastMethod.Last]);
            Test(errors, ahead, tested, held80, held95);
        }

        return new SizeForecast(
            expected,
            new ForecastBackTest(
                sizes.Count - Training, error / days, naive / days, Share(held80), Share(held95)));
    }

    // The last origins are expected by what was known at the first of them.
    private static void Test(double[][] errors, int ahead, ErrorRange[] ranges, List<bool> held80, List<bool> held95)
    {
        var origins = errors[0].Length;
        var first = origins - (int)(origins * TestedShare);
        var known = first - ahead + 1;
        if (known < LeastOrigins || first == origins)
        {
            return;
        }

        var best = errors.MinBy(e => Mean(e.AsSpan(0, known)))!;
        var sorted = Sort(best.AsSpan(0, known));
        ranges[0] = ranges[0].Widen(ErrorRange.Find(sorted, 0.8, ahead));
        held80.AddRange(best.Skip(first).Select(ranges[0].Contains));
        if (known >= LeastOrigins95)
        {
            ranges[1] = ranges[1].Widen(ErrorRange.Find(sorted, 0.95, ahead));
            held95.AddRange(best.Skip(first).Select(ranges[1].Contains));
        }
    }

    private static double? Share(List<bool> held) => held.Count == 0 ? null : held.Count(h => h) / (double)held.Count;

    private static double Mean(ReadOnlySpan<double> errors)
    {
        var sum = 0.0;
        foreach (var error in errors)
        {
            sum += Math.Abs(error);
        }

        return sum / errors.Length;
    }

    private static double[] Sort(ReadOnlySpan<double> errors)
    {
        var sorted = errors.ToArray();
        Array.Sort(sorted);
        return sorted;
    }

    // What comes less what was expected: below 0 and above.
    private readonly record struct ErrorRange(double Low, double High)
    {
        public static ErrorRange Find(double[] sorted, double share, int ahead)
        {
            // What is expected from neighboring days errs alike: so many days ahead, four origins in as many are worth one. Between 2 and 6
            // of them the ranges of five simulated worlds hold between 70 and 90 %; with 4 they are nearest to 80 on the whole.
            var independent = sorted.Length / Math.Max(1, ahead / 4.0);
            var reach = (1 + share) / 2 * (independent + 1) / independent;
            return new ErrorRange(Quantile(sorted, 1 - reach), Quantile(sorted, reach));
        }

        public bool Contains(double error) => error >= Low && error <= High;

        // Never narrower further ahead.
        public ErrorRange Widen(ErrorRange other) => new(Math.Min(Low, other.Low), Math.Max(High, other.High));

        public ExpectedRange Around(double size) => new(Math.Max(0, size + Low), Math.Max(0, size + High));

        private static double Quantile(double[] sorted, double p) =>
            SortedArrayStatistics.QuantileCustom(sorted, Math.Clamp(p, 0, 1), QuantileDefinition.R5);
    }
}
