using System.Numerics;

namespace Segmentation.Api.Memberships;

/// <summary>Some of a plan's segments, by place.</summary>
internal sealed class SegmentSet(int segments)
{
    private readonly ulong[] bits = new ulong[Words(segments)];

    /// <param name="bits">As another set's were copied.</param>
    public SegmentSet(int segments, ReadOnlySpan<ulong> bits)
        : this(segments) => bits.CopyTo(this.bits);

    public bool IsEmpty => !bits.AsSpan().ContainsAnyExcept(0UL);

    public int Count => bits.Sum(b => BitOperations.PopCount(b));

    /// <summary>How many words of 64 bits hold as many segments.</summary>
    public static int Words(int segments) => (segments / 64) + 1;

    public static void Set(Span<ulong> bits, int place, bool contained) => bits[place / 64] = (bits[place / 64] & ~(1UL << (place % 64))) | ((contained ? 1UL : 0) << (place % 64));

    public void Set(int place, bool contained) => Set(bits, place, contained);

    public void CopyTo(Span<ulong> copy) => bits.CopyTo(copy);

    public void Add(SegmentSet others)
    {
        for (var i = 0; i < bits.Length; i++)
        {
            bits[i] |= others.bits[i];
        }
    }

    public bool Contains(int place) => (bits[place / 64] >> (place % 64) & 1) != 0;

    /// <summary>The places, rising.</summary>
    public IEnumerable<int> Places()
    {
        for (var i = 0; i < bits.Length; i++)
        {
            for (var rest = bits[i]; rest != 0; rest &= rest - 1)
            {
                yield return (64 * i) + BitOperations.TrailingZeroCount(rest);
            }
        }
    }

    /// <summary>Sets a bit at each of the places: done for each customer that is looked at.</summary>
    public void Mark(ulong[] byPlace, ulong bit)
    {
        for (var i = 0; i < bits.Length; i++)
        {
            for (var rest = bits[i]; rest != 0; rest &= rest - 1)
            {
                byPlace[(64 * i) + BitOperations.TrailingZeroCount(rest)] |= bit;
            }
        }
    }
}
