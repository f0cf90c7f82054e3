using System.Numerics;

namespace Segmentation.Models.Opportunities;

/// <summary>Sets of customers as bits, 64 a word, so that they are joined and counted 64 at a time.</summary>
public static class BitSets
{
    /// <summary>Adds a place.</summary>
    public static void Set(ulong[] bits, int place) => bits[place >> 6] |= 1UL << (place & 63);

    /// <summary>How many are in it.</summary>
    public static int Count(ReadOnlySpan<ulong> bits)
    {
        var count = 0;
        foreach (var word in bits)
        {
            count += BitOperations.PopCount(word);
        }

        return count;
    }

    /// <summary>How many are in both.</summary>
    public static int CountBoth(ReadOnlySpan<ulong> a, ReadOnlySpan<ulong> b)
    {
        var count = 0;
        for (var i = 0; i < a.Length && i < b.Length; i++)
        {
            count += BitOperations.PopCount(a[i] & b[i]);
        }

        return count;
    }

    /// <summary>Of those who are in either of two sets, the share who are in both, 0 to 1; 0 where nobody is in any.</summary>
    /// <param name="both">How many are in both.</param>
    /// <param name="a">How many are in the one.</param>
    /// <param name="b">How many are in the other.</param>
    public static double FindJaccard(long both, long a, long b) => a + b == 0 ? 0 : (double)both / (a + b - both);

    /// <summary>Those who are in all of some sets.</summary>
    public static ulong[] Intersect(IReadOnlyList<ulong[]> sets)
    {
        var all = (ulong[])sets[0].Clone();
        foreach (var set in sets.Skip(1))
        {
            for (var i = 0; i < all.Length; i++)
            {
                all[i] &= set[i];
            }
        }

        return all;
    }
}
