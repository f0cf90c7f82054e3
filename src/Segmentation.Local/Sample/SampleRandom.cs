namespace Segmentation.Local;

/// <summary>
/// SplitMix64: the same numbers on every machine and every .NET, which <see cref="Random"/> doesn't promise. What is drawn is made with
/// + − × ÷ and square roots only: those IEEE 754 rounds alike everywhere, unlike powers, logarithms and sines.
/// </summary>
/// <remarks>Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.</remarks>
internal struct SampleRandom
{
    private ulong state;

    /// <param name="seed">Names the whole sample.</param>
    /// <param name="index">Names the customer: each has numbers of its own, so that any of them can be made alone.</param>
    /// <param name="stream">Names the use, so that one more draw for a profile leaves its events alone.</param>
    public SampleRandom(ulong seed, int index, int stream)
    {
        state = seed;
        state = Next() ^ (uint)index;
        state = Next() ^ (uint)stream;
    }

    public ulong Next()
    {
        var z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>0 to n − 1.</summary>
    public int Below(int n) => (int)(((Next() >> 32) * (ulong)n) >> 32);

    /// <summary>From 0 to just below 1.</summary>
    public double Unit() => (Next() >> 11) * (1.0 / (1UL << 53));

    public bool Chance(double probability) => Unit() < probability;

    /// <summary>A bell around 0, deviation 1, never beyond ±3.5: the sum of four uniform numbers.</summary>
    public double Bell()
    {
        var bits = Next();
        var sum = (bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) + ((bits >> 32) & 0xFFFF) + (bits >> 48);
        return ((sum / 65535.0) - 2) * 1.7320508075688772;
    }

    public T Pick<T>(T[] from) => from[Below(from.Length)];

    /// <summary>The index of one of some weights.</summary>
    public int Weighted(ReadOnlySpan<double> weights)
    {
        var total = 0.0;
        foreach (var weight in weights)
        {
            total += weight;
        }

        var at = Unit() * total;
        for (var i = 0; i < weights.Length; i++)
        {
            if ((at -= weights[i]) < 0)
            {
                return i;
            }
        }

        return weights.Length - 1;
    }
}
