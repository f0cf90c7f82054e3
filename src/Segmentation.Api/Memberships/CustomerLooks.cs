using System.Collections.Concurrent;
using System.Numerics;
using System.Threading.Channels;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>Puts customers to the segments that what was written of them may concern, in memory, and brings what is stored to what they are now.</summary>
internal sealed class CustomerLooks(IServiceScopeFactory scopes, CustomerSets sets, MembershipWriter writer, SegmentBuilds builds, Dues dues)
{
    private const int ChunkKeys = 500;

    // So many customers with their events stay in a core's cache; each has a bit of 64. Those with very many events are fewer, for memory's sake. What is
    // read ahead is copied by the collector while it waits.
    private const int Block = 32;
    private const int BlockEvents = 20_000;
    private const int BlocksAhead = 1;

    // Chunks are read by so many statements at once: PostgreSQL's reading is most of a look, and each has a process of its own. What comes is looked at,
    // whichever it is from: in turn, all but one of them would wait.
    private const int Readers = 2;

    /// <summary>
    /// Looks at customers. The loop that everything depends on: while some hundreds are put to the rules, the next ones are read, and what the ones before have come to is written.
    /// </summary>
    /// <param name="looks">The customers, by their keys.</param>
    /// <param name="done">The rows of work that are done with that.</param>
    public async Task LookAsync(IReadOnlyDictionary<long, Look> looks, IReadOnlyList<long> done, SegmentsAt segments, CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();

        // Those of one type of event are put to the same rules, and so together.
        var chunks = looks.Where(l => l.Value.IsConcerned).OrderBy(l => l.Value.Events is [{ Type: var type }] ? type : "", StringComparer.Ordinal)
            .Chunk(ChunkKeys).DefaultIfEmpty([]).Select(c => new Chunk(c)).ToList();
        var ahead = Channel.CreateBounded<(Chunk Chunk, List<Customer> Block)>(BlocksAhead);
        var waiting = new ConcurrentQueue<Chunk>(chunks);
        using var stopReading = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var reading = Task.WhenAll(Enumerable.Range(0, Readers).Select(_ => Task.Run(() => ReadAsync(segments.Plan, waiting, ahead.Writer, stopReading.Token), CancellationToken.None)));
        var writing = Task.CompletedTask;
        try
        {
            for (var left = chunks.Count; left > 0;)
            {
                // What failed the reading is thrown as it was.
                await ahead.Reader.WaitToReadAsync(cancellation);
                var (chunk, block) = await ahead.Reader.ReadAsync(cancellation);
                if (block.Count > 0)
                {
                    await LookAsync(db, [.. block.Select(c => chunk.Missing.Remove(c.Key, out var look) ? new Looked(c, look) : throw new InvalidOperationException("A customer was read that was not asked for."))], segments, chunk.Changes, chunk.Deferred, cancellation);
                    continue;
                }

                left--;
                await writing;
                writing = WriteAsync(chunk, left == 0 ? done : [], segments.At, cancellation);
            }

            await writing;
        }
        finally
        {
            await stopReading.CancelAsync();
            await Task.WhenAll(reading, writing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // Each chunk that waits, block by block; an empty block ends it.
    private async Task ReadAsync(MembershipPlan plan, ConcurrentQueue<Chunk> waiting, ChannelWriter<(Chunk Chunk, List<Customer> Block)> ahead, CancellationToken cancellation)
    {
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
            while (waiting.TryDequeue(out var chunk))
            {
                if (chunk.Looks.Length > 0)
                {
                    var all = new SegmentSet(plan.Segments.Count);
                    foreach (var (_, look) in chunk.Looks)
                    {
                        all.Add(look.Scope);
                    }

                    var (block, events) = (new List<Customer>(Block), 0);
                    await foreach (var customer in sets.ReadAsync(db, [.. chunk.Looks.Select(l => l.Key)], plan.MembersRead(all), plan.EventsRead(all), cancellation))
                    {
                        block.Add(customer);
                        events += customer.Events.Count;
                        if (block.Count == Block || events > BlockEvents)
                        {
                            await ahead.WriteAsync((chunk, block), cancellation);
                            (block, events) = (new(Block), 0);
                        }
                    }

                    if (block.Count > 0)
                    {
                        await ahead.WriteAsync((chunk, block), cancellation);
                    }
                }

                await ahead.WriteAsync((chunk, []), cancellation);
            }
        }
        catch (Exception failed)
        {
            ahead.TryComplete(failed);
        }
    }

    private async Task WriteAsync(Chunk chunk, IReadOnlyList<long> done, DateTimeOffset at, CancellationToken cancellation)
    {
        var (changes, deferred, erased) = (chunk.Changes, chunk.Deferred, chunk.Missing.Keys.ToArray());
        if (changes.Count == 0 && deferred.Count == 0 && erased.Length == 0 && done.Count == 0)
        {
            return;
        }

        await writer.InTransactionAsync(null, at, async (connection, transaction, written) =>
        {
            await MembershipWriter.WriteAsync(connection, transaction, changes, written, cancellation);
            if (erased.Length > 0)
            {
                await MembershipWriter.EraseAsync(connection, transaction, erased, written, cancellation);
                builds.Erase(erased);
            }

            foreach (var group in deferred.GroupBy(d => (d.Segment, d.Cause, OfEvents: d.EventId is not null)))
            {
                await using var defer = new NpgsqlCommand("INSERT INTO membership_work (cause, segment_id, keys, event_types, event_ids, created) VALUES ($1, $2, $3, $4, $5, false)", connection, transaction)
                {
                    Parameters =
                    {
                        MembershipWriter.Of((short)group.Key.Cause, NpgsqlDbType.Smallint), MembershipWriter.Of(group.Key.Segment, NpgsqlDbType.Integer),
                        MembershipWriter.Of(group.Select(d => d.Key).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bigint),
                        new NpgsqlParameter { Value = group.Key.OfEvents ? group.Select(d => d.EventType!).ToArray() : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text },
                        new NpgsqlParameter { Value = group.Key.OfEvents ? group.Select(d => d.EventId!).ToArray() : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text },
                    },
                };
                await defer.ExecuteNonQueryAsync(cancellation);
            }

            if (done.Count > 0)
            {
                await using var delete = new NpgsqlCommand("DELETE FROM membership_work WHERE id = ANY ($1)", connection, transaction) { Parameters = { MembershipWriter.Of(done.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bigint) } };
                await delete.ExecuteNonQueryAsync(cancellation);
            }
        }, cancellation);
    }

    private async Task LookAsync(SegmentationDb db, List<Looked> some, SegmentsAt segments, List<MembershipMove> changes, List<Deferred> deferred, CancellationToken cancellation)
    {
        LookAtMany([.. some.Where(l => !l.IsHeavy)], segments, changes, deferred);
        foreach (var heavy in some.Where(l => l.IsHeavy))
        {
            foreach (var place in heavy.Look.Scope.Places())
            {
                var segment = segments.Of(place);
                if (segment.IsBuilding)
                {
                    Defer(segments.Plan, segment.Plan, heavy, deferred);
                }
                else if (segment.IsReady && segment.Plan.NeedsRank)
                {
                    segments.RanksMoved |= segment.Plan.ReadsEvents || segments.MovesRanks(segment, heavy);
                }
                else if (segment.IsReady)
                {
                    var member = segment.Plan.ReadsEvents
                        ? await db.Customers.Where(c => c.Key == heavy.Customer.Key).Where(segment.Plan.Members(segments.Plan.All, segments.At, db)).AnyAsync(cancellation)
                        : segment.Plan.Contains(heavy.Customer, segment.Now);
                    if (member != heavy.Customer.MemberOf.Contains(segment.Plan.Segment.Id))
                    {
                        Move(segments.Plan, segment.Plan, heavy, member, changes);
                    }
                }

                if (segment.IsKept)
                {
                    heavy.SetDue(segment.Plan.ReadsEvents ? segments.At.AddMinutes(1) : segment.NextFlip(heavy.Customer));
                }
            }
        }

        // Others than those looked at may be due earlier.
        some.ForEach(l => dues.Set(l.Customer.Key, l.Due, exact: ReferenceEquals(l.Look.Scope, segments.Plan.Clock)));
    }

    // Segment by segment: what a rule needs is then at hand for all of them, where a thousand rules for each customer would have to be fetched anew.
    private static void LookAtMany(Looked[] some, SegmentsAt segments, List<MembershipMove> changes, List<Deferred> deferred)
    {
        var plan = segments.Plan;

        // A bit for each customer, by place: whom the segment is asked of, and who is stored as a member.
        var (asked, stored) = (new ulong[plan.Segments.Count], new ulong[plan.Segments.Count]);
        for (var i = 0; i < some.Length; i++)
        {
            some[i].Look.Scope.Mark(asked, 1UL << i);
            foreach (var id in some[i].Customer.MemberOf)
            {
                if (plan.ById.TryGetValue(id, out var member))
                {
                    stored[member.Place] |= 1UL << i;
                }
            }
        }

        for (var place = 0; place < asked.Length; place++)
        {
            if (asked[place] == 0)
            {
                continue;
            }

            var segment = segments.Of(place);
            for (var rest = asked[place]; rest != 0; rest &= rest - 1)
            {
                var i = BitOperations.TrailingZeroCount(rest);
                var looked = some[i];
                if (segment.IsBuilding)
                {
                    // What is being built may have been read before this change; it is looked at again when that has ended.
                    Defer(plan, segment.Plan, looked, deferred);
                }
                else if (segment.IsReady && segment.Plan.NeedsRank)
                {
                    segments.RanksMoved |= segments.MovesRanks(segment, looked);
                }
                else if (segment.IsReady && segment.Plan.Contains(looked.Customer, segment.Now) is var member && member != ((stored[place] >> i & 1) != 0))
                {
                    Move(plan, segment.Plan, looked, member, changes);
                }
            }
        }

        // What time does to the events before is known: each brings its customer in or out by itself, and whoever has one was found or looked at.
        foreach (var (customer, look) in some)
        {
            customer.Events.RemoveAll(e => e.OccurredAt < look.Since);
        }

        for (var place = 0; place < asked.Length; place++)
        {
            if (asked[place] != 0 && segments.Of(place) is { IsKept: true } segment)
            {
                for (var rest = asked[place]; rest != 0; rest &= rest - 1)
                {
                    var looked = some[BitOperations.TrailingZeroCount(rest)];
                    looked.SetDue(segment.NextFlip(looked.Customer));
                }
            }
        }
    }

    private static void Defer(MembershipPlan plan, SegmentPlan segment, Looked looked, List<Deferred> deferred)
    {
        var e = looked.Look.Events?.LastOrDefault(e => plan.OfEvent(e.Type).Contains(segment.Place));
        deferred.Add(new Deferred(segment.Segment.Id, looked.Look.Cause, looked.Customer.Key, e?.Type, e?.Id));
    }

    private static void Move(MembershipPlan plan, SegmentPlan segment, Looked looked, bool member, List<MembershipMove> changes)
    {
        var customer = looked.Customer;
        _ = member ? customer.MemberOf.Add(segment.Segment.Id) : customer.MemberOf.Remove(segment.Segment.Id);
        var (cause, eventId) = looked.Look.Reason(segment, plan);
        changes.Add(new MembershipMove(segment, customer.Key, member, cause, eventId));
    }

    /// <summary>Customers that one statement reads, and one transaction writes.</summary>
    private sealed record Chunk(KeyValuePair<long, Look>[] Looks)
    {
        /// <summary>Those that were not found yet: in the end they are no more.</summary>
        public Dictionary<long, Look> Missing { get; } = Looks.ToDictionary();

        public List<MembershipMove> Changes { get; } = [];

        public List<Deferred> Deferred { get; } = [];
    }

    /// <summary>What is looked at again when the segment's build has ended.</summary>
    private sealed record Deferred(int Segment, MembershipCause Cause, long Key, string? EventType, string? EventId);
}
