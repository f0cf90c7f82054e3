using System.Numerics;

namespace Segmentation.Api.Memberships;

/// <summary>Some of a plan's segments, by ordinal.</summary>
internal sealed class SegmentSet(int segments)
{
    private readonly ulong[] bits = new ulong[WordCount(segments)];

    /// <param name="bits">As copied from another set.</param>
    public SegmentSet(int segments, ReadOnlySpan<ulong> bits)
        : this(segments) => bits.CopyTo(this.bits);

    public bool IsEmpty => !bits.AsSpan().ContainsAnyExcept(0UL);

    public int Count => bits.Sum(b => BitOperations.PopCount(b));

    /// <summary>How many words of 64 bits hold that many segments.</summary>
    public static int WordCount(int segments) => (segments / 64) + 1;

    public static void Set(Span<ulong> bits, int ordinal, bool contained) =>
        bits[ordinal / 64] = (bits[ordinal / 64] & ~(1UL << (ordinal % 64))) | ((contained ? 1UL : 0) << (ordinal % 64));

    public void Set(int ordinal, bool contained) => Set(bits, ordinal, contained);

    public void CopyTo(Span<ulong> copy) => bits.CopyTo(copy);

    public void Add(SegmentSet others)
    {
        for (var i = 0; i < bits.Length; i++)
        {
            bits[i] |= others.bits[i];
        }
    }

    public bool Contains(int ordinal) => (bits[ordinal / 64] >> (ordinal % 64) & 1) != 0;

    /// <summary>The ordinals, ascending.</summary>
    public IEnumerable<int> Ordinals()
    {
        for (var i = 0; i < bits.Length; i++)
        {
            for (var rest = bits[i]; rest != 0; rest &= rest - 1)
            {
                yield return (64 * i) + BitOperations.TrailingZeroCount(rest);
            }
        }
    }

    /// <summary>Sets a bit at each of the ordinals: called for each customer that is evaluated.</summary>
    public void Mark(ulong[] byOrdinal, ulong bit)
    {
        for (var i = 0; i < bits.Length; i++)
        {
            for (var rest = bits[i]; rest != 0; rest &= rest - 1)
            {
                byOrdinal[(64 * i) + BitOperations.TrailingZeroCount(rest)] |= bit;
            }
        }
    }
}
