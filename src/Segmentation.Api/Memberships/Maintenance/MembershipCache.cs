using System.Runtime.InteropServices;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Which segments' stored membership has those customers that were looked at last: whoever has just done something will soon do more, and a
/// customer's rows of membership are half of what reading it costs. Known by the only process that writes them, as long as it does.
/// </summary>
internal sealed class MembershipCache(int segments)
{
    private const int MostBytes = 12 * 1024 * 1024;

    // Beside the bits.
    private const int BytesEach = 32;

    // The later and the earlier: those of the earlier that were not looked at again are forgotten when the later is full.
    private Part later = new(segments);
    private Part earlier = new(segments);

    /// <summary>Of how many customers it is known.</summary>
    public int Count => later.Count + earlier.Count;

    /// <summary>What is known of a customer; nothing from then on, for it is about to change.</summary>
    public SegmentSet? Take(long customer) => later.Take(customer) ?? earlier.Take(customer);

    /// <summary>What is stored of a customer now, of which nothing was known.</summary>
    public void Put(long customer, SegmentSet stored)
    {
        later.Put(customer, stored);
        if (later.IsFull)
        {
            (earlier, later) = (later, earlier);
            later.Clear();
        }
    }

    /// <summary>A customer has joined a segment, or left it.</summary>
    public void Set(long customer, int place, bool member)
    {
        later.Set(customer, place, member);
        earlier.Set(customer, place, member);
    }

    // One array for all, that grows with them: tens of thousands of small ones would have to be gone through by each collection.
    private sealed class Part(int segments)
    {
        private const int FewRows = 64;

        private readonly int words = SegmentSet.Words(segments);
        private readonly int most = MostBytes / 2 / (BytesEach + (sizeof(ulong) * SegmentSet.Words(segments)));
        private readonly Dictionary<long, int> rows = [];
        private readonly Stack<int> free = [];
        private ulong[] bits = [];

        public int Count => rows.Count;

        public bool IsFull => rows.Count >= most;

        public SegmentSet? Take(long customer)
        {
            if (!rows.Remove(customer, out var row))
            {
                return null;
            }

            free.Push(row);
            return new SegmentSet(segments, Row(row));
        }

        public void Put(long customer, SegmentSet stored)
        {
            ref var row = ref CollectionsMarshal.GetValueRefOrAddDefault(rows, customer, out var exists);
            row = exists ? row : free.TryPop(out var left) ? left : rows.Count - 1;
            if (bits.Length < (row + 1) * words)
            {
                Array.Resize(ref bits, words * Math.Min(Math.Max(FewRows, 2 * row), Math.Max(most, row + 1)));
            }

            stored.CopyTo(Row(row));
        }

        public void Set(long customer, int place, bool member)
        {
            if (rows.TryGetValue(customer, out var row))
            {
                SegmentSet.Set(Row(row), place, member);
            }
        }

        public void Clear()
        {
            rows.Clear();
            free.Clear();
        }

        private Span<ulong> Row(int row) => bits.AsSpan(row * words, words);
    }
}
