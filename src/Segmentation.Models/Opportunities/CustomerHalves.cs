using Segmentation.Models.Propensities;

namespace Segmentation.Models.Opportunities;

/// <summary>
/// Customers in two halves that have nobody in common: one is searched, what is found there is tested on the other. Each customer has a
/// place among bits, the first half's before the second's, which begin with a word of their own. Halves and places go by a hash of seed
/// and id alone, so that they are the same in whatever order customers came.
/// </summary>
public sealed class CustomerHalves
{
    /// <summary>Bits of a word.</summary>
    public const int WordSize = 64;

    private readonly long[] keys;
    private readonly int[] places;

    /// <summary>Divides customers.</summary>
    /// <param name="keys">What customers are found by, each once.</param>
    /// <param name="shares">A number from 0 to below 1 for each, as if drawn (<see cref="CustomerHash"/>): the first half is those below
    /// ½.</param>
    /// <remarks>It takes both arrays over, and orders them anew.</remarks>
    public CustomerHalves(long[] keys, double[] shares)
    {
        (this.keys, places) = (keys, new int[keys.Length]);
        Array.Sort(shares, keys);
        First = shares.Count(s => s < 0.5);
        FirstWords = (First + WordSize - 1) / WordSize;
        Words = FirstWords + ((keys.Length - First + WordSize - 1) / WordSize);
        for (var i = 0; i < keys.Length; i++)
        {
            places[i] = i < First ? i : (FirstWords * WordSize) + i - First;
        }

        Array.Sort(keys, places);
    }

    /// <summary>How many customers there are.</summary>
    public int Count => keys.Length;

    /// <summary>How many are in the first half.</summary>
    public int First { get; }

    /// <summary>Words of the first half's bits.</summary>
    public int FirstWords { get; }

    /// <summary>Words of all bits.</summary>
    public int Words { get; }

    /// <summary>A customer's place; -1 where it is none of these.</summary>
    public int Find(long key) => Array.BinarySearch(keys, key) is >= 0 and var i ? places[i] : -1;

    /// <summary>The bits of all of them.</summary>
    public ulong[] CreateAll()
    {
        var bits = new ulong[Words];
        foreach (var place in places)
        {
            BitSets.Set(bits, place);
        }

        return bits;
    }
}
