using System.Buffers.Binary;
using System.Data;
using System.Numerics;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Compares segments member by member: a bit for each customer and segment, so that common members are counted 64 at a time.
/// </summary>
/// <remarks>
/// Memory is bounded by reading a range of keys at a time: for 100 segments 13 MB of bits, and at most 4 MB of keys on their way from each
/// of two connections. The second one is a help: where none is free, it goes on without.
/// </remarks>
public sealed class SegmentOverlap(SegmentationDb db, SegmentQuery query, Work work)
{
    // Keys in a range; a power of 2.
    private const int Range = 1 << 20;

    // Words of 64 bits in a block: those of all segments together stay in a core's cache.
    private const int Block = 512;

    // How long a second connection is waited for: who holds one does not wait long for another.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);

    public async Task<Overlap> ReadAsync(DefinitionSet all, IReadOnlyList<SegmentDefinition> segments, CancellationToken cancellation)
    {
        // Both connections read the same snapshot: a customer that moves meanwhile is in one segment or in the other.
        await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        var first = (NpgsqlConnection)db.Database.GetDbConnection();
        var snapshot = await db.Database.SqlQuery<string>($"SELECT pg_export_snapshot() AS \"Value\"").SingleAsync(cancellation);
        var at = query.Clock(null).At;
        await using var second = await FindSecondAsync(cancellation);
        await using var secondTransaction = second is null ? null : await JoinAsync(second, snapshot, cancellation);

        var (n, sizes, common) = (segments.Count, new long[segments.Count], new long[segments.Count * segments.Count]);
        var commands = await CreateCommandsAsync(all, segments, cancellation);
        var last = await db.Customers.MaxAsync(c => (long?)c.Key, cancellation) ?? 0;
        ulong[][] bits = [];
        for (long? from = await NextAsync(0); from is { } low; from = await NextAsync(low + Range))
        {
            // Few customers need few bits.
            var words = (int)Math.Min(Range / 64, ((last - low) / 64) + 1);
            bits = bits.Length == 0 || bits[0].Length < words ? [.. Enumerable.Range(0, n).Select(_ => new ulong[words])] : bits;
            var next = -1;
            await Task.WhenAll(FillAsync(first), second is null ? Task.CompletedTask : FillAsync(second));
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
                    var isEmpty = await reader.IsDBNullAsync(0, cancellation);
                    sizes[i] += Set(bits[i], isEmpty ? [] : await reader.GetFieldValueAsync<byte[]>(0, cancellation));
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

    private async Task<NpgsqlConnection?> FindSecondAsync(CancellationToken cancellation)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        late.CancelAfter(Patience);
        try
        {
            return await work.Source.OpenConnectionAsync(late.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    private static async Task<NpgsqlTransaction> JoinAsync(NpgsqlConnection second, string snapshot, CancellationToken cancellation)
    {
        var transaction = await second.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        await using var join = new NpgsqlCommand($"SET TRANSACTION SNAPSHOT '{snapshot}'", second);
        await join.ExecuteNonQueryAsync(cancellation);
        return transaction;
    }

    // Each reads the members whose keys lie in a range, as offsets from its beginning.
    private async Task<NpgsqlCommand[]> CreateCommandsAsync(
        DefinitionSet all, IReadOnlyList<SegmentDefinition> segments, CancellationToken cancellation)
    {
        var ids = segments.Where(s => s.Status == SegmentStatus.Active).Select(s => s.Id).ToArray();
        var stored = await db.MembershipStates
            .Where(s => ids.Contains(s.SegmentId) && s.Status == MembershipStatus.Ready)
            .Select(s => s.SegmentId)
            .ToHashSetAsync(cancellation);
        return [.. segments.Select(segment =>
        {
            var keys = stored.Contains(segment.Id)
                ? db.Memberships.Where(m => m.SegmentId == segment.Id && m.LeftRevision == null).Select(m => m.CustomerKey)
                : query.Members(query.CreatePredicate(all, segment, asOf: null)).Select(c => c.Key);
            var command = (NpgsqlCommand)keys.CreateDbCommand();
            command.CommandText =
                $"""
                SELECT string_agg(int4send((key - @low)::integer), '') FROM ({command.CommandText}) AS members(key)
                WHERE key >= @low AND key < @low + {Range}
                """;
            return command;
        })];
    }

    // Keys have four bytes each, the highest first.
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
