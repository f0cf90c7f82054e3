namespace Segmentation.Models.Forecasts;

/// <summary>What each method expects from each day of the past, and from today.</summary>
internal sealed class SizePaths
{
    private const int Window = 28, Week = 7;

    // method, origin, days ahead - 1.
    private readonly double[][][] paths;
    private readonly IReadOnlyList<double> sizes;
    private readonly int firstOrigin;

    private SizePaths(IReadOnlyList<double> sizes, int firstOrigin, double[][][] paths) =>
        (this.sizes, this.firstOrigin, this.paths) = (sizes, firstOrigin, paths);

    /// <summary>Follows each method from each origin.</summary>
    /// <param name="sizes">One a day.</param>
    /// <param name="firstOrigin">The first day from which it is tried: what is before is known to it.</param>
    /// <param name="days">How many days ahead.</param>
    public static SizePaths Create(IReadOnlyList<double> sizes, int firstOrigin, int days)
    {
        var trend = new DampedTrend();
        var paths = new double[Enum.GetValues<ForecastMethod>().Length][][];
        for (var m = 0; m < paths.Length; m++)
        {
            paths[m] = new double[sizes.Count - firstOrigin][];
        }

        for (var at = 0; at < sizes.Count; at++)
        {
            trend.Add(sizes[at]);
            if (at < firstOrigin)
            {
                continue;
            }

            var last = sizes[at];
            var drift = Drift(sizes, at);
            Follow(ForecastMethod.Last, _ => last);
            Follow(ForecastMethod.Drift, ahead => last + (ahead * drift));
            var byWeekday = DriftByWeekday(sizes, at);
            var sum = last;
            Follow(ForecastMethod.WeekdayDrift, ahead => sum += byWeekday[(at + ahead) % Week]);
            var ahead = trend.Follow(days);
            Follow(ForecastMethod.DampedTrend, h => ahead[h - 1]);

            void Follow(ForecastMethod method, Func<int, double> expect)
            {
                var path = paths[(int)method][at - firstOrigin] = new double[days];
                for (var h = 1; h <= days; h++)
                {
                    path[h - 1] = expect(h);
                }
            }
        }

        return new SizePaths(sizes, firstOrigin, paths);
    }

    /// <summary>What a method expects from today.</summary>
    public double Expect(ForecastMethod method, int ahead) => paths[(int)method][^1][ahead - 1];

    /// <summary>What came less what a method had expected so many days before, from the first origin to the last that is known.</summary>
    public double[] FindErrors(ForecastMethod method, int ahead)
    {
        var errors = new double[sizes.Count - firstOrigin - ahead];
        for (var i = 0; i < errors.Length; i++)
        {
            errors[i] = sizes[firstOrigin + i + ahead] - paths[(int)method][i][ahead - 1];
        }

        return errors;
    }

    private static double Drift(IReadOnlyList<double> sizes, int at)
    {
        var days = Math.Min(Window, at);
        return (sizes[at] - sizes[at - days]) / days;
    }

    // The mean change into each day of the week, by the day's number in the series.
    private static double[] DriftByWeekday(IReadOnlyList<double> sizes, int at)
    {
        var sums = new double[Week];
        var counts = new int[Week];
        for (var day = at; day > Math.Max(0, at - Window); day--)
        {
            sums[day % Week] += sizes[day] - sizes[day - 1];
            counts[day % Week]++;
        }

        for (var i = 0; i < Week; i++)
        {
            sums[i] /= Math.Max(1, counts[i]);
        }

        return sums;
    }

    /// <summary>
    /// Level and fading trend, with the weights that would have erred least from one day to the next so far: all are followed at once, so
    /// that each origin knows of its past alone.
    /// </summary>
    private sealed class DampedTrend
    {
        // The first errors tell how it began, not how it goes on.
        private const int Unjudged = 7;

        private readonly List<State> states =
        [
            .. from level in (double[])[0.2, 0.4, 0.6, 0.8, 1]
               from trend in (double[])[0.02, 0.05, 0.1, 0.2, 0.4]
               from fading in (double[])[0.8, 0.9, 0.95, 0.98]
               select new State(level, trend, fading),
        ];

        private int seen;

        public void Add(double size)
        {
            foreach (var state in states)
            {
                if (seen == 0)
                {
                    state.Level = size;
                    continue;
                }

                var expected = state.Level + (state.Fading * state.Trend);
                var error = size - expected;
                state.Level = expected + (state.LevelWeight * error);
                state.Trend = (state.Fading * state.Trend) + (state.LevelWeight * state.TrendWeight * error);
                state.SquaredError += seen < Unjudged ? 0 : error * error;
            }

            seen++;
        }

        public double[] Follow(int days)
        {
            var best = states.MinBy(s => s.SquaredError)!;
            var path = new double[days];
            var (size, step) = (best.Level, best.Trend);
            for (var i = 0; i < days; i++)
            {
                step *= best.Fading;
                path[i] = size += step;
            }

            return path;
        }

        private sealed class State(double levelWeight, double trendWeight, double fading)
        {
            public double LevelWeight { get; } = levelWeight;

            public double TrendWeight { get; } = trendWeight;

            public double Fading { get; } = fading;

            public double Level { get; set; }

            public double Trend { get; set; }

            public double SquaredError { get; set; }
        }
    }
}
