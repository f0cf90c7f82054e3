using MathNet.Numerics;

namespace Segmentation.Models.Purchases;

/// <summary>Customers' mean amounts, to fit the model of spend to.</summary>
public sealed class SpendSample
{
    private readonly Group[] groups;
    private readonly double customers, unit;

    /// <param name="customers">Of each how many amounts, from 1, and their mean, above 0. Their order does not matter.</param>
    public SpendSample(IEnumerable<(double Count, double Mean)> customers)
    {
        var all = customers.OrderBy(c => c.Count).ThenBy(c => c.Mean).ToList();
        this.customers = all.Count;

        // In units of the usual amount, so that starts fit any currency.
        unit = all.Count == 0 ? 1 : all.Average(c => c.Mean);
        groups = [.. all.GroupBy(c => c.Count).Select(g => new Group(g.Key, [.. g.Select(c => c.Mean / unit)]))];
    }

    /// <summary>Fits the model.</summary>
    /// <returns>Null where it does not converge, as where all amounts are equal, or where it has no mean.</returns>
    public Fitted<SpendModel>? Fit()
    {
        double[][] starts = [[3, 4, 1], [6, 4, 0.5], [1, 2, 1], [2, 10, 5], [20, 20, 1]];
        var fitted = customers == 0
            ? null
            : MaximumLikelihood.Find(customers, starts, Evaluate, p => new SpendModel(p[0], p[1], p[2] * unit));
        if (fitted is not { Model.Q: > 1 })
        {
            return null;
        }

        var gamma = fitted.Intervals[2];
        return fitted with
        {
            LogLikelihood = fitted.LogLikelihood - (customers * Math.Log(unit)),
            Intervals = [fitted.Intervals[0], fitted.Intervals[1], new(gamma.Low * unit, gamma.High * unit)],
        };
    }

    // The sum of SpendModel.LogLikelihood, in units, and its gradient.
    internal double Evaluate(double[] parameters, double[] gradient)
    {
        var (p, q, gamma) = (parameters[0], parameters[1], parameters[2]);
        double sum = 0, byP = 0, byQ = 0, byGamma = 0;
        foreach (var group in groups)
        {
            var (n, size, shape) = (group.Count, group.Means.Length, (p * group.Count) + q);
            double logs = 0, inverses = 0;
            foreach (var mean in group.Means)
            {
                logs += Math.Log(gamma + (mean * n));
                inverses += 1 / (gamma + (mean * n));
            }

            sum += (size * (SpecialFunctions.GammaLn(shape) - SpecialFunctions.GammaLn(p * n) - SpecialFunctions.GammaLn(q)
                    + (q * Math.Log(gamma)) + (p * n * Math.Log(n))))
                + (((p * n) - 1) * group.Logs) - (shape * logs);
            var digamma = SpecialFunctions.DiGamma(shape);
            byP += n * ((size * (digamma - SpecialFunctions.DiGamma(p * n) + Math.Log(n))) + group.Logs - logs);
            byQ += (size * (digamma - SpecialFunctions.DiGamma(q) + Math.Log(gamma))) - logs;
            byGamma += (size * q / gamma) - (shape * inverses);
        }

        (gradient[0], gradient[1], gradient[2]) = (byP, byQ, byGamma);
        return sum;
    }

    private sealed class Group(double count, double[] means)
    {
        public double Count => count;
        public double[] Means => means;
        public double Logs { get; } = means.Sum(Math.Log);
    }
}
