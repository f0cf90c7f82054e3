using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Double;
using MathNet.Numerics.Optimization;
using Segmentation.Models.Statistics;

namespace Segmentation.Models.Purchases;

/// <summary>Finds the parameters, all above 0, under which what was seen is likeliest.</summary>
internal static class MaximumLikelihood
{
    // Of the mean over customers: at most 1e-6 is found; the search goes on to less, so that it does not matter where it began.
    private const double Tolerance = 1e-6;
    private const double SearchTolerance = 1e-9;
    private const int MostSteps = 200;
    private const int MostRefinements = 8;

    // Between e^-18 and e^18 there is anything that data can tell.
    private const double Edge = 18;

    /// <summary>Searches from each start until one converges: a gradient of less than 1e-6 a customer, and a positive definite Hessian.
    /// </summary>
    /// <param name="customers">How many there are.</param>
    /// <param name="starts">Parameters to begin at.</param>
    /// <param name="evaluate">The log likelihood's sum over customers at given parameters, and its gradient by these.</param>
    /// <param name="create">A model of parameters.</param>
    /// <returns>Null where none converges.</returns>
    public static Fitted<T>? Find<T>(
        double customers, IEnumerable<double[]> starts, Func<double[], double[], double> evaluate, Func<double[], T> create)
    {
        foreach (var start in starts)
        {
            var at = Refine(Search(Vector.Build.DenseOfEnumerable(start.Select(p => Math.Log(p))), Evaluate), Evaluate);
            if (at is not { } found)
            {
                continue;
            }

            var errors = found.Inverse.Diagonal().Select(v => Math.Sqrt(v / customers)).ToList();
            return new Fitted<T>(
                create([.. found.Logs.Select(Math.Exp)]),
                -customers * found.Loss,
                [.. found.Logs.Zip(errors, (log, e) => Interval.Around(log, e))
                    .Select(i => new Interval(Math.Exp(i.Low), Math.Exp(i.High)))],
                found.Logs.Zip(errors).Any(p => Math.Abs(p.First) > Edge / 2 || 2 * Interval.Z * p.Second > Math.Log(100)));
        }

        return null;

        // The mean loss and its gradient, by the parameters' logarithms.
        (double, Vector<double>) Evaluate(Vector<double> logs)
        {
            double[] parameters = [.. logs.Select(log => Math.Exp(Math.Clamp(log, -Edge, Edge)))];
            var gradient = new double[parameters.Length];
            var sum = evaluate(parameters, gradient);
            return (-sum / customers, Vector.Build.DenseOfEnumerable(gradient.Zip(parameters, (g, p) => -g * p / customers)));
        }
    }

    // BFGS gives up where rounding no longer lets it descend: as near as it came is where refining begins.
    private static Vector<double> Search(Vector<double> start, Func<Vector<double>, (double Loss, Vector<double> Gradient)> evaluate)
    {
        var (best, least) = (start, double.PositiveInfinity);
        var objective = ObjectiveFunction.Gradient(logs =>
        {
            var (loss, gradient) = evaluate(logs);
            if (loss < least)
            {
                (best, least) = (logs.Clone(), loss);
            }

            return (loss, gradient);
        });
        try
        {
            new BfgsMinimizer(SearchTolerance, 1e-10, 1e-14, MostSteps).FindMinimum(objective, start);
        }
        catch (OptimizationException)
        {
        }

        return best;
    }

    // Newton's steps; null where it does not get there.
    private static (Vector<double> Logs, double Loss, Matrix<double> Inverse)? Refine(
        Vector<double> logs, Func<Vector<double>, (double Loss, Vector<double> Gradient)> evaluate)
    {
        for (var i = 0; i <= MostRefinements; i++)
        {
            var (loss, gradient) = evaluate(logs);
            var hessian = Differentiate(logs, evaluate);
            if (!double.IsFinite(loss) || logs.AbsoluteMaximum() >= Edge || hessian.Enumerate().Any(h => !double.IsFinite(h))
                || hessian.Evd(Symmetricity.Symmetric).EigenValues.Any(e => e.Real <= 1e-11))
            {
                return null;
            }

            var norm = gradient.InfinityNorm();
            if (norm < SearchTolerance || (i == MostRefinements && norm < Tolerance))
            {
                return (logs, loss, hessian.Inverse());
            }

            var step = hessian.Solve(gradient);
            logs -= step * Math.Min(1, 1 / step.InfinityNorm());
        }

        return null;
    }

    // The Hessian, by central differences of the gradient.
    private static Matrix<double> Differentiate(
        Vector<double> logs, Func<Vector<double>, (double Loss, Vector<double> Gradient)> evaluate)
    {
        const double width = 1e-4;
        var columns = Enumerable.Range(0, logs.Count).Select(i =>
        {
            var (above, below) = (logs.Clone(), logs.Clone());
            (above[i], below[i]) = (logs[i] + width, logs[i] - width);
            return (evaluate(above).Gradient - evaluate(below).Gradient) / (2 * width);
        });
        var hessian = Matrix<double>.Build.DenseOfColumnVectors(columns);
        return (hessian + hessian.Transpose()) / 2;
    }
}
