using System.Numerics;
using Segmentation.Models.Statistics;

namespace Segmentation.Models.Opportunities;

/// <summary>What became of customers: whether something happened, or a number, which is 0 for most.</summary>
/// <param name="some">Those with an outcome other than 0, by place.</param>
/// <param name="values">The numbers, by place; null where it is 1 for all who have it.</param>
public sealed class Outcome(ulong[] some, double[]? values = null)
{
    /// <summary>Whether it is of shares, and not of numbers.</summary>
    public bool IsShare => values is null;

    /// <summary>How many have one.</summary>
    public int Count => BitSets.Count(some);

    /// <summary>The same from numbers, by place.</summary>
    public static Outcome FromValues(double[] values)
    {
        var some = new ulong[(values.Length + CustomerHalves.WordSize - 1) / CustomerHalves.WordSize];
        for (var place = 0; place < values.Length; place++)
        {
            if (values[place] != 0)
            {
                BitSets.Set(some, place);
            }
        }

        return new Outcome(some, values);
    }

    /// <summary>
    /// The same with large numbers lowered to the quantile of those that are not 0, so that one large order does not make a group.
    /// </summary>
    /// <param name="quantile">0 to 1.</param>
    /// <param name="places">Of the first places alone: what comes after is not looked at.</param>
    public Outcome Winsorize(double quantile, int places)
    {
        var sorted = values?.Take(places).Where(v => v != 0).Order().ToArray();
        if (sorted is null or [])
        {
            return this;
        }

        var cap = sorted[Math.Min((int)(quantile * sorted.Length), sorted.Length - 1)];
        return new Outcome(some, [.. values!.Select(v => v > cap ? cap : v)]);
    }

    /// <summary>What it adds up to over a set.</summary>
    /// <param name="bits">Words of a set.</param>
    /// <param name="from">The first of these words, of all.</param>
    public double Sum(ReadOnlySpan<ulong> bits, int from = 0)
    {
        if (values is null)
        {
            return BitSets.CountBoth(bits, some.AsSpan(from));
        }

        var sum = 0.0;
        for (var i = 0; i < bits.Length; i++)
        {
            var place = (from + i) * CustomerHalves.WordSize;
            for (var word = bits[i] & some[from + i]; word != 0; word &= word - 1)
            {
                sum += values[place + BitOperations.TrailingZeroCount(word)];
            }
        }

        return sum;
    }

    /// <summary>Its mean over a set, with the variance.</summary>
    /// <param name="bits">Words of a set.</param>
    /// <param name="from">The first of these words, of all.</param>
    public MeanEstimate Estimate(ReadOnlySpan<ulong> bits, int from = 0)
    {
        var (size, with) = (BitSets.Count(bits), BitSets.CountBoth(bits, some.AsSpan(from)));
        var mean = Sum(bits, from) / size;
        var squares = (size - with) * mean * mean;
        if (values is null)
        {
            squares += with * (1 - mean) * (1 - mean);
        }

        for (var i = 0; values is not null && i < bits.Length; i++)
        {
            var place = (from + i) * CustomerHalves.WordSize;
            for (var word = bits[i] & some[from + i]; word != 0; word &= word - 1)
            {
                var off = values[place + BitOperations.TrailingZeroCount(word)] - mean;
                squares += off * off;
            }
        }

        return new MeanEstimate(size, mean, size > 1 ? squares / (size - 1) : 0);
    }
}
