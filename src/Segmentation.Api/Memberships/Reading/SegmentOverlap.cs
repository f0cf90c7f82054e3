using System.Buffers.Binary;
using System.Data;
using System.Numerics;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>Compares segments member by member: a bit a customer and segment, so that what two have in common is counted 64 customers at a time.</summary>
/// <remarks>
/// Memory is bounded by going through the customers a stretch of keys at a time, and by letting one comparison run at a time. For 100 segments
/// it is 13 MB of bits, and at most 4 MB of keys on their way from each of two connections.
/// </remarks>
public sealed class SegmentOverlap(SegmentationDb db, SegmentQuery query, NpgsqlDataSource database)
{
    // Keys in a stretch; a power of 2.
    private const int Stretch = 1 << 20;

    // Words of a block: those of all segments together stay in a core's cache.
    private const int Block = 512;

    private static readonly SemaphoreSlim One = new(1);

    public async Task<Overlap> ReadAsync(DefinitionSet all, IReadOnlyList<SegmentDefinition> segments, CancellationToken cancellation)
    {
        await One.WaitAsync(cancellation);
        try
        {
            return await CompareAsync(all, segments, cancellation);
        }
        finally
        {
            One.Release();
        }
    }

    private async Task<Overlap> CompareAsync(DefinitionSet all, IReadOnlyList<SegmentDefinition> segments, CancellationToken cancellation)
    {
        // Both connections look at the same snapshot: a customer that moves meanwhile is in one segment or in the other.
        await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        var first = (NpgsqlConnection)db.Database.GetDbConnection();
        var snapshot = await db.Database.SqlQuery<string>($"SELECT pg_export_snapshot() AS \"Value\"").SingleAsync(cancellation);
        var at = query.Clock(null).At;
        await using var second = await database.OpenConnectionAsync(cancellation);
        await using var same = await second.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        await using (var join = new NpgsqlCommand($"SET TRANSACTION SNAPSHOT '{snapshot}'", second))
        {
            await join.ExecuteNonQueryAsync(cancellation);
        }

        var (n, sizes, common) = (segments.Count, new long[segments.Count], new long[segments.Count * segments.Count]);
        var commands = await CreateCommandsAsync(all, segments, cancellation);
        var last = await db.Customers.MaxAsync(c => (long?)c.Key, cancellation) ?? 0;
        ulong[][] bits = [];
        for (long? from = await NextAsync(0); from is { } low; from = await NextAsync(low + Stretch))
        {
            // Few customers take few bits.
            var words = (int)Math.Min(Stretch / 64, ((last - low) / 64) + 1);
            bits = bits.Length == 0 || bits[0].Length < words ? [.. Enumerable.Range(0, n).Select(_ => new ulong[words])] : bits;
            var next = -1;
            await Task.WhenAll(FillAsync(first), FillAsync(second));
            Count(bits, common);

            async Task FillAsync(NpgsqlConnection connection)
            {
                for (var i = Interlocked.Increment(ref next); i < n; i = Interlocked.Increment(ref next))
                {
                    Array.Clear(bits[i]);
                    await using var command = commands[i].Clone();
                    command.Connection = connection;
                    command.Parameters.AddWithValue("low", low);
                    await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, cancellation);
                    await reader.ReadAsync(cancellation);
                    sizes[i] += Set(bits[i], await reader.IsDBNullAsync(0, cancellation) ? [] : await reader.GetFieldValueAsync<byte[]>(0, cancellation));
                }
            }
        }

        List<OverlapPair> pairs = [];
        for (var a = 0; a < n; a++)
        {
            for (var b = a + 1; b < n; b++)
            {
                var (both, either) = (common[(a * n) + b], sizes[a] + sizes[b] - common[(a * n) + b]);
                pairs.Add(new OverlapPair(segments[a].Key, segments[b].Key, both, either == 0 ? 0 : Math.Round((decimal)both / either, 6)));
            }
        }

        return new Overlap([.. segments.Select((s, i) => new OverlapSegment(s.Key, sizes[i]))], pairs, at);

        Task<long?> NextAsync(long key) => db.Customers.Where(c => c.Key >= key).MinAsync(c => (long?)c.Key, cancellation);
    }

    // Each reads the members whose keys lie in a stretch, as distances from its beginning.
    private async Task<NpgsqlCommand[]> CreateCommandsAsync(DefinitionSet all, IReadOnlyList<SegmentDefinition> segments, CancellationToken cancellation)
    {
        var ids = segments.Where(s => s.Status == SegmentStatus.Active).Select(s => s.Id).ToArray();
        var stored = (await db.MembershipStates.Where(s => ids.Contains(s.SegmentId) && s.Status == MembershipStatus.Ready).Select(s => s.SegmentId).ToListAsync(cancellation)).ToHashSet();
        return [.. segments.Select(segment =>
        {
            var keys = stored.Contains(segment.Id)
                ? db.Memberships.Where(m => m.SegmentId == segment.Id && m.LeftRevision == null).Select(m => m.CustomerKey)
                : query.Members(query.CreatePredicate(all, segment, asOf: null)).Select(c => c.Key);
            var command = (NpgsqlCommand)keys.CreateDbCommand();
            command.CommandText = $"SELECT string_agg(int4send((key - @low)::integer), '') FROM ({command.CommandText}) AS members(key) WHERE key >= @low AND key < @low + {Stretch}";
            return command;
        })];
    }

    // Each of four bytes, the highest first.
    private static int Set(ulong[] bits, ReadOnlySpan<byte> keys)
    {
        for (var i = 0; i < keys.Length; i += sizeof(int))
        {
            var key = BinaryPrimitives.ReadInt32BigEndian(keys[i..]);
            bits[key >> 6] |= 1UL << (key & 63);
        }

        return keys.Length / sizeof(int);
    }

    private static void Count(ulong[][] bits, long[] common)
    {
        var (n, words) = (bits.Length, bits[0].Length);
        Parallel.For(0, (words + Block - 1) / Block, () => new long[common.Length], (block, _, sums) =>
        {
            var (start, length) = (block * Block, Math.Min(Block, words - (block * Block)));
            for (var a = 0; a < n; a++)
            {
                for (var b = a + 1; b < n; b++)
                {
                    sums[(a * n) + b] += Common(bits[a].AsSpan(start, length), bits[b].AsSpan(start, length));
                }
            }

            return sums;
        }, sums =>
        {
            lock (common)
            {
                for (var i = 0; i < sums.Length; i++)
                {
                    common[i] += sums[i];
                }
            }
        });
    }

    private static int Common(ReadOnlySpan<ulong> a, ReadOnlySpan<ulong> b)
    {
        var count = 0;
        for (var i = 0; i < a.Length && i < b.Length; i++)
        {
            count += BitOperations.PopCount(a[i] & b[i]);
        }

        return count;
    }
}
