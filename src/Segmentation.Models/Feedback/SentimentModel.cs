using System.Runtime.InteropServices;
using MathNet.Numerics;
using Segmentation.Models.Statistics;

namespace Segmentation.Models.Feedback;

/// <summary>A text with what its writer thought.</summary>
public readonly record struct RatedText(string Text, bool IsPositive);

/// <summary>
/// Tells positive from negative texts, in any language, as rated texts have taught it: logistic regression over words, pairs of words and
/// letters in threes.
/// </summary>
public sealed class SentimentModel
{
    /// <summary>How many words, pairs and threes a model tells apart, at most.</summary>
    public const int Places = TextFeatures.Count;

    /// <summary>Bytes of a model.</summary>
    public const int Bytes = (Places + 1) * sizeof(float);

    // How closely it follows its texts (C in much software): larger follows more.
    private const double Closeness = 10;

    private const int MaxPasses = 200;

    // The loss is within this of the least that there is.
    private const double Tolerance = 1e-5;

    // The last is the constant.
    private readonly float[] weights;

    private SentimentModel(float[] weights) => this.weights = weights;

    /// <summary>Reads a model that <see cref="ToBytes"/> wrote.</summary>
    /// <exception cref="ArgumentException">It has another length.</exception>
    public static SentimentModel FromBytes(byte[] bytes) => bytes.Length == Bytes
        ? new SentimentModel(MemoryMarshal.Cast<byte, float>(bytes).ToArray())
        : throw new ArgumentException($"A model has {Bytes} bytes.", nameof(bytes));

    /// <summary>The weights, 32 bits each, least byte first.</summary>
    public byte[] ToBytes() => MemoryMarshal.AsBytes<float>(weights).ToArray();

    /// <summary>What a text's logarithm of odds is without any of these.</summary>
    public double Constant => weights[Places];

    /// <summary>The probability that a text is positive; null for a text without a letter.</summary>
    public double? Probability(string text) => TextFeatures.Read(text) is { Length: > 0 } places
        ? SpecialFunctions.Logistic(Margin(places))
        : null;

    /// <summary>A text's sentiment, -1 to 1, three decimals: 2 p - 1. Null for a text without a letter.</summary>
    public decimal? Score(string text) => Probability(text) is { } p ? SentimentScale.Round((decimal)((2 * p) - 1)) : null;

    /// <summary>Teaches a model. The same texts in the same order make the same model.</summary>
    /// <remarks>
    /// The least of C Σ log(1 + exp(-y w·x)) + w² / 2, by coordinates of the dual: H.-F. Yu, F.-L. Huang, C.-J. Lin, Machine Learning 85
    /// (2011) 41-75. The duality gap says how far it is from the least, at most.
    /// </remarks>
    internal static (SentimentModel Model, double Gap) Train(IReadOnlyList<RatedText> texts)
    {
        var rows = texts.Select(t => TextFeatures.Read(t.Text)).ToArray();
        var signs = texts.Select(t => t.IsPositive ? 1.0 : -1.0).ToArray();
        var (n, w, duals) = (rows.Length, new double[TextFeatures.Count + 1], new double[rows.Length]);
        var order = new Random(1);
        int[] turns = [.. Enumerable.Range(0, n)];
        var gap = double.MaxValue;
        for (var pass = 0; pass < MaxPasses && gap > Tolerance; pass++)
        {
            order.Shuffle(turns);
            foreach (var i in turns)
            {
                // A text's places have the length 1 together, and the constant is 1 besides.
                var value = 1 / Math.Sqrt(Math.Max(1, rows[i].Length));
                var dual = FindDual(duals[i], signs[i] * Dot(w, rows[i]), 2 * Closeness);
                var move = (dual - duals[i]) * signs[i] * Closeness;
                duals[i] = dual;
                foreach (var place in rows[i])
                {
                    w[place] += move * value;
                }

                w[TextFeatures.Count] += move;
            }

            gap = Gap(rows, signs, duals, w);
        }

        return (new SentimentModel([.. w.Select(x => (float)x)]), gap);
    }

    // Where log(a / (1 - a)) + q (a - before) + margin is 0: by Newton's steps, by halves where they leave the bounds.
    private static double FindDual(double before, double margin, double q)
    {
        var (low, high, a) = (0.0, 1.0, before > 0 ? before : 0.5);
        for (var step = 0; step < 50; step++)
        {
            var slope = Math.Log(a / (1 - a)) + (q * (a - before)) + margin;
            if (Math.Abs(slope) < 1e-9)
            {
                break;
            }

            (low, high) = slope > 0 ? (low, a) : (a, high);
            var next = a - (slope / ((1 / (a * (1 - a))) + q));
            a = next > low && next < high ? next : (low + high) / 2;
        }

        return a;
    }

    // Per text: the primal loss less the dual one.
    private static double Gap(int[][] rows, double[] signs, double[] duals, double[] w)
    {
        var (loss, entropy) = (0.0, 0.0);
        for (var i = 0; i < rows.Length; i++)
        {
            var margin = signs[i] * Dot(w, rows[i]);
            loss += Precise.SoftPlus(-margin);
            entropy -= XLogX(duals[i]) + XLogX(1 - duals[i]);
        }

        return (loss - entropy + (w.Sum(x => x * x) / Closeness)) / rows.Length;

        static double XLogX(double x) => x <= 0 ? 0 : x * Math.Log(x);
    }

    private static double Dot(double[] w, int[] places)
    {
        var sum = 0.0;
        foreach (var place in places)
        {
            sum += w[place];
        }

        return (sum / Math.Sqrt(Math.Max(1, places.Length))) + w[TextFeatures.Count];
    }

    private double Margin(int[] places) => (places.Sum(p => (double)weights[p]) / Math.Sqrt(places.Length)) + weights[TextFeatures.Count];
}
