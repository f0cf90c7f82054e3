using System.Collections.Concurrent;
using System.Numerics;
using System.Threading.Channels;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;

namespace Segmentation.Api.Memberships;

/// <summary>Puts customers to the segments that what was written of them may concern, in memory, and brings what is stored to what they are now.</summary>
internal sealed class CustomerEvaluator(IServiceScopeFactory scopes, NpgsqlDataSource source, CustomerReader sets, MembershipWriter writer, SegmentRebuilds builds, EvaluationSchedule dues)
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

    private MembershipCache known = new(0);

    /// <summary>What was known of stored membership may not hold: it is read again.</summary>
    public void Forget(MembershipPlan plan) => known = new MembershipCache(plan.Segments.Count);

    /// <summary>Takes up what a build has changed in stored membership.</summary>
    public async Task TakeUpAsync(SegmentRebuild build, MembershipPlan plan, CancellationToken cancellation)
    {
        var (batch, customers) = build.Written;
        if (build.IsDoubtful || customers > (build.IsBuilt ? known.Count : 0))
        {
            Forget(plan);
        }
        else if (customers > 0 && plan.ById.TryGetValue(build.Plan.Segment.Id, out var segment))
        {
            await using var command = source.CreateCommand(
                """
                SELECT customer_key, left_batch IS NULL FROM memberships WHERE segment_id = $1 AND joined_batch = $2
                UNION ALL SELECT customer_key, false FROM memberships WHERE segment_id = $1 AND left_batch = $2
                """);
            command.Parameters.Add(SqlParameter.Create(segment.Segment.Id, NpgsqlDbType.Integer));
            command.Parameters.Add(SqlParameter.Create(batch, NpgsqlDbType.Bigint));
            await using var reader = await command.ExecuteReaderAsync(cancellation);
            while (await reader.ReadAsync(cancellation))
            {
                known.Set(reader.GetInt64(0), segment.Place, reader.GetBoolean(1));
            }
        }
    }

    /// <summary>
    /// Looks at customers. The loop that everything depends on: while some hundreds are put to the rules, the next ones are read, and what the ones before have come to is written.
    /// </summary>
    /// <param name="looks">The customers, by their keys.</param>
    /// <param name="done">The rows of work that are done with that: each goes with the last of its customers.</param>
    public async Task LookAsync(IReadOnlyDictionary<long, Look> looks, IReadOnlyList<ChangeLogEntry> done, SegmentsAt segments, CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();

        var waiting = new ConcurrentQueue<Chunk>(Chunks(looks, done));
        var left = waiting.Count;
        var ahead = Channel.CreateBounded<(Chunk Chunk, List<EvaluatedCustomer> Block)>(BlocksAhead);
        using var stopReading = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var reading = Task.WhenAll(Enumerable.Range(0, Readers).Select(_ => Task.Run(() => ReadAsync(segments.Plan, waiting, ahead.Writer, stopReading.Token), CancellationToken.None)));
        var writing = Task.CompletedTask;
        try
        {
            while (left > 0)
            {
                // What failed the reading is thrown as it was.
                await ahead.Reader.WaitToReadAsync(cancellation);
                var (chunk, block) = await ahead.Reader.ReadAsync(cancellation);
                if (block.Count > 0)
                {
                    await LookAsync(db, block, segments, chunk.Changes, chunk.Deferred, cancellation);
                    block.ForEach(l => chunk.Stored.Add(l.Customer.Key, l.Stored));
                    continue;
                }

                left--;
                await writing;
                writing = WriteAsync(chunk, segments.At, cancellation);
            }

            await writing;
        }
        finally
        {
            await stopReading.CancelAsync();
            await Task.WhenAll(reading, writing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // Those of one type of event are put to the same rules, and so together.
    private List<Chunk> Chunks(IReadOnlyDictionary<long, Look> looks, IReadOnlyList<ChangeLogEntry> done)
    {
        var chunks = looks.Where(l => l.Value.IsConcerned).OrderBy(l => l.Value.Events is [{ Type: var type }] ? type : "", StringComparer.Ordinal)
            .Chunk(ChunkKeys).DefaultIfEmpty([]).Select(c => new Chunk(c, known)).ToList();
        var byKey = chunks.SelectMany(c => c.Looks.Keys.Select(k => (Key: k, Chunk: c))).ToDictionary(l => l.Key, l => l.Chunk);
        foreach (var row in done)
        {
            // One of which nobody is concerned goes with the first.
            List<Chunk> with = [.. (row.Keys ?? []).Select(k => byKey.GetValueOrDefault(k)).OfType<Chunk>().DefaultIfEmpty(chunks[0]).Distinct()];
            var work = new WorkLeft(row.Id) { Chunks = with.Count };
            with.ForEach(c => c.Work.Add(work));
        }

        return chunks;
    }

    // Each chunk that waits, block by block; an empty block ends it.
    private async Task ReadAsync(MembershipPlan plan, ConcurrentQueue<Chunk> waiting, ChannelWriter<(Chunk Chunk, List<EvaluatedCustomer> Block)> ahead, CancellationToken cancellation)
    {
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
            while (waiting.TryDequeue(out var chunk))
            {
                if (chunk.Looks.Count > 0)
                {
                    var all = new SegmentSet(plan.Segments.Count);
                    foreach (var look in chunk.Looks.Values)
                    {
                        all.Add(look.Scope);
                    }

                    var (block, events) = (new List<EvaluatedCustomer>(Block), 0);
                    await foreach (var (customer, stored) in sets.ReadAsync(db, [.. chunk.Looks.Keys], plan, all, chunk.Known, cancellation))
                    {
                        block.Add(new EvaluatedCustomer(customer, chunk.Looks[customer.Key], stored));
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

    private async Task WriteAsync(Chunk chunk, DateTimeOffset at, CancellationToken cancellation)
    {
        var (changes, deferred, erased) = (chunk.Changes, chunk.Deferred, chunk.Missing);
        chunk.Work.ForEach(w => w.Chunks--);
        long[] done = [.. chunk.Work.Where(w => w.Chunks == 0).Select(w => w.Id)];
        if (changes.Count > 0 || deferred.Count > 0 || erased.Length > 0 || done.Length > 0)
        {
            await WriteAsync(changes, deferred, erased, done, at, cancellation);
        }

        foreach (var (customer, stored) in chunk.Stored)
        {
            known.Put(customer, stored);
        }
    }

    private async Task WriteAsync(IReadOnlyList<MembershipMove> changes, IReadOnlyList<Deferred> deferred, long[] erased, long[] done, DateTimeOffset at, CancellationToken cancellation) =>
        await writer.InTransactionAsync(null, at, async (connection, transaction, written) =>
        {
            await writer.WriteAsync(connection, transaction, changes, written, cancellation);
            if (erased.Length > 0)
            {
                await MembershipWriter.EraseAsync(connection, transaction, erased, written, cancellation);
                builds.Erase(erased);
            }

            foreach (var group in deferred.GroupBy(d => (d.Segment, d.Cause, OfEvents: d.EventId is not null)))
            {
                var (types, ids) = group.Key.OfEvents ? (group.Select(d => d.EventType!).ToArray(), group.Select(d => d.EventId!).ToArray()) : (null, null);
                await ChangeLog.AppendDeferredAsync(
                    connection, transaction, group.Key.Cause, group.Key.Segment, [.. group.Select(d => d.Key)], types, ids, cancellation);
            }

            if (done.Length > 0)
            {
                await ChangeLog.DeleteAsync(connection, transaction, done, cancellation);
            }
        }, cancellation);

    private async Task LookAsync(SegmentationDb db, List<EvaluatedCustomer> some, SegmentsAt segments, List<MembershipMove> changes, List<Deferred> deferred, CancellationToken cancellation)
    {
        LookAtMany([.. some.Where(l => !l.IsHeavy)], segments, changes, deferred);
        foreach (var heavy in some.Where(l => l.IsHeavy))
        {
            var moved = false;
            foreach (var place in heavy.Look.Scope.Places())
            {
                var segment = segments.Get(place);
                if (segment.IsBuilding || (moved && segment.Plan is { ReadsEvents: true, References.Count: > 0 }))
                {
                    // PostgreSQL is asked when it knows what this look has moved.
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
                    if (member != heavy.Stored.Contains(place))
                    {
                        moved = true;
                        Move(segments.Plan, segment.Plan, heavy, member, changes);
                    }
                }

                if (segment.IsStored)
                {
                    heavy.SetDue(segment.Plan.ReadsEvents ? segments.At.AddMinutes(1) : segment.NextFlip(heavy.Customer));
                }
            }
        }

        // Others than those looked at may be due earlier.
        some.ForEach(l => dues.Set(l.Customer.Key, l.Due, exact: ReferenceEquals(l.Look.Scope, segments.Plan.Clock)));
    }

    // Segment by segment: what a rule needs is then at hand for all of them, where a thousand rules for each customer would have to be fetched anew.
    private static void LookAtMany(EvaluatedCustomer[] some, SegmentsAt segments, List<MembershipMove> changes, List<Deferred> deferred)
    {
        var plan = segments.Plan;

        // A bit for each customer, by place: whom the segment is asked of.
        var asked = new ulong[plan.Segments.Count];
        for (var i = 0; i < some.Length; i++)
        {
            some[i].Look.Scope.Mark(asked, 1UL << i);
        }

        for (var place = 0; place < asked.Length; place++)
        {
            if (asked[place] == 0)
            {
                continue;
            }

            var segment = segments.Get(place);
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
                else if (segment.IsReady && segment.Plan.Contains(looked.Customer, segment.Now) is var member && member != looked.Stored.Contains(place))
                {
                    Move(plan, segment.Plan, looked, member, changes);
                }
            }
        }

        // What time does to the events before is known: each brings its customer in or out by itself, and whoever has one was found or looked at.
        foreach (var (customer, look, _) in some)
        {
            customer.Events.RemoveAll(e => e.OccurredAt < look.Since);
        }

        for (var place = 0; place < asked.Length; place++)
        {
            if (asked[place] != 0 && segments.Get(place) is { IsStored: true } segment)
            {
                for (var rest = asked[place]; rest != 0; rest &= rest - 1)
                {
                    var looked = some[BitOperations.TrailingZeroCount(rest)];
                    looked.SetDue(segment.NextFlip(looked.Customer));
                }
            }
        }
    }

    private static void Defer(MembershipPlan plan, SegmentPlan segment, EvaluatedCustomer looked, List<Deferred> deferred)
    {
        var e = looked.Look.Events?.LastOrDefault(e => plan.OfEvent(e.Type).Contains(segment.Place));
        deferred.Add(new Deferred(segment.Segment.Id, looked.Look.Cause, looked.Customer.Key, e?.Type, e?.Id));
    }

    private static void Move(MembershipPlan plan, SegmentPlan segment, EvaluatedCustomer looked, bool member, List<MembershipMove> changes)
    {
        var customer = looked.Customer;
        looked.Stored.Set(segment.Place, member);
        _ = member ? customer.MemberOf.Add(segment.Segment.Id) : customer.MemberOf.Remove(segment.Segment.Id);
        var (cause, eventId) = looked.Look.Reason(segment, plan);
        changes.Add(new MembershipMove(segment, customer.Key, member, cause, eventId));
    }

    /// <summary>Customers that one statement reads, and one transaction writes.</summary>
    private sealed class Chunk(KeyValuePair<long, Look>[] looks, MembershipCache known)
    {
        public IReadOnlyDictionary<long, Look> Looks { get; } = looks.ToDictionary();

        /// <summary>Whose stored membership has them, where that is known before they are read.</summary>
        public IReadOnlyDictionary<long, SegmentSet> Known { get; } = looks.Select(l => (l.Key, Stored: known.Take(l.Key))).Where(l => l.Stored is not null).ToDictionary(l => l.Key, l => l.Stored!);

        /// <summary>Whose stored membership has those that were looked at, when all is written.</summary>
        public Dictionary<long, SegmentSet> Stored { get; } = [];

        /// <summary>Those that were not found: they are no more.</summary>
        public long[] Missing => [.. Looks.Keys.Where(k => !Stored.ContainsKey(k))];

        public List<MembershipMove> Changes { get; } = [];

        public List<Deferred> Deferred { get; } = [];

        /// <summary>The rows of work that name some of them.</summary>
        public List<WorkLeft> Work { get; } = [];
    }

    /// <summary>A row of work, done with the last of the chunks that have its customers.</summary>
    private sealed class WorkLeft(long id)
    {
        public long Id => id;

        public int Chunks { get; set; }
    }

    /// <summary>What is looked at again when the segment's build has ended.</summary>
    private sealed record Deferred(int Segment, MembershipCause Cause, long Key, string? EventType, string? EventId);
}
