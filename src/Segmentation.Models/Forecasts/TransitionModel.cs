using MathNet.Numerics;
using Segmentation.Models.Statistics;

namespace Segmentation.Models.Forecasts;

/// <summary>Whether two halves move alike.</summary>
/// <param name="Statistic">χ².</param>
/// <param name="Degrees">Its degrees of freedom.</param>
/// <param name="P">The probability of one at least as large if they do.</param>
public readonly record struct Homogeneity(double Statistic, int Degrees, double P);

/// <summary>
/// A Markov chain over states that customers are in, with arrivals: how often each state was followed by each, from one instant to the
/// next. T. W. Anderson and L. A. Goodman, "Statistical inference about Markov chains", Annals of Mathematical Statistics 28 (1957) 89-110.
/// </summary>
public sealed class TransitionModel
{
    private readonly int states;
    private readonly int steps;

    /// <summary>Adds up steps.</summary>
    /// <param name="states">How many states there are.</param>
    /// <param name="steps">Of each step how many went from each state (rows) to each; a last row is those who arrived.</param>
    public TransitionModel(int states, IReadOnlyList<long[][]> steps)
    {
        (this.states, this.steps) = (states, steps.Count);
        Counts =
        [
            .. Enumerable.Range(0, states + 1)
                .Select(i => Enumerable.Range(0, states).Select(j => steps.Sum(s => s[i][j])).ToArray()),
        ];
    }

    /// <summary>How often each state was followed by each; the last row is those who arrived.</summary>
    public IReadOnlyList<IReadOnlyList<long>> Counts { get; }

    /// <summary>How likely one state is followed by another; null where nobody was in the first.</summary>
    public Proportion? Find(int from, int to) => Counts[from].Sum() is var all and > 0 ? new Proportion(Counts[from][to], all) : null;

    /// <summary>The states' sizes after each of some steps: those who stay, those who come from other states, and as many arrivals as in
    /// the mean step. Who is in a state that nobody was ever seen to leave or stay in stays.</summary>
    /// <param name="sizes">Of the states now.</param>
    /// <param name="ahead">How many steps.</param>
    public IReadOnlyList<double[]> Follow(IReadOnlyList<double> sizes, int ahead)
    {
        List<double[]> path = [];
        var now = sizes;
        for (var step = 0; step < ahead; step++)
        {
            var next = new double[states];
            for (var to = 0; to < states; to++)
            {
                next[to] = steps == 0 ? 0 : Counts[states][to] / (double)steps;
                for (var from = 0; from < states; from++)
                {
                    next[to] += now[from] * (Find(from, to)?.Share ?? (from == to ? 1 : 0));
                }
            }

            path.Add(next);
            now = next;
        }

        return path;
    }

    /// <summary>Whether another's customers move as this one's: χ² of the two tables of each state that both have, added up. Null where
    /// none could differ.</summary>
    public Homogeneity? Compare(TransitionModel other)
    {
        var (statistic, degrees) = (0.0, 0);
        for (var from = 0; from < states; from++)
        {
            var (own, their) = (Counts[from].Sum(), other.Counts[from].Sum());
            if (own == 0 || their == 0)
            {
                continue;
            }

            var reached = 0;
            for (var to = 0; to < states; to++)
            {
                double together = Counts[from][to] + other.Counts[from][to];
                if (together == 0)
                {
                    continue;
                }

                reached++;
                var (expected, expectedOfOther) = (together * own / (own + their), together * their / (own + their));
                statistic += (Math.Pow(Counts[from][to] - expected, 2) / expected)
                    + (Math.Pow(other.Counts[from][to] - expectedOfOther, 2) / expectedOfOther);
            }

            degrees += reached - 1;
        }

        return degrees == 0 ? null : new Homogeneity(
            statistic, degrees, statistic == 0 ? 1 : Tails.Clean(SpecialFunctions.GammaUpperRegularized(degrees / 2.0, statistic / 2)));
    }
}
