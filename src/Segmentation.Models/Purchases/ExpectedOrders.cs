using Segmentation.Models.Statistics;

namespace Segmentation.Models.Purchases;

/// <summary>
/// How many purchases are expected of a customer who is alive: E[(1 − (1 + p w)^−R) / p] over p ~ beta(a, b), with w the time ahead in
/// units of the rate's scale. Textbooks write it as (a + b − 1)/(a − 1) · [1 − (1 + w)^−R ₂F₁(R, b; a + b − 1; w/(1 + w))], which is
/// 0/0 at a = 1, and near it or for large R a difference of numbers much larger than itself.
/// </summary>
internal static class ExpectedOrders
{
    // What the sum may take: by then the integral is as fast.
    private const double MostTerms = 1000;
    private const double Least = 1e-17;

    // e^-40: of no size to a double.
    private const double Negligible = 40;

    /// <summary>Expects.</summary>
    /// <param name="shape">R: of the rate's distribution.</param>
    /// <param name="ahead">w: the time ahead by the rate's scale, from 0.</param>
    /// <param name="a">Of the probability to stop.</param>
    /// <param name="b">Of the same.</param>
    public static double WhileAlive(double shape, double ahead, double a, double b)
    {
        if (ahead <= 0)
        {
            return 0;
        }

        var mean = shape * ahead;
        var terms = mean + (8 * Math.Sqrt(mean * (1 + ahead))) + (40 * ahead);
        return terms < MostTerms && shape * Precise.Log1p(ahead) < 600 ? Sum(shape, ahead, a, b) : Integrate(shape, ahead, a, b);
    }

    /// <summary>
    /// All terms are positive: a customer who never stopped would buy K times, of a negative binomial distribution, and a j-th
    /// time it buys with the probability of not having stopped at the j − 1 before: Σ P(K > j) (b)_j / (a + b)_j.
    /// </summary>
    internal static double Sum(double shape, double ahead, double a, double b)
    {
        var ratio = ahead / (1 + ahead);
        var log = -shape * Precise.Log1p(ahead);
        var (exactly, more, stays, sum) = (Math.Exp(log), -Precise.Expm1(log), 1.0, 0.0);
        for (var k = 0; more > 0 && (k <= shape * ahead || exactly * (1 + ahead) * (1 + ahead) > Least * sum); k++)
        {
            sum += more * stays;
            exactly *= (shape + k) / (k + 1) * ratio;
            more -= exactly;
            stays *= (b + k) / (a + b + k);
        }

        return sum;
    }

    /// <summary>
    /// The same as an integral over u = ln(p / (1 − p)) by the trapezoidal rule, which is exact to the last digits for a function that is
    /// analytic in a strip and vanishes at both ends (L. N. Trefethen, J. A. C. Weideman, SIAM Review 56 (2014) 385-458). Towards both
    /// ends what is left is a geometric series. The weights' own sum is in place of the beta function.
    /// </summary>
    internal static double Integrate(double shape, double ahead, double a, double b)
    {
        var step = Math.Min(0.2, 0.7 * Math.Sqrt((1 / a) + (1 / b)));
        var middle = Math.Log(a) - Math.Log(b);
        var peak = LogWeight(middle);
        var (weights, sum) = (1.0, Value(middle));

        // Small probabilities of stopping have the largest values, up to R w.
        var limit = Math.Log(shape * ahead / sum);
        Add(-step, -Negligible - Math.Max(0, limit), -Negligible - Math.Max(0, Math.Log(shape * ahead)) - Precise.Log1p(ahead), a);
        Add(step, -Negligible, Negligible, b);
        return sum / weights;

        void Add(double by, double least, double end, double decay)
        {
            for (var i = 1; ; i++)
            {
                var u = middle + (i * by);
                var log = LogWeight(u) - peak;
                var (weight, value) = (Math.Exp(log), Value(u));
                var isConstant = by < 0 ? u < Math.Min(end, middle - 1) : u > Math.Max(end, middle + 1);
                if (isConstant)
                {
                    weight /= -Precise.Expm1(-decay * step);
                }

                weights += weight;
                sum += weight * value;
                if (isConstant || log < least)
                {
                    return;
                }
            }
        }

        double LogWeight(double u) => -(a * Precise.SoftPlus(-u)) - (b * Precise.SoftPlus(u));

        // Of p = 1 / (1 + e^-u).
        double Value(double u)
        {
            var p = u < 0 ? Math.Exp(u) / (1 + Math.Exp(u)) : 1 / (1 + Math.Exp(-u));
            return -Precise.Expm1(-shape * Precise.Log1p(p * ahead)) / p;
        }
    }
}
