using System.Text.Json.Serialization;
using MathNet.Numerics;
using Segmentation.Models.Statistics;

namespace Segmentation.Models.Propensities;

/// <summary>Makes probabilities of scores; never a lower one of a higher score.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(PlattCalibrator), "platt")]
[JsonDerivedType(typeof(IsotonicCalibrator), "isotonic")]
public abstract record Calibrator
{
    /// <summary>A score's probability, between 0 and 1.</summary>
    public abstract double Tell(double score);

    /// <summary>What an odds ratio's logarithm is for a term of 1.</summary>
    [JsonIgnore]
    public abstract double Slope { get; }

    /// <summary>The better of the two kinds, by the Brier score of each half where the other half taught it; then taught by all.</summary>
    /// <param name="scored">Scores of customers whom the model did not see, and whether the goal came; in an order that has no meaning.
    /// </param>
    internal static Calibrator Choose(IReadOnlyList<(double Score, bool Happened)> scored)
    {
        List<(double Score, bool Happened)>[] halves = [[.. scored.Where((_, i) => i % 2 == 0)], [.. scored.Where((_, i) => i % 2 == 1)]];
        return Error(IsotonicCalibrator.Fit) < Error(PlattCalibrator.Fit) ? IsotonicCalibrator.Fit(scored) : PlattCalibrator.Fit(scored);

        double Error(Func<IReadOnlyList<(double Score, bool Happened)>, Calibrator> fit) =>
            Squares(fit(halves[0]), halves[1]) + Squares(fit(halves[1]), halves[0]);

        static double Squares(Calibrator told, List<(double Score, bool Happened)> came) =>
            came.Sum(c => Math.Pow(told.Tell(c.Score) - (c.Happened ? 1 : 0), 2));
    }
}

/// <summary>A logistic function of the score.</summary>
/// <remarks>J. Platt, "Probabilistic outputs for support vector machines", 1999; fitted by Newton's method as H.-T. Lin, C.-J. Lin,
/// R. C. Weng, Machine Learning 68 (2007) 267-276 have it.</remarks>
/// <param name="Factor">At least 0.</param>
/// <param name="Offset">Added.</param>
public sealed record PlattCalibrator(double Factor, double Offset) : Calibrator
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override double Slope => Factor;

    /// <inheritdoc/>
    public override double Tell(double score) => SpecialFunctions.Logistic((Factor * score) + Offset);

    internal static PlattCalibrator Fit(IReadOnlyList<(double Score, bool Happened)> scored)
    {
        double with = scored.Count(s => s.Happened), without = scored.Count - with;
        // The paper's targets: not quite 1 and 0, so that scores that divide perfectly have a finite slope.
        var (high, low) = ((with + 1) / (with + 2), 1 / (without + 2));
        double factor = 0, offset = Math.Log((with + 1) / (without + 1));
        for (var step = 0; step < 100; step++)
        {
            double gf = 0, go = 0, hff = 1e-12, hfo = 0, hoo = 1e-12;
            foreach (var (score, happened) in scored)
            {
                var p = SpecialFunctions.Logistic((factor * score) + offset);
                var (error, weight) = ((happened ? high : low) - p, p * (1 - p));
                (gf, go) = (gf + (error * score), go + error);
                (hff, hfo, hoo) = (hff + (weight * score * score), hfo + (weight * score), hoo + weight);
            }

            if (Math.Abs(gf) < 1e-6 && Math.Abs(go) < 1e-6)
            {
                break;
            }

            var determinant = (hff * hoo) - (hfo * hfo);
            var (df, d0) = (((hoo * gf) - (hfo * go)) / determinant, ((hff * go) - (hfo * gf)) / determinant);
            var (loss, size) = (Loss(factor, offset), 1.0);
            while (size > 1e-10 && !(Loss(factor + (size * df), offset + (size * d0)) <= loss))
            {
                size /= 2;
            }

            (factor, offset) = (factor + (size * df), offset + (size * d0));
        }

        // A score that is lower where it happened has learned nothing: all are told the base rate.
        return factor > 0 ? new PlattCalibrator(factor, offset) : new PlattCalibrator(0, Math.Log((with + 1) / (without + 1)));

        double Loss(double f, double o) => scored.Sum(s =>
        {
            var z = (f * s.Score) + o;
            return Precise.SoftPlus(z) - ((s.Happened ? high : low) * z);
        });
    }
}

/// <summary>The nearest function that never falls: constant on blocks, a line between their middles.</summary>
/// <remarks>Pool adjacent violators: M. Ayer et al., Annals of Mathematical Statistics 26 (1955) 641-647.</remarks>
/// <param name="Scores">The mean score of each block, ascending.</param>
/// <param name="Probabilities">Its share of customers to whom it happened, ascending; not quite 0 or 1, of which no number of customers
/// tells.</param>
public sealed record IsotonicCalibrator(IReadOnlyList<double> Scores, IReadOnlyList<double> Probabilities) : Calibrator
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override double Slope => 1;

    /// <inheritdoc/>
    public override double Tell(double score)
    {
        int low = 0, high = Scores.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = Scores[middle] < score ? (middle + 1, high) : (low, middle);
        }

        if (low == 0 || low == Scores.Count)
        {
            return Probabilities[Math.Min(low, Scores.Count - 1)];
        }

        var part = (score - Scores[low - 1]) / (Scores[low] - Scores[low - 1]);
        return Probabilities[low - 1] + (part * (Probabilities[low] - Probabilities[low - 1]));
    }

    internal static IsotonicCalibrator Fit(IReadOnlyList<(double Score, bool Happened)> scored)
    {
        var blocks = new List<(double Scores, double Happened, double Count)>();
        foreach (var equal in scored.GroupBy(s => s.Score).OrderBy(g => g.Key))
        {
            (double Scores, double Happened, double Count) block = (equal.Key * equal.Count(), equal.Count(s => s.Happened), equal.Count());
            while (blocks.Count > 0 && blocks[^1].Happened * block.Count >= block.Happened * blocks[^1].Count)
            {
                var below = blocks[^1];
                blocks.RemoveAt(blocks.Count - 1);
                block = (below.Scores + block.Scores, below.Happened + block.Happened, below.Count + block.Count);
            }

            blocks.Add(block);
        }

        var least = 0.5 / Math.Max(1, scored.Count);
        return new IsotonicCalibrator(
            [.. blocks.Select(b => b.Scores / b.Count)], [.. blocks.Select(b => Math.Clamp(b.Happened / b.Count, least, 1 - least))]);
    }
}
