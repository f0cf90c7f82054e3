using System.Runtime.InteropServices;

namespace Segmentation.Api.Memberships;

/// <summary>
/// The segments whose stored membership contains the customers that were evaluated last: whoever has just done
/// something will soon do more, and a customer's rows of membership are half of what reading it costs. Held by the
/// only process that writes those rows, as long as it leads.
/// </summary>
internal sealed class MembershipCache(int segments)
{
    private const int MaxBytes = 12 * 1024 * 1024;

    // Of a customer, beside the bits.
    private const int BytesEach = 32;

    // Two generations: customers of the older one that were not evaluated again are evicted when the newer one is full.
    private Generation newer = new(segments);
    private Generation older = new(segments);

    /// <summary>The number of cached customers.</summary>
    public int Count => newer.Count + older.Count;

    /// <summary>Removes and returns a customer's segments, since they are about to change; null where it is not cached.</summary>
    public SegmentSet? Take(long customer) => newer.Take(customer) ?? older.Take(customer);

    /// <summary>Caches what is stored of a customer that is not cached.</summary>
    public void Put(long customer, SegmentSet stored)
    {
        newer.Put(customer, stored);
        if (newer.IsFull)
        {
            (older, newer) = (newer, older);
            newer.Clear();
        }
    }

    /// <summary>A customer has joined a segment, or left it.</summary>
    public void Set(long customer, int ordinal, bool member)
    {
        newer.Set(customer, ordinal, member);
        older.Set(customer, ordinal, member);
    }

    // One growing array for all customers: each garbage collection would have to visit tens of thousands of small ones.
    private sealed class Generation(int segments)
    {
        private const int InitialRows = 64;

        private readonly int rowWords = SegmentSet.WordCount(segments);
        private readonly int maxRows = MaxBytes / 2 / (BytesEach + (sizeof(ulong) * SegmentSet.WordCount(segments)));
        private readonly Dictionary<long, int> rows = [];
        private readonly Stack<int> free = [];
        private ulong[] bits = [];

        public int Count => rows.Count;

        public bool IsFull => rows.Count >= maxRows;

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
            row = exists ? row : free.TryPop(out var freed) ? freed : rows.Count - 1;
            if (bits.Length < (row + 1) * rowWords)
            {
                Array.Resize(ref bits, rowWords * Math.Min(Math.Max(InitialRows, 2 * row), Math.Max(maxRows, row + 1)));
            }

            stored.CopyTo(Row(row));
        }

        public void Set(long customer, int ordinal, bool member)
        {
            if (rows.TryGetValue(customer, out var row))
            {
                SegmentSet.Set(Row(row), ordinal, member);
            }
        }

        public void Clear()
        {
            rows.Clear();
            free.Clear();
        }

        private Span<ulong> Row(int row) => bits.AsSpan(row * rowWords, rowWords);
    }
}
