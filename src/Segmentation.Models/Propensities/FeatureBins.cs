namespace Segmentation.Models.Propensities;

/// <summary>A feature's values in bins of about equal size: bin 0 is "missing", the others follow the values.</summary>
internal sealed class FeatureBins
{
    /// <summary>Bins a feature, "missing" apart.</summary>
    public const int Most = 64;

    private readonly double[] edges;

    private FeatureBins(double[] edges) => this.edges = edges;

    /// <summary>How many there are.</summary>
    public int Count => edges.Length + 2;

    /// <summary>Between two bins stands the middle of the values on both sides: as good as any between them, whatever comes.</summary>
    public static FeatureBins Create(IEnumerable<float> values)
    {
        float[] sorted = [.. values.Where(v => !float.IsNaN(v)).Select(Limit).Order()];
        var edges = new List<double>();
        for (int i = 1, from = 0; i < sorted.Length; i++)
        {
            // A bin ends where its values do, as soon as it has its share of them, and before a value that fills one alone.
            if (sorted[i] != sorted[i - 1] && ((long)(i - from) * Most >= sorted.Length || IsFrequent(sorted, i)))
            {
                edges.Add(((double)sorted[i - 1] + sorted[i]) / 2);
                from = i;
            }
        }

        return new FeatureBins([.. edges]);
    }

    /// <summary>A value's bin.</summary>
    public int Find(float value) => float.IsNaN(value) ? 0 : 1 + ShapeFunction.FindStep(edges, Limit(value));

    /// <summary>Whether values can be divided with so many on each side.</summary>
    public bool CanDivide(IEnumerable<float> values, int least)
    {
        var counts = new int[Count];
        foreach (var value in values)
        {
            counts[Find(value)]++;
        }

        // The first place with enough below leaves the most above.
        int all = counts.Sum(), below = 0;
        return all - counts.Select(c => below += c).FirstOrDefault(b => b >= least, all) >= least;
    }

    /// <summary>The function that has these terms in the bins.</summary>
    public ShapeFunction Shape(string feature, IReadOnlyList<double> terms) => new(feature, terms[0], edges, [.. terms.Skip(1)]);

    private static bool IsFrequent(float[] sorted, int i)
    {
        var share = (sorted.Length / Most) + 1;
        return i + share <= sorted.Length && sorted[i + share - 1] == sorted[i];
    }

    // JSON knows no infinity, and the middle between it and anything is none.
    private static float Limit(float value) => Math.Clamp(value, float.MinValue, float.MaxValue);
}
