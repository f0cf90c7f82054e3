namespace Segmentation.Models.Clusters;

/// <summary>A field of customers by which they are grouped, and by which groups are said.</summary>
/// <param name="Customers">How many customers there are; they have the same order in every field.</param>
public abstract record ClusterField(int Customers)
{
    /// <summary>How many splits of the customers in two it offers a tree.</summary>
    public abstract int Splits { get; }

    /// <summary>Whether a customer is on the side of a split that it names.</summary>
    /// <param name="split">0 to <see cref="Splits"/> − 1.</param>
    /// <returns>Null: it has no value; the tree decides.</returns>
    public abstract bool? IsOn(int split, int customer);
}

/// <summary>A number, a date or an instant.</summary>
/// <param name="Values">Each customer's; NaN where there is none.</param>
/// <param name="Cuts">Where a tree may divide them, ascending. Split 0 is who has a number at all; split i whose number is at least
/// <c>Cuts[i − 1]</c>.</param>
public sealed record NumberField(double[] Values, double[] Cuts) : ClusterField(Values.Length)
{
    /// <inheritdoc/>
    public override int Splits => Cuts.Length + 1;

    /// <inheritdoc/>
    public override bool? IsOn(int split, int customer) => Values[customer] switch
    {
        double.NaN => split == 0 ? false : null,
        var value => split == 0 || value >= Cuts[split - 1],
    };
}

/// <summary>A text or a boolean of a few values.</summary>
/// <param name="Values">Each customer's, 0 to <see cref="Kinds"/> − 1; −1 where there is none. A split's bits are the values on its
/// side.</param>
/// <param name="Kinds">How many values there are, 20 at most.</param>
public sealed record ValueField(sbyte[] Values, int Kinds) : ClusterField(Values.Length)
{
    /// <inheritdoc/>
    public override int Splits => 1 << Kinds;

    /// <inheritdoc/>
    public override bool? IsOn(int split, int customer) => Values[customer] is >= 0 and var value ? (split >> value & 1) != 0 : null;
}

/// <summary>A set of elements.</summary>
/// <param name="Elements">Each customer's: bit i for element i. Split i is who has element i.</param>
/// <param name="Kinds">How many elements there are, 31 at most.</param>
public sealed record SetField(int[] Elements, int Kinds) : ClusterField(Elements.Length)
{
    /// <inheritdoc/>
    public override int Splits => Kinds;

    /// <inheritdoc/>
    public override bool? IsOn(int split, int customer) => (Elements[customer] >> split & 1) != 0;
}

/// <summary>Customers as points: a row of numbers each.</summary>
/// <param name="Values">Row by row.</param>
/// <param name="Width">Numbers in a row.</param>
public sealed record ClusterPoints(float[] Values, int Width)
{
    /// <summary>How many there are.</summary>
    public int Count => Values.Length / Width;

    /// <summary>A point.</summary>
    public ReadOnlySpan<float> this[int index] => Values.AsSpan(index * Width, Width);

    /// <summary>The first of them.</summary>
    public ClusterPoints First(int count) => count >= Count ? this : new(Values[..(count * Width)], Width);

    /// <summary>Some of them, in the order given; one may be there more than once.</summary>
    public ClusterPoints Take(ReadOnlySpan<int> indexes)
    {
        var values = new float[indexes.Length * Width];
        for (var i = 0; i < indexes.Length; i++)
        {
            this[indexes[i]].CopyTo(values.AsSpan(i * Width));
        }

        return new(values, Width);
    }

    /// <summary>The square of the distance of two of them.</summary>
    public float SquaredDistance(int a, int b)
    {
        var x = this[a];
        var y = this[b];
        var sum = 0f;
        for (var i = 0; i < x.Length; i++)
        {
            var d = x[i] - y[i];
            sum += d * d;
        }

        return sum;
    }
}
