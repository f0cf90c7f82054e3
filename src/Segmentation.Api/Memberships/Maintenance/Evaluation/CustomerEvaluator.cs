using System.Collections.Concurrent;
using System.Threading.Channels;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;

namespace Segmentation.Api.Memberships;

/// <summary>Evaluates customers for the segments that a change may affect, in memory, and brings what is stored to the outcome.</summary>
internal sealed class CustomerEvaluator(
    IServiceScopeFactory scopes,
    NpgsqlDataSource source,
    CustomerReader customers,
    MembershipWriter writer,
    SegmentRebuilds rebuilds,
    EvaluationSchedule schedule,
    MembershipOptions options)
{
    // That many customers with their events stay in a core's cache; each has a bit of 64. A block of customers with very many events is
    // smaller, for memory's sake, and few are read ahead, since the garbage collector copies those that wait.
    private const int BlockCustomers = 32;
    private const int BlockEvents = 20_000;
    private const int BlocksAhead = 1;

    // Statements that read chunks at the same time: reading in PostgreSQL is most of an evaluation, and each
    // statement has a process of its own. Blocks are evaluated in the order in which they arrive, whichever chunk
    // they are of: chunk by chunk, all readers but one would wait.
    private const int Readers = 2;

    private readonly BlockEvaluator blocks = new(schedule, options);
    private MembershipCache cache = new(0);

    /// <summary>Empties the cache of stored membership, which may no longer be true.</summary>
    public void ClearCache(MembershipPlan plan) => cache = new MembershipCache(plan.Segments.Count);

    /// <summary>Brings the cache up to date with what a rebuild has written.</summary>
    public async Task UpdateCacheAsync(SegmentRebuild rebuild, MembershipPlan plan, CancellationToken cancellation)
    {
        var (revision, changed) = rebuild.Written;
        if (rebuild.IsDoubtful || changed > (rebuild.IsBuilt ? cache.Count : 0))
        {
            ClearCache(plan);
        }
        else if (changed > 0 && plan.ById.TryGetValue(rebuild.Plan.Segment.Id, out var segment))
        {
            await using var command = source.CreateCommand(
                """
                SELECT customer_key, left_batch IS NULL FROM memberships WHERE segment_id = $1 AND joined_batch = $2
                UNION ALL SELECT customer_key, false FROM memberships WHERE segment_id = $1 AND left_batch = $2
                """);
            command.Parameters.Add(SqlParameter.Create(segment.Segment.Id, NpgsqlDbType.Integer));
            command.Parameters.Add(SqlParameter.Create(revision, NpgsqlDbType.Bigint));
            await using var reader = await command.ExecuteReaderAsync(cancellation);
            while (await reader.ReadAsync(cancellation))
            {
                cache.Set(reader.GetInt64(0), segment.Ordinal, reader.GetBoolean(1));
            }
        }
    }

    /// <summary>
    /// Evaluates customers. The loop that everything depends on: while one block is evaluated, the next ones are read, and the outcome of
    /// the chunk before is written.
    /// </summary>
    /// <param name="requests">The customers, by their keys.</param>
    /// <param name="done">The entries of the change log that are done with that: each is deleted with the last of its customers.</param>
    public async Task EvaluateAsync(
        IReadOnlyDictionary<long, EvaluationRequest> requests,
        IReadOnlyList<ChangeLogEntry> done,
        SegmentsAt segments,
        CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();

        var waiting = new ConcurrentQueue<EvaluationChunk>(EvaluationChunk.Split(requests, done, cache));
        var left = waiting.Count;
        var ahead = Channel.CreateBounded<(EvaluationChunk Chunk, List<CustomerUnderEvaluation> Block)>(BlocksAhead);
        using var stopReading = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var reading = Task.WhenAll(Enumerable.Range(0, Readers).Select(
            _ => Task.Run(() => ReadAsync(segments.Plan, waiting, ahead.Writer, stopReading.Token), CancellationToken.None)));
        var writing = Task.CompletedTask;
        try
        {
            while (left > 0)
            {
                // An exception of the readers is thrown as it was.
                await ahead.Reader.WaitToReadAsync(cancellation);
                var (chunk, block) = await ahead.Reader.ReadAsync(cancellation);
                if (block.Count > 0)
                {
                    await blocks.EvaluateAsync(db, block, segments, chunk, cancellation);
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

    // Each chunk that waits, block by block; an empty block ends it.
    private async Task ReadAsync(
        MembershipPlan plan,
        ConcurrentQueue<EvaluationChunk> waiting,
        ChannelWriter<(EvaluationChunk Chunk, List<CustomerUnderEvaluation> Block)> ahead,
        CancellationToken cancellation)
    {
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
            while (waiting.TryDequeue(out var chunk))
            {
                if (chunk.Requests.Count > 0)
                {
                    var all = new SegmentSet(plan.Segments.Count);
                    foreach (var request in chunk.Requests.Values)
                    {
                        all.Add(request.Scope);
                    }

                    var (block, events) = (new List<CustomerUnderEvaluation>(BlockCustomers), 0);
                    var read = customers.ReadAsync(db, [.. chunk.Requests.Keys], plan, all, chunk.Cached, cancellation);
                    await foreach (var (customer, stored) in read)
                    {
                        block.Add(new CustomerUnderEvaluation(customer, chunk.Requests[customer.Key], stored));
                        events += customer.Events.Count;
                        if (block.Count == BlockCustomers || events > BlockEvents)
                        {
                            await ahead.WriteAsync((chunk, block), cancellation);
                            (block, events) = (new(BlockCustomers), 0);
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

    private async Task WriteAsync(EvaluationChunk chunk, DateTimeOffset at, CancellationToken cancellation)
    {
        var (erased, anonymous) = (chunk.Missing, chunk.Anonymous);
        var done = chunk.Complete();
        if (chunk.Moves.Count > 0 || chunk.Deferred.Count > 0 || chunk.Rebuilt.Count > 0 || erased.Length > 0 || anonymous.Length > 0
            || done.Length > 0)
        {
            await WriteAsync(chunk, erased, anonymous, done, at, cancellation);
        }

        foreach (var (customer, stored) in chunk.Stored)
        {
            cache.Put(customer, stored);
        }
    }

    private async Task WriteAsync(
        EvaluationChunk chunk,
        long[] erased,
        long[] anonymous,
        long[] done,
        DateTimeOffset at,
        CancellationToken cancellation) =>
        await writer.InTransactionAsync(null, at, async (connection, transaction, written) =>
        {
            if (erased.Length + anonymous.Length > 0)
            {
                await writer.EraseAsync(connection, transaction, erased, anonymous, chunk.LeftByAnonymous, written, cancellation);
                rebuilds.Erase(erased);
            }

            await writer.WriteAsync(connection, transaction, chunk.Moves, written, cancellation);
            if (chunk.Rebuilt.Count > 0)
            {
                await ChangeLog.AppendSegmentsAsync(
                    connection, transaction, MembershipCause.Event, [.. chunk.Rebuilt], [], cancellation);
            }

            foreach (var group in chunk.Deferred.GroupBy(d => (d.Segment, d.Cause, HasEvent: d.Event is not null)))
            {
                var (segment, cause, hasEvent) = group.Key;
                string[]? types = hasEvent ? [.. group.Select(d => d.Event!.Type)] : null;
                string?[]? ids = hasEvent ? [.. group.Select(d => d.Event!.Id)] : null;
                long[] keys = [.. group.Select(d => d.Key)];
                await ChangeLog.AppendDeferredAsync(connection, transaction, cause, segment, keys, types, ids, cancellation);
            }

            if (done.Length > 0)
            {
                await ChangeLog.DeleteAsync(connection, transaction, done, cancellation);
            }
        }, cancellation);
}
