using MathNet.Numerics;
using Segmentation.Models.Statistics;
using Gamma = MathNet.Numerics.Distributions.Gamma;
using Poisson = MathNet.Numerics.Distributions.Poisson;

namespace Segmentation.Models.Purchases;

/// <summary>Which model of how often customers buy, and when they stop.</summary>
public enum FrequencyKind
{
    /// <summary>A customer may stop after any purchase, the first included: E. P. Batislam, M. Denizel, A. Filiztekin, "Empirical
    /// validation and comparison of models for customer base analysis", International Journal of Research in Marketing 24 (2007)
    /// 201-209.</summary>
    MbgNbd,

    /// <summary>A customer may stop after any repeated purchase: P. S. Fader, B. G. S. Hardie, K. L. Lee, "Counting your customers the
    /// easy way: an alternative to the Pareto/NBD model", Marketing Science 24 (2005) 275-284.</summary>
    BgNbd,
}

/// <summary>
/// Customers buy at rates of their own, distributed as gamma(r, α), and stop after a purchase with a probability of their own,
/// distributed as beta(a, b). All four are more than 0; α has the unit of the histories' times.
/// </summary>
public sealed record FrequencyModel(FrequencyKind Kind, double R, double Alpha, double A, double B)
{
    /// <summary>How often a customer has not stopped who is alive: x, and once more where the first purchase can be the last.</summary>
    private double Stays(double repeats) => Kind == FrequencyKind.MbgNbd ? repeats + 1 : repeats;

    /// <summary>ln L of one customer.</summary>
    public double LogLikelihood(PurchaseHistory h)
    {
        var (shape, stays) = (R + h.Repeats, B + Stays(h.Repeats));
        return SpecialFunctions.GammaLn(shape) - SpecialFunctions.GammaLn(R) - (R * Math.Log(1 + (h.Age / Alpha)))
            - (h.Repeats * Math.Log(Alpha + h.Age)) + SpecialFunctions.BetaLn(A, stays) - SpecialFunctions.BetaLn(A, B)
            + Precise.SoftPlus(LogOddsOfStopped(h));
    }

    /// <summary>The probability of being alive, 0 to 1: of not having stopped after the last purchase.</summary>
    public double Alive(PurchaseHistory h) => 1 / (1 + Math.Exp(LogOddsOfStopped(h)));

    /// <summary>The probability of no purchase within a time from now, 0 to 1.</summary>
    public double None(PurchaseHistory h, double time) =>
        1 + (Alive(h) * Precise.Expm1(-(R + h.Repeats) * Precise.Log1p(time / (Alpha + h.Age))));

    /// <summary>How many purchases are expected within a time from now.</summary>
    /// <remarks>
    /// Both models' formulas with ₂F₁ are this: of a customer who is alive, E[(1 − (1 + p t/(α + T))^−(r+x)) / p] over
    /// p ~ beta(a, b + x), and for MBG/NBD beta(a, b + x + 1).
    /// </remarks>
    public double Orders(PurchaseHistory h, double time) =>
        Alive(h) * ExpectedOrders.WhileAlive(R + h.Repeats, time / (Alpha + h.Age), A, B + Stays(h.Repeats));

    /// <summary>
    /// How many purchases a customer will make within a time from now, in 80 % of all cases: the 10 % and 90 % points of draws from the
    /// posterior distribution of rate, probability to stop and being alive, and from the purchases that follow from these.
    /// </summary>
    /// <param name="h">What is known of it.</param>
    /// <param name="time">From now.</param>
    /// <param name="seed">The same seed has the same draws.</param>
    public (int Low, int High) OrdersInterval(PurchaseHistory h, double time, int seed)
    {
        const int draws = 10_000;
        var random = new Random(seed);
        var counts = new int[draws];
        var alive = Alive(h);
        for (var i = 0; i < draws; i++)
        {
            if (random.NextDouble() < alive)
            {
                counts[i] = DrawOrders(random, R + h.Repeats, Alpha + h.Age, A, B + Stays(h.Repeats), time);
            }
        }

        Array.Sort(counts);
        return (counts[(draws / 10) - 1], counts[(draws * 9 / 10) - 1]);
    }

    /// <summary>Draws a customer who is new, and what becomes of it until an age.</summary>
    public PurchaseHistory Draw(Random random, double age)
    {
        var (rate, stop) = (DrawGamma(random, R, Alpha), DrawBeta(random, A, B));
        double last = 0;
        var repeats = 0;
        var alive = Kind == FrequencyKind.BgNbd || random.NextDouble() >= stop;
        for (var at = DrawWait(random, rate); alive && at <= age; at += DrawWait(random, rate))
        {
            (repeats, last) = (repeats + 1, at);
            alive = random.NextDouble() >= stop;
        }

        return new PurchaseHistory(repeats, last, age);
    }

    // ln of (1 - P(alive)) / P(alive): of B(a+1, stays-1) (α+t_x)^-(r+x) to B(a, stays) (α+T)^-(r+x).
    private double LogOddsOfStopped(PurchaseHistory h) => Stays(h.Repeats) == 0
        ? double.NegativeInfinity
        : Math.Log(A) - Math.Log(B + Stays(h.Repeats) - 1)
            + ((R + h.Repeats) * Precise.Log1p((h.Age - h.Last) / (Alpha + h.Last)));

    private static int DrawOrders(Random random, double shape, double rate, double a, double stays, double time)
    {
        const double most = int.MaxValue / 2;
        var (expected, stop) = (time * DrawGamma(random, shape, rate), DrawBeta(random, a, stays));
        var wanted = expected < 1e8 ? Poisson.Sample(random, expected) : (int)Math.Min(expected, most);
        if (stop <= 0)
        {
            return wanted;
        }

        var last = 1 + Math.Floor(Math.Log(1 - random.NextDouble()) / Precise.Log1p(-stop));
        return (int)Math.Min(wanted, Math.Min(last, most));
    }

    private static double DrawWait(Random random, double rate) => -Math.Log(1 - random.NextDouble()) / rate;

    private static double DrawGamma(Random random, double shape, double rate) => Gamma.Sample(random, shape, rate);

    // Of two gamma variables that are both too small to be told from 0, the share is as good as 0 or 1.
    private static double DrawBeta(Random random, double a, double b)
    {
        var (x, y) = (DrawGamma(random, a, 1), DrawGamma(random, b, 1));
        return x + y > 0 ? x / (x + y) : random.NextDouble() * (a + b) < a ? 1 : 0;
    }
}
