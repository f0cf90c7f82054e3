namespace Segmentation.Models.Clusters;

/// <summary>
/// Makes points of customers. Numbers become their mid-ranks from 0 to 1, so that outliers and skew don't matter, with 0.5 and a mark where
/// there is none; values and elements become marks, 0 or 1, and so does that a text is missing. Each field weighs the same: its columns
/// together have the variance 1, as long as it varies as much as a number without equal values does; one that varies less counts for less,
/// so that what a few have is no group.
/// </summary>
public sealed class ClusterEncoding
{
    private const double FullVariance = 1.0 / 12;

    private readonly List<ClusterColumns> fields = [];

    /// <param name="from">The fields, at least one.</param>
    public ClusterEncoding(IReadOnlyList<ClusterField> from)
    {
        Customers = from[0].Customers;
        foreach (var field in from)
        {
            ClusterColumns columns = field switch
            {
                NumberField number => new NumberColumns(number, Width),
                ValueField value => new ValueColumns(value, Width),
                SetField set => new SetColumns(set, Width),
                _ => throw new ArgumentException("There is no such kind of field.", nameof(from)),
            };
            columns.Weight = (float)(1 / Math.Sqrt(Math.Max(columns.Variance, FullVariance)));
            fields.Add(columns);
            Width += columns.Width;
        }

        var values = new float[Customers * Width];
        for (var i = 0; i < Customers; i++)
        {
            foreach (var columns in fields)
            {
                columns.Encode(i, values.AsSpan((i * Width) + columns.First, columns.Width));
            }
        }

        Points = new(values, Width);
    }

    /// <summary>The customers.</summary>
    public ClusterPoints Points { get; }

    /// <summary>How many there are.</summary>
    public int Customers { get; }

    /// <summary>Numbers in a row.</summary>
    public int Width { get; }

    internal IReadOnlyList<ClusterColumns> Fields => fields;

    /// <summary>Mid-ranks from 0 to 1: of how many the number is greater, and half of those who have the same, itself included.</summary>
    /// <returns>0.5 where there is none.</returns>
    public static float[] MidRanks(double[] values)
    {
        var known = Enumerable.Range(0, values.Length).Where(i => !double.IsNaN(values[i])).ToArray();
        var keys = Array.ConvertAll(known, i => values[i]);
        Array.Sort(keys, known);
        var ranks = new float[values.Length];
        Array.Fill(ranks, 0.5f);
        for (var first = 0; first < keys.Length;)
        {
            var end = first + 1;
            while (end < keys.Length && keys[end] == keys[first])
            {
                end++;
            }

            var rank = (float)((first + end) / (2.0 * keys.Length));
            for (; first < end; first++)
            {
                ranks[known[first]] = rank;
            }
        }

        return ranks;
    }
}

/// <summary>A field's columns of points, and how likewise ones are drawn from normal numbers, one a column.</summary>
internal abstract class ClusterColumns(int first, int width)
{
    /// <summary>The first column's place.</summary>
    public int First => first;

    public int Width => width;

    /// <summary>By which marks and ranks are multiplied.</summary>
    public float Weight { get; set; }

    /// <summary>The sum of the columns' variances, without weight.</summary>
    public abstract double Variance { get; }

    public abstract void Encode(int customer, Span<float> row);

    /// <summary>Draws a customer.</summary>
    /// <param name="normal">The columns' normal numbers.</param>
    public abstract void Draw(ReadOnlySpan<float> normal, Span<float> row);

    /// <summary>Corrects what a sample that was drawn gets wrong of how many have what.</summary>
    /// <param name="shares">Each column's mean in the sample, without weight.</param>
    public virtual void Correct(ReadOnlySpan<double> shares)
    {
    }
}

internal sealed class NumberColumns : ClusterColumns
{
    private readonly float[] ranks;
    private readonly bool[]? missing;
    private readonly float[] sorted;
    private readonly float threshold;

    public NumberColumns(NumberField field, int first)
        : base(first, Array.Exists(field.Values, double.IsNaN) ? 2 : 1)
    {
        ranks = ClusterEncoding.MidRanks(field.Values);
        missing = Width == 2 ? Array.ConvertAll(field.Values, double.IsNaN) : null;
        sorted = [.. ranks.Where((_, i) => missing?[i] != true).Order()];
        var share = 1 - ((double)sorted.Length / ranks.Length);
        threshold = (float)NormalNumbers.Quantile(1 - share);
        Variance = ranks.Average(r => (r - 0.5) * (r - 0.5)) + (share * (1 - share));
    }

    public override double Variance { get; }

    public override void Encode(int customer, Span<float> row) => Write(ranks[customer], missing?[customer] == true, row);

    public override void Draw(ReadOnlySpan<float> normal, Span<float> row)
    {
        var isMissing = Width == 2 && normal[1] > threshold;
        var place = (int)(NormalNumbers.Share(normal[0]) * sorted.Length);
        Write(isMissing || sorted.Length == 0 ? 0.5f : sorted[Math.Min(place, sorted.Length - 1)], isMissing, row);
    }

    private void Write(float rank, bool isMissing, Span<float> row)
    {
        row[0] = rank * Weight;
        if (Width == 2)
        {
            row[1] = isMissing ? Weight : 0;
        }
    }
}

/// <summary>Values of which a customer has one at most: the one whose normal number lies furthest above its threshold (probit).</summary>
internal sealed class ValueColumns : ClusterColumns
{
    private readonly sbyte[] values;
    private readonly double[] shares;
    private readonly float[] thresholds;
    private readonly bool hasNone;

    public ValueColumns(ValueField field, int first)
        : base(first, field.Kinds + (IsMissingMarked(field) ? 1 : 0))
    {
        values = IsMissingMarked(field) ? Array.ConvertAll(field.Values, v => v < 0 ? (sbyte)field.Kinds : v) : field.Values;
        shares = [.. Enumerable.Range(0, Width).Select(kind => values.Count(v => v == kind) / (double)values.Length)];
        thresholds = [.. shares.Select(s => (float)NormalNumbers.Quantile(1 - s))];
        hasNone = Array.Exists(values, v => v < 0);
        Variance = shares.Sum(s => s * (1 - s));
    }

    public override double Variance { get; }

    // Of one value alone, who doesn't have it is told by its mark.
    private static bool IsMissingMarked(ValueField field) => field.Kinds > 1 && Array.Exists(field.Values, v => v < 0);

    public override void Encode(int customer, Span<float> row) => Write(values[customer], row);

    public override void Draw(ReadOnlySpan<float> normal, Span<float> row)
    {
        var (best, most) = (-1, hasNone ? 0 : float.NegativeInfinity);
        for (var i = 0; i < thresholds.Length; i++)
        {
            if (normal[i] - thresholds[i] > most)
            {
                (best, most) = (i, normal[i] - thresholds[i]);
            }
        }

        Write(best, row);
    }

    public override void Correct(ReadOnlySpan<double> drawn)
    {
        for (var i = 0; i < thresholds.Length; i++)
        {
            thresholds[i] += (float)(NormalNumbers.Quantile(1 - shares[i]) - NormalNumbers.Quantile(1 - drawn[i]));
        }
    }

    private void Write(int value, Span<float> row)
    {
        row.Clear();
        if (value >= 0)
        {
            row[value] = Weight;
        }
    }
}

internal sealed class SetColumns : ClusterColumns
{
    private readonly int[] elements;
    private readonly float[] thresholds;

    public SetColumns(SetField field, int first)
        : base(first, field.Kinds)
    {
        elements = field.Elements;
        double[] shares =
            [.. Enumerable.Range(0, field.Kinds).Select(kind => elements.Count(e => (e >> kind & 1) != 0) / (double)elements.Length)];
        thresholds = [.. shares.Select(s => (float)NormalNumbers.Quantile(1 - s))];
        Variance = shares.Sum(s => s * (1 - s));
    }

    public override double Variance { get; }

    public override void Encode(int customer, Span<float> row)
    {
        for (var i = 0; i < row.Length; i++)
        {
            row[i] = (elements[customer] >> i & 1) != 0 ? Weight : 0;
        }
    }

    public override void Draw(ReadOnlySpan<float> normal, Span<float> row)
    {
        for (var i = 0; i < row.Length; i++)
        {
            row[i] = normal[i] > thresholds[i] ? Weight : 0;
        }
    }
}
