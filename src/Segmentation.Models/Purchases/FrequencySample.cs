using MathNet.Numerics;
using Segmentation.Models.Statistics;

namespace Segmentation.Models.Purchases;

/// <summary>Customers' histories, equal ones together, to fit models of frequency to.</summary>
public sealed class FrequencySample
{
    // A chance to stop of a share s varies by √(s / b): a hundredth of what it is, or less.
    private const double Alike = 1e5;

    private readonly double[] repeats, times;
    private readonly Group[] groups;
    private readonly double customers;

    /// <param name="counts">Histories, each with how many customers have it. Their order does not matter.</param>
    public FrequencySample(IEnumerable<KeyValuePair<PurchaseHistory, long>> counts)
    {
        // In an order of their own, so that sums are the same on every day and machine.
        var all = counts.OrderBy(c => c.Key.Age).ThenBy(c => c.Key.Repeats).ThenBy(c => c.Key.Last).ToList();
        repeats = [.. all.Select(c => c.Key.Repeats).Distinct().Order()];
        times = [.. all.SelectMany(c => new[] { c.Key.Age, c.Key.Last }).Distinct().Order()];
        var (repeat, time) = (Index(repeats), Index(times));
        groups = [.. all.Select(c => new Group(repeat[c.Key.Repeats], time[c.Key.Last], time[c.Key.Age], c.Value))];
        customers = all.Sum(c => c.Value);
        MeanAge = all.Sum(c => c.Value * c.Key.Age) / customers;
        MeanRepeats = all.Sum(c => c.Value * c.Key.Repeats) / customers;

        static Dictionary<double, int> Index(double[] values) => values.Select((v, i) => (v, i)).ToDictionary(p => p.v, p => p.i);
    }

    private double MeanAge { get; }

    private double MeanRepeats { get; }

    /// <summary>
    /// Fits a model. Where customers don't differ in their chance to stop, a and b grow without end and only their quotient is told: then
    /// b is held at where that chance is as good as the same for all, and has no interval.
    /// </summary>
    /// <returns>Null where it does not converge.</returns>
    public Fitted<FrequencyModel>? Fit(FrequencyKind kind)
    {
        // α so that r / α is the rate seen, at several r and chances to stop.
        var scale = MeanAge / Math.Max(MeanRepeats, 1e-3);
        double[][] starts =
        [
            [0.5, 0.5 * scale, 1, 2.5], [1, scale, 0.5, 3], [0.25, 0.1 * scale, 0.8, 2], [2, 2 * scale, 1.5, 10], [1, 0.5 * scale, 0.1, 1],
        ];
        return MaximumLikelihood.Find(
            customers, starts, (p, gradient) => Evaluate(new FrequencyModel(kind, p[0], p[1], p[2], p[3]), gradient),
            p => new FrequencyModel(kind, p[0], p[1], p[2], p[3])) ?? FitAlike(kind, starts);
    }

    private Fitted<FrequencyModel>? FitAlike(FrequencyKind kind, double[][] starts)
    {
        var found = MaximumLikelihood.Find(
            customers, starts.Select(s => new[] { s[0], s[1], Alike * s[2] / s[3] }), Evaluate,
            p => new FrequencyModel(kind, p[0], p[1], p[2], Alike));
        return found is null
            ? null
            : found with { Intervals = [.. found.Intervals, new Interval(double.NaN, double.NaN)], IsOnBoundary = true };

        double Evaluate(double[] p, double[] gradient)
        {
            var all = new double[4];
            var sum = this.Evaluate(new FrequencyModel(kind, p[0], p[1], p[2], Alike), all);
            all.AsSpan(0, gradient.Length).CopyTo(gradient);
            return sum;
        }
    }

    // The sum of FrequencyModel.LogLikelihood, and its gradient: what depends on x or a time alone is reckoned once.
    internal double Evaluate(FrequencyModel model, double[] gradient)
    {
        var (r, alpha, a, b) = (model.R, model.Alpha, model.A, model.B);
        var first = model.Kind == FrequencyKind.MbgNbd ? 1 : 0;
        var logs = Array.ConvertAll(times, t => Math.Log(alpha + t));
        var terms = Array.ConvertAll(repeats, x => new Term(model, x, b + x + first));
        double sum = 0, byR = 0, byAlpha = 0, byA = 0, byB = 0;
        foreach (var (repeat, last, age, count) in groups)
        {
            var term = terms[repeat];
            var odds = term.LogOdds + (term.Shape * (logs[age] - logs[last]));
            var stopped = 1 / (1 + Math.Exp(-odds));
            var (ofAge, ofLast) = (1 / (alpha + times[age]), 1 / (alpha + times[last]));
            sum += count * (term.Constant - (term.Shape * logs[age]) + Precise.SoftPlus(odds));
            byR += count * (term.ByR - logs[age] + (stopped * (logs[age] - logs[last])));
            byAlpha += count * ((r / alpha) - (term.Shape * ofAge) + (stopped * term.Shape * (ofAge - ofLast)));
            byA += count * (term.ByA + (stopped / a));
            byB += count * (term.ByB - (stopped == 0 ? 0 : stopped / (term.Stays - 1)));
        }

        (gradient[0], gradient[1], gradient[2], gradient[3]) = (byR, byAlpha, byA, byB);
        return sum;
    }

    private readonly record struct Group(int Repeats, int Last, int Age, long Count);

    // What the likelihood has of x.
    private sealed class Term
    {
        public Term(FrequencyModel model, double x, double stays)
        {
            var (r, a, b) = (model.R, model.A, model.B);
            Shape = r + x;
            Stays = stays;
            LogOdds = stays == b ? double.NegativeInfinity : Math.Log(a) - Math.Log(stays - 1);
            Constant = SpecialFunctions.GammaLn(Shape) - SpecialFunctions.GammaLn(r) + (r * Math.Log(model.Alpha))
                + SpecialFunctions.BetaLn(a, stays) - SpecialFunctions.BetaLn(a, b);
            ByR = SpecialFunctions.DiGamma(Shape) - SpecialFunctions.DiGamma(r) + Math.Log(model.Alpha);
            ByA = SpecialFunctions.DiGamma(a + b) - SpecialFunctions.DiGamma(a + stays);
            ByB = SpecialFunctions.DiGamma(stays) - SpecialFunctions.DiGamma(a + stays)
                - SpecialFunctions.DiGamma(b) + SpecialFunctions.DiGamma(a + b);
        }

        public double Shape { get; }
        public double Stays { get; }
        public double LogOdds { get; }
        public double Constant { get; }
        public double ByR { get; }
        public double ByA { get; }
        public double ByB { get; }
    }
}
