using System.Globalization;
using System.Linq.Expressions;
using System.Numerics;
using System.Threading.Channels;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;
using Segmentation.Rules;
using Segmentation.Rules.Expressions;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Keeps stored membership true, for as long as this process leads: looks at customers that were written, or that time may have moved, in
/// memory, a set at a time; and builds whole segments in PostgreSQL where a definition is new or too many customers were written.
/// </summary>
/// <remarks>
/// Everything here is told by state, not by history: a customer is evaluated as it stands, and what is stored is brought to that. So
/// work may be done twice, late or in any order, and the outcome is the same.
/// </remarks>
internal sealed class MembershipKeeper(
    IServiceScopeFactory scopes, NpgsqlDataSource source, DefinitionCache definitions, CustomerRowReaders readers, RevenueOptions revenue, MembershipOptions options, TimeProvider time, ILogger logger, long epoch, DateTimeOffset keptBefore) : IDisposable
{
    /// <summary>Time's changes are known this far ahead, customer by customer.</summary>
    private static readonly TimeSpan Horizon = TimeSpan.FromHours(1);

    // The next hour is looked into before this one ends.
    private static readonly TimeSpan HorizonMargin = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Quarter = TimeSpan.FromMinutes(15);

    // How far a bound can be from where it would be without a change of clocks, amply.
    private static readonly TimeSpan Irregularity = TimeSpan.FromHours(3);
    private static readonly TimeSpan KeptInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MostRetryDelay = TimeSpan.FromMinutes(10);

    private const int ChunkKeys = 500;

    // So many customers with their events stay in a core's cache; each has a bit of 64. Those with very many events are fewer, for memory's sake. What is
    // read ahead is copied by the collector while it waits.
    private const int Block = 32;
    private const int BlockEvents = 20_000;
    private const int BlocksAhead = 1;

    // Chunks are read in turn by so many statements at once: PostgreSQL's reading is most of a look, and each has a process of its own.
    private const int Readers = 2;

    private const int LooksAtOnce = 4000;
    private const int WorkRows = 20;
    private const int ScanTogether = 64;
    private const int Builders = 2;

    // Segments that one reading of the customers may answer for; each has a bit of 64.
    private const int MostTogether = 32;

    // What one look costs, to choose between looks and builds: measured on a million customers of twenty events (docs/benchmarks.md).
    private const double LookMs = 0.15, LookSegmentMs = 0.001;

    private readonly MembershipWriter writer = new(source, epoch);
    private readonly CustomerSets sets = new(source, readers);
    private readonly Dues dues = new();
    private readonly HashSet<int> ready = [];
    private readonly Dictionary<int, Build> building = [];
    private readonly List<Build> waiting = [];
    private readonly List<Task> builders = [];
    private readonly CancellationTokenSource stop = new();
    private readonly Dictionary<int, DateTimeOffset> scannedUntil = [];
    private readonly Queue<long> scanned = new();
    private (Dictionary<int, DateTimeOffset> From, Task<HashSet<long>> Found)? scan;
    private MembershipPlan? plan;
    private DateTimeOffset nextQuarter = DateTimeOffset.MinValue;
    private DateTimeOffset keptUntil = keptBefore;
    private Task purge = Task.CompletedTask;
    private DateTimeOffset nextPurge = DateTimeOffset.MinValue;
    private bool ranksMoved;
    private long? readyStamp = -1;
    private long ranksNext;
    private double buildMs = 300;

    /// <summary>Whether nothing is left of what it knows of.</summary>
    public bool IsSettled => building.Count + waiting.Count + scanned.Count == 0 && scan is null && !ranksMoved;

    /// <summary>Does what there is to do now.</summary>
    /// <returns>Whether there was anything.</returns>
    /// <exception cref="OvertakenException">Another process keeps membership now.</exception>
    public async Task<bool> TickAsync(CancellationToken cancellation)
    {
        var at = LocalTime.Truncate(time.GetUtcNow());
        await FinishBuildsAsync(at, cancellation);
        var pending = await ReadAsync(cancellation);
        if (plan is null || plan.All.Stamp != pending.Stamp)
        {
            await ReloadAsync(at, cancellation);
        }

        foreach (var segment in pending.Cancelled)
        {
            await CancelAsync(segment, cancellation);
        }

        var looked = await LookAtWorkAsync(pending, at, cancellation);
        looked |= await LookAtTimeAsync(at, cancellation);
        RefreshRanks();
        StartBuilds(at);
        ForgetHistory(at);
        await TellAsync(pending, at, cancellation);

        return looked || pending.More;
    }

    /// <summary>Waits for as long as that, or until a build has ended: the next one is not kept waiting.</summary>
    public async Task WaitAsync(TimeSpan most, CancellationToken cancellation)
    {
        await Task.WhenAny([Task.Delay(most, cancellation), .. building.Values.Select(b => b.Ended.Task)]);
        cancellation.ThrowIfCancellationRequested();
    }

    // Once an hour, beside everything else.
    private void ForgetHistory(DateTimeOffset at)
    {
        if (at < nextPurge || !purge.IsCompleted)
        {
            return;
        }

        nextPurge = at.AddHours(1);
        purge = Task.Run(async () =>
        {
            try
            {
                await using var connection = await source.OpenConnectionAsync(stop.Token);
                await MembershipHistory.PurgeAsync(connection, at.AddDays(-options.HistoryDays), stop.Token);
            }
            catch (Exception failed) when (!stop.IsCancellationRequested)
            {
                logger.LogError(failed, "Old history could not be removed; tried again in an hour");
            }
        }, CancellationToken.None);
    }

    // How far everything is: up to which instant it is true, and of which definitions.
    private async Task TellAsync(Pending pending, DateTimeOffset at, CancellationToken cancellation)
    {
        var kept = pending.More || !IsSettled ? keptUntil : at;
        long? stamp = plan!.Segments.All(s => ready.Contains(s.Segment.Id)) ? plan.All.Stamp : null;
        if (stamp != readyStamp || kept - keptUntil >= KeptInterval)
        {
            await writer.InTransactionAsync(null, async (connection, transaction) =>
            {
                await using var command = new NpgsqlCommand("UPDATE membership_leader SET kept_until = $1, ready_stamp = $2", connection, transaction)
                {
                    Parameters = { MembershipWriter.Of(kept, NpgsqlDbType.TimestampTz), new NpgsqlParameter { Value = stamp ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Bigint } },
                };
                await command.ExecuteNonQueryAsync(cancellation);
            }, cancellation);
            (keptUntil, readyStamp) = (kept, stamp);
        }
    }

    /// <summary>Ends all that runs beside the ticks; what builds did not write is done again by whoever leads next.</summary>
    public async Task StopAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(builders.Append(purge).Append(scan?.Found ?? Task.CompletedTask).Select(r => r.ContinueWith(_ => { }, TaskScheduler.Default)));
    }

    public void Dispose()
    {
        stop.Dispose();
        writer.Dispose();
    }

    private async Task<Pending> ReadAsync(CancellationToken cancellation)
    {
        await using var connection = await source.OpenConnectionAsync(cancellation);
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new NpgsqlBatchCommand("SELECT stamp FROM definition_stamp"),
                new NpgsqlBatchCommand("SELECT segment_id FROM membership_states WHERE cancel_requested"),

                // What is for a segment that is being built waits for the end of that.
                new NpgsqlBatchCommand($"SELECT id, cause, segment_id, keys, event_types, event_ids, event_times, changed, created FROM membership_work WHERE segment_id IS NULL OR segment_id <> ALL ($1) ORDER BY id LIMIT {WorkRows + 1}")
                {
                    Parameters = { MembershipWriter.Of(building.Keys.Concat(waiting.Select(w => w.Plan.Segment.Id)).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Integer) },
                },
            },
        };
        await using var reader = await batch.ExecuteReaderAsync(cancellation);
        await reader.ReadAsync(cancellation);
        var stamp = reader.GetInt64(0);
        await reader.NextResultAsync(cancellation);
        List<int> cancelled = [];
        while (await reader.ReadAsync(cancellation))
        {
            cancelled.Add(reader.GetInt32(0));
        }

        await reader.NextResultAsync(cancellation);
        List<MembershipWork> rows = [];
        while (await reader.ReadAsync(cancellation))
        {
            rows.Add(new MembershipWork
            {
                Id = reader.GetInt64(0),
                Cause = (MembershipCause)reader.GetInt16(1),
                SegmentId = reader.IsDBNull(2) ? null : reader.GetInt32(2),
                Keys = reader.IsDBNull(3) ? null : reader.GetFieldValue<long[]>(3),
                EventTypes = reader.IsDBNull(4) ? null : reader.GetFieldValue<string[]>(4),
                EventIds = reader.IsDBNull(5) ? null : reader.GetFieldValue<string[]>(5),
                EventTimes = reader.IsDBNull(6) ? null : reader.GetFieldValue<DateTimeOffset[]>(6),
                Changed = reader.IsDBNull(7) ? null : reader.GetFieldValue<string[]>(7),
                Created = reader.GetBoolean(8),
            });
        }

        return new Pending(stamp, cancelled, rows.Count > WorkRows ? rows[..WorkRows] : rows, rows.Count > WorkRows);
    }

    // ---- Definitions

    // What is stored and what is defined: builds what differs, and empties what is no longer kept.
    private async Task ReloadAsync(DateTimeOffset at, CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
        var first = plan is null;
        plan = new MembershipPlan(await definitions.GetAsync(db, cancellation), revenue, plan);
        var states = await db.MembershipStates.AsNoTracking().ToDictionaryAsync(s => s.SegmentId, cancellation);
        foreach (var gone in states.Keys.Where(id => !plan.ById.ContainsKey(id)))
        {
            await StopKeepingAsync(gone, at, cancellation);
        }

        foreach (var segment in plan.Segments)
        {
            var id = segment.Segment.Id;
            var state = states.GetValueOrDefault(id);
            if (state is { Status: MembershipStatus.Ready } && state.Fingerprint == segment.Fingerprint && (first || ready.Contains(id)))
            {
                ready.Add(id);
                if (first && (segment.ReadsLocalTime || (segment.ReadsClock && at - keptUntil > TimeSpan.FromDays(1))))
                {
                    Enqueue(segment, MembershipCause.Time);
                }

                continue;
            }

            if (state is { Status: MembershipStatus.Building } && state.Fingerprint == segment.Fingerprint && ready.Contains(id))
            {
                // Changed, and changed back before anyone looked: what is stored still holds.
                await SetAsync(id, "status = CASE WHEN (SELECT stamp FROM definition_stamp) = $2 THEN 'Ready' ELSE status END", cancellation, MembershipWriter.Of(plan.All.Stamp, NpgsqlDbType.Bigint));
                continue;
            }

            ready.Remove(id);
            if (building.TryGetValue(id, out var old))
            {
                await old.Cancellation.CancelAsync();
            }

            if (state is null || state.Fingerprint != segment.Fingerprint || state.Status != MembershipStatus.Building)
            {
                await writer.InTransactionAsync(null, async (connection, transaction) =>
                {
                    await using var command = new NpgsqlCommand(
                        """
                        INSERT INTO membership_states (segment_id, status, size, progress, failures, cancel_requested) VALUES ($1, 'Building', 0, 0, 0, false)
                        ON CONFLICT (segment_id) DO UPDATE SET status = 'Building', progress = 0, failures = 0, error = NULL
                        """,
                        connection, transaction)
                    { Parameters = { MembershipWriter.Of(id, NpgsqlDbType.Integer) } };
                    await command.ExecuteNonQueryAsync(cancellation);
                }, cancellation);
            }

            Enqueue(segment, MembershipCause.Definition);
        }

        waiting.RemoveAll(w => !plan.ById.ContainsKey(w.Plan.Segment.Id));
        if (first)
        {
            // Where nothing is stored that holds, all that will be is of now or later.
            keptUntil = ready.Count == 0 && at > keptUntil ? at : keptUntil;

            // What had moved them is looked at and gone, perhaps, and they were not asked since.
            ranksMoved = !plan.Rank.IsEmpty;
            foreach (var segment in plan.Segments.Where(s => s.ReadsClock))
            {
                scannedUntil[segment.Segment.Id] = keptUntil;
            }
        }
    }

    private async Task StopKeepingAsync(int segment, DateTimeOffset at, CancellationToken cancellation)
    {
        if (building.TryGetValue(segment, out var build))
        {
            await build.Cancellation.CancelAsync();
        }

        ready.Remove(segment);
        await writer.InTransactionAsync(null, at, async (connection, transaction, written) =>
        {
            await using var command = new NpgsqlCommand(
                """
                WITH state AS (DELETE FROM membership_states WHERE segment_id = $1 RETURNING size),
                segment AS (SELECT id, version FROM segments WHERE id = $1),
                work AS (DELETE FROM membership_work WHERE segment_id = $1),
                batch AS (
                    INSERT INTO membership_batches (segment_id, at, version, joined, "left", size) SELECT s.id, $2, s.version, 0, state.size, 0 FROM segment s, state WHERE state.size > 0
                    RETURNING id),
                gone AS (UPDATE memberships SET left_batch = batch.id, left_cause = $3 FROM batch WHERE segment_id = $1 AND left_batch IS NULL)
                SELECT id, id FROM batch
                """,
                connection, transaction)
            {
                CommandTimeout = 0,
                Parameters = { MembershipWriter.Of(segment, NpgsqlDbType.Integer), MembershipWriter.Of(written, NpgsqlDbType.TimestampTz), MembershipWriter.Of((short)MembershipCause.Definition, NpgsqlDbType.Smallint) },
            };
            await MembershipWriter.TellAsync(command, cancellation);

            // Of a segment that is no more, nothing is left to be told.
            await using var erase = new NpgsqlCommand(
                """
                WITH gone AS (DELETE FROM memberships WHERE segment_id = $1 AND NOT EXISTS (SELECT FROM segments WHERE id = $1))
                DELETE FROM membership_batches WHERE segment_id = $1 AND NOT EXISTS (SELECT FROM segments WHERE id = $1)
                """,
                connection, transaction)
            { CommandTimeout = 0, Parameters = { MembershipWriter.Of(segment, NpgsqlDbType.Integer) } };
            await erase.ExecuteNonQueryAsync(cancellation);
        }, cancellation);
    }

    // ---- Customers, one by one

    private async Task<bool> LookAtWorkAsync(Pending pending, DateTimeOffset at, CancellationToken cancellation)
    {
        if (pending.Rows.Count == 0)
        {
            return false;
        }

        if (pending.More && await TakeAsSetsAsync(cancellation))
        {
            return true;
        }

        var looks = new Dictionary<long, Look>();
        List<long> done = [];
        foreach (var row in pending.Rows)
        {
            var targeted = row.SegmentId is { } id ? plan!.ById.GetValueOrDefault(id) : null;
            if (row.Keys is null)
            {
                foreach (var segment in row.SegmentId is null ? plan!.Segments : targeted is null ? [] : [targeted])
                {
                    Enqueue(segment, ready.Contains(segment.Segment.Id) ? row.Cause : MembershipCause.Definition).Rows.Add(row.Id);
                }

                if (row.SegmentId is null)
                {
                    // Each build takes it up from here; together they are what it asked for.
                    await SplitAsync(row, cancellation);
                }
                else if (targeted is null)
                {
                    done.Add(row.Id);
                }

                continue;
            }

            done.Add(row.Id);
            ranksMoved |= row.Created || row.Cause == MembershipCause.Erased || row.EventTypes?.Any(plan!.MovesRanks) == true;
            var scope = row.SegmentId is not null ? targeted is null ? null : plan!.Following(targeted)
                : row.Created ? plan!.Everything
                : row.Changed is { } members ? Union(members.Select(plan!.OfMember))
                : row.EventTypes is null ? plan!.Profile : null;
            for (var i = 0; i < row.Keys.Length; i++)
            {
                if (!looks.TryGetValue(row.Keys[i], out var look))
                {
                    looks.Add(row.Keys[i], look = new Look(new SegmentSet(plan!.Segments.Count)));
                }

                if (row.EventTypes is { } types)
                {
                    if (row.SegmentId is null)
                    {
                        look.Scope.Add(plan!.OfEvent(types[i]));
                    }

                    (look.Events ??= []).Add(new LookEvent(types[i], row.EventIds![i]));
                }

                if (scope is not null)
                {
                    look.Scope.Add(scope);
                }

                look.Since = row.EventTimes?[i] is { } earliest ? earliest < look.Since ? earliest : look.Since : DateTimeOffset.MinValue;

                // The first says why; one that only asks to look again comes after it.
                look.Cause = look.Cause == default || look.Cause == MembershipCause.Refresh ? row.Cause : look.Cause;
                look.Erased |= row.Cause == MembershipCause.Erased;
            }
        }

        ranksMoved &= !plan!.Rank.IsEmpty;
        await LookAsync(looks, done, at, cancellation);
        return true;

        SegmentSet Union(IEnumerable<SegmentSet> sets)
        {
            var all = new SegmentSet(plan!.Segments.Count);
            foreach (var set in sets)
            {
                all.Add(set);
            }

            return all;
        }
    }

    // Where so much was written that building the segments that it concerns is cheaper than looking at each customer. Rows by their ids, all the way:
    // one with a smaller id may be committed while this looks at them.
    private async Task<bool> TakeAsSetsAsync(CancellationToken cancellation)
    {
        await using var connection = await source.OpenConnectionAsync(cancellation);
        long keys;
        long[] taken;
        await using (var count = new NpgsqlCommand("SELECT coalesce(array_agg(id), '{}'), coalesce(sum(cardinality(keys)), 0) FROM membership_work WHERE segment_id IS NULL AND keys IS NOT NULL AND cause <> $1", connection) { Parameters = { MembershipWriter.Of((short)MembershipCause.Erased, NpgsqlDbType.Smallint) } })
        await using (var reader = await count.ExecuteReaderAsync(cancellation))
        {
            await reader.ReadAsync(cancellation);
            (taken, keys) = (reader.GetFieldValue<long[]>(0), reader.GetInt64(1));
        }

        var concerned = new SegmentSet(plan!.Segments.Count);
        var ranks = false;
        await using (var kinds = new NpgsqlCommand(
            """
            SELECT DISTINCT w.created, e.type, m.member FROM membership_work w
            LEFT JOIN LATERAL (SELECT DISTINCT unnest(w.event_types)) AS e (type) ON true LEFT JOIN LATERAL unnest(w.changed) AS m (member) ON true
            WHERE w.id = ANY ($1)
            """, connection)
        { Parameters = { MembershipWriter.Of(taken, NpgsqlDbType.Array | NpgsqlDbType.Bigint) } })
        await using (var reader = await kinds.ExecuteReaderAsync(cancellation))
        {
            while (await reader.ReadAsync(cancellation))
            {
                var created = reader.GetBoolean(0);
                concerned.Add(created ? plan.Everything
                    : !reader.IsDBNull(1) ? plan.OfEvent(reader.GetString(1))
                    : !reader.IsDBNull(2) ? plan.OfMember(reader.GetString(2))
                    : plan.Profile);
                ranks |= created || (!reader.IsDBNull(1) && plan.MovesRanks(reader.GetString(1)));
            }
        }

        if (keys == 0 || keys * (LookMs + (LookSegmentMs * concerned.Count)) < concerned.Count * buildMs / Builders)
        {
            return false;
        }

        logger.LogInformation("{Keys} customers were written: {Segments} segments are built anew", keys, concerned.Count);
        ranksMoved |= ranks && !plan.Rank.IsEmpty;
        await writer.InTransactionAsync(null, async (write, transaction) =>
        {
            await using var command = new NpgsqlCommand(
                """
                WITH taken AS (DELETE FROM membership_work WHERE id = ANY ($1))
                INSERT INTO membership_work (cause, segment_id, created) SELECT $2, s, false FROM unnest($3) s
                """, write, transaction)
            {
                Parameters =
                {
                    MembershipWriter.Of(taken, NpgsqlDbType.Array | NpgsqlDbType.Bigint), MembershipWriter.Of((short)MembershipCause.Import, NpgsqlDbType.Smallint),
                    MembershipWriter.Of(concerned.Places().Select(p => plan.Segments[p].Segment.Id).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Integer),
                },
            };
            await command.ExecuteNonQueryAsync(cancellation);
        }, cancellation);
        return true;
    }

    private async Task SplitAsync(MembershipWork row, CancellationToken cancellation) => await writer.InTransactionAsync(null, async (connection, transaction) =>
    {
        foreach (var build in waiting)
        {
            build.Rows.Remove(row.Id);
        }

        await using var command = new NpgsqlCommand(
            "WITH gone AS (DELETE FROM membership_work WHERE id = $1) INSERT INTO membership_work (cause, segment_id, created) SELECT $2, s, false FROM unnest($3) s", connection, transaction)
        {
            Parameters =
            {
                MembershipWriter.Of(row.Id, NpgsqlDbType.Bigint), MembershipWriter.Of((short)row.Cause, NpgsqlDbType.Smallint),
                MembershipWriter.Of(plan!.Segments.Select(s => s.Segment.Id).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Integer),
            },
        };
        await command.ExecuteNonQueryAsync(cancellation);
    }, cancellation);

    private async Task<bool> LookAtTimeAsync(DateTimeOffset at, CancellationToken cancellation)
    {
        if (at >= nextQuarter)
        {
            if (nextQuarter != DateTimeOffset.MinValue)
            {
                foreach (var segment in plan!.Segments.Where(s => s.ReadsLocalTime && ready.Contains(s.Segment.Id)))
                {
                    Enqueue(segment, MembershipCause.Time);
                }
            }

            nextQuarter = new DateTimeOffset(at.UtcTicks - (at.UtcTicks % Quarter.Ticks) + Quarter.Ticks, TimeSpan.Zero);
        }

        await ScanAsync(at, cancellation);
        var keys = new HashSet<long>(dues.Take(at, LooksAtOnce));
        while (keys.Count < LooksAtOnce && scanned.TryDequeue(out var key))
        {
            keys.Add(key);
        }

        if (keys.Count == 0)
        {
            return false;
        }

        await LookAsync(keys.ToDictionary(k => k, _ => new Look(plan!.Clock) { Cause = MembershipCause.Time, Since = DateTimeOffset.MinValue }), [], at, cancellation);
        return true;
    }

    // Whom time may move within the next hour: looked at now, and again when it is due. Found beside everything else; who is looked at meanwhile is
    // looked at up to the new end.
    private async Task ScanAsync(DateTimeOffset at, CancellationToken cancellation)
    {
        if (scan is { Found.IsCompleted: true } ended)
        {
            scan = null;
            try
            {
                foreach (var key in await ended.Found)
                {
                    scanned.Enqueue(key);
                }
            }
            catch (Exception failed) when (!cancellation.IsCancellationRequested)
            {
                logger.LogError(failed, "The next hour could not be looked into; it is tried again");
                foreach (var (segment, from) in ended.From)
                {
                    scannedUntil[segment] = from;
                }
            }
        }

        var old = scan is not null ? [] : plan!.Segments.Where(s => s.ReadsClock && ready.Contains(s.Segment.Id) && (!scannedUntil.TryGetValue(s.Segment.Id, out var until) || until - at < HorizonMargin)).ToList();
        if (old.Count > 0)
        {
            var from = old.ToDictionary(s => s.Segment.Id, s => scannedUntil.GetValueOrDefault(s.Segment.Id, at));
            var end = at + Horizon;
            foreach (var segment in old)
            {
                scannedUntil[segment.Segment.Id] = end;
            }

            var all = plan!.All;
            scan = (from, Task.Run(() => FindFlipsAsync(all, [.. old.Select(s => (s, from[s.Segment.Id]))], end, stop.Token), CancellationToken.None));
        }
    }

    private async Task<HashSet<long>> FindFlipsAsync(Definitions all, (SegmentPlan Segment, DateTimeOffset From)[] segments, DateTimeOffset end, CancellationToken cancellation)
    {
        var found = new HashSet<long>();
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
        db.Database.SetCommandTimeout(TimeSpan.FromMinutes(10));
        var flips = segments.Select(s =>
        {
            var margin = s.Segment.IsRegular(s.From, end) ? TimeSpan.Zero : Irregularity;
            return s.Segment.Flips(all, s.From - margin, end + margin, db);
        }).ToList();

        // All customers are read for what stands in their rows; an hour's events are few, and each statement goes to its own.
        foreach (var some in flips.Select(f => f.OfCustomers).OfType<LambdaExpression>().Chunk(ScanTogether))
        {
            var c = Expression.Parameter(typeof(Customer), "c");
            var any = Expression.Lambda<Func<Customer, bool>>(Splice.Or([.. some.Select(s => Splice.Body(s, c))]), c);
            found.UnionWith(await db.Customers.Where(any).Select(x => x.Key).ToListAsync(cancellation));
        }

        foreach (var some in flips.SelectMany(f => f.Keys).Chunk(ScanTogether))
        {
            found.UnionWith(await some.Select(db.Events.AsQueryable().Provider.CreateQuery<long>).Aggregate(Queryable.Concat).ToListAsync(cancellation));
        }

        return found;
    }

    // The loop that everything depends on: while some hundreds of customers are put to the rules, the next ones are read, and what the ones before have
    // come to is written.
    private async Task LookAsync(Dictionary<long, Look> looks, IReadOnlyList<long> done, DateTimeOffset at, CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
        var questions = new Questions(this, at);

        // Those of one type of event are put to the same rules, and so together.
        var chunks = looks.Where(l => l.Value.IsConcerned).OrderBy(l => l.Value.Events is [{ Type: var type }] ? type : "", StringComparer.Ordinal).Chunk(ChunkKeys).DefaultIfEmpty([]).ToList();
        var ahead = Enumerable.Range(0, Readers).Select(_ => Channel.CreateBounded<List<Customer>>(BlocksAhead)).ToList();
        using var stopReading = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var reading = Task.WhenAll(ahead.Select((lane, n) => Task.Run(() => ReadAsync(chunks.Where((_, i) => i % Readers == n), lane.Writer, stopReading.Token), CancellationToken.None)));
        var writing = Task.CompletedTask;
        try
        {
            for (var i = 0; i < chunks.Count; i++)
            {
                var (missing, changes, deferred) = (chunks[i].ToDictionary(), new List<MembershipMove>(), new List<Deferred>());
                while (await NextAsync(ahead[i % Readers].Reader, cancellation) is { Count: > 0 } block)
                {
                    await LookAsync(db, [.. block.Select(c => missing.Remove(c.Key, out var look) ? new Looked(c, look) : throw new InvalidOperationException("A customer was read that was not asked for."))], questions, changes, deferred, cancellation);
                }

                await writing;
                writing = WriteAsync(changes, deferred, [.. missing.Keys], i == chunks.Count - 1 ? done : [], at, cancellation);
            }

            await writing;
        }
        finally
        {
            await stopReading.CancelAsync();
            await Task.WhenAll(reading, writing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        // What failed the reading is thrown as it was.
        static async Task<List<Customer>> NextAsync(ChannelReader<List<Customer>> blocks, CancellationToken cancellation) =>
            await blocks.WaitToReadAsync(cancellation) ? await blocks.ReadAsync(cancellation) : throw new InvalidOperationException("A chunk has no end.");
    }

    // An empty block ends a chunk.
    private async Task ReadAsync(IEnumerable<KeyValuePair<long, Look>[]> chunks, ChannelWriter<List<Customer>> ahead, CancellationToken cancellation)
    {
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
            foreach (var chunk in chunks)
            {
                if (chunk.Length > 0)
                {
                    var all = new SegmentSet(plan!.Segments.Count);
                    foreach (var (_, look) in chunk)
                    {
                        all.Add(look.Scope);
                    }

                    var (block, events) = (new List<Customer>(Block), 0);
                    await foreach (var customer in sets.ReadAsync(db, [.. chunk.Select(l => l.Key)], plan.MembersRead(all), plan.EventsRead(all), cancellation))
                    {
                        block.Add(customer);
                        events += customer.Events.Count;
                        if (block.Count == Block || events > BlockEvents)
                        {
                            await ahead.WriteAsync(block, cancellation);
                            (block, events) = (new(Block), 0);
                        }
                    }

                    if (block.Count > 0)
                    {
                        await ahead.WriteAsync(block, cancellation);
                    }
                }

                await ahead.WriteAsync([], cancellation);
            }

            ahead.Complete();
        }
        catch (Exception failed)
        {
            ahead.Complete(failed);
        }
    }

    private async Task WriteAsync(List<MembershipMove> changes, List<Deferred> deferred, long[] erased, IReadOnlyList<long> done, DateTimeOffset at, CancellationToken cancellation)
    {
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
                foreach (var build in building.Values)
                {
                    build.Erased.AddRange(erased);
                }
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

    private async Task LookAsync(SegmentationDb db, List<Looked> some, Questions questions, List<MembershipMove> changes, List<Deferred> deferred, CancellationToken cancellation)
    {
        LookAtMany([.. some.Where(l => !l.IsHeavy)], questions, changes, deferred);
        foreach (var heavy in some.Where(l => l.IsHeavy))
        {
            foreach (var place in heavy.Look.Scope.Places())
            {
                var question = questions.Of(place);
                var segment = question.Segment;
                if (question.IsBuilding)
                {
                    Defer(question, heavy, deferred);
                }
                else if (question.IsReady && segment.NeedsRank)
                {
                    ranksMoved |= segment.ReadsEvents || MovesRanks(question, heavy, questions);
                }
                else if (question.IsReady)
                {
                    var member = segment.ReadsEvents
                        ? await db.Customers.Where(c => c.Key == heavy.Customer.Key).Where(segment.Members(plan!.All, questions.At, db)).AnyAsync(cancellation)
                        : segment.Contains(heavy.Customer, question.Now);
                    if (member != heavy.Customer.MemberOf.Contains(segment.Segment.Id))
                    {
                        Move(question, heavy, member, changes);
                    }
                }

                if (question.IsKept)
                {
                    heavy.SetDue(segment.ReadsEvents ? questions.At.AddMinutes(1) : NextFlip(question, heavy.Customer, questions));
                }
            }
        }

        // Others than those looked at may be due earlier.
        some.ForEach(l => dues.Set(l.Customer.Key, l.Due, exact: ReferenceEquals(l.Look.Scope, plan!.Clock)));
    }

    // Segment by segment: what a rule needs is then at hand for all of them, where a thousand rules for each customer would have to be fetched anew.
    private void LookAtMany(Looked[] some, Questions questions, List<MembershipMove> changes, List<Deferred> deferred)
    {
        // A bit for each customer, by place: whom the segment is asked of, and who is stored as a member.
        var (asked, stored) = (new ulong[plan!.Segments.Count], new ulong[plan.Segments.Count]);
        for (var i = 0; i < some.Length; i++)
        {
            some[i].Look.Scope.Mark(asked, 1UL << i);
            foreach (var id in some[i].Customer.MemberOf)
            {
                if (plan.ById.TryGetValue(id, out var segment))
                {
                    stored[segment.Place] |= 1UL << i;
                }
            }
        }

        for (var place = 0; place < asked.Length; place++)
        {
            if (asked[place] == 0)
            {
                continue;
            }

            var question = questions.Of(place);
            for (var rest = asked[place]; rest != 0; rest &= rest - 1)
            {
                var i = BitOperations.TrailingZeroCount(rest);
                var looked = some[i];
                if (question.IsBuilding)
                {
                    // What is being built may have been read before this change; it is looked at again when that has ended.
                    Defer(question, looked, deferred);
                }
                else if (question.IsReady && question.Segment.NeedsRank)
                {
                    ranksMoved |= MovesRanks(question, looked, questions);
                }
                else if (question.IsReady && question.Segment.Contains(looked.Customer, question.Now) is var member && member != ((stored[place] >> i & 1) != 0))
                {
                    Move(question, looked, member, changes);
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
            if (asked[place] != 0 && questions.Of(place) is { IsKept: true } question)
            {
                for (var rest = asked[place]; rest != 0; rest &= rest - 1)
                {
                    var looked = some[BitOperations.TrailingZeroCount(rest)];
                    looked.SetDue(NextFlip(question, looked.Customer, questions));
                }
            }
        }
    }

    private void Defer(Question question, Looked looked, List<Deferred> deferred)
    {
        var e = looked.Look.Events?.LastOrDefault(e => plan!.OfEvent(e.Type).Contains(question.Segment.Place));
        deferred.Add(new Deferred(question.Segment.Segment.Id, looked.Look.Cause, looked.Customer.Key, e?.Type, e?.Id));
    }

    private void Move(Question question, Looked looked, bool member, List<MembershipMove> changes)
    {
        var (segment, customer) = (question.Segment, looked.Customer);
        _ = member ? customer.MemberOf.Add(segment.Segment.Id) : customer.MemberOf.Remove(segment.Segment.Id);
        var (cause, eventId) = looked.Look.Reason(segment, plan!);
        changes.Add(new MembershipMove(segment, customer.Key, member, cause, eventId));
    }

    // Asked as a whole; but not only ranks may be what it reads. By time alone, only where that may have brought the customer in or out since all was known to be true.
    private bool MovesRanks(Question question, Looked looked, Questions questions)
    {
        var margin = question.Segment.IsRegular(keptUntil, questions.At) ? TimeSpan.Zero : Irregularity;
        return !ReferenceEquals(looked.Look.Scope, plan!.Clock) || question.Segment.Flips(question.Clock(keptUntil - margin), question.Clock(questions.At + margin))(looked.Customer);
    }

    // The first instant up to which nothing is certain to stay as it is; null when all is, until the end of what has been looked into.
    private static DateTimeOffset? NextFlip(Question question, Customer customer, Questions questions)
    {
        var until = question.Until!.AsOf;
        if (!question.IsRegular)
        {
            // Clocks are changed near here: then it is looked at again and again, until that is over.
            return question.Segment.Flips(question.Clock(questions.At - Irregularity), question.Clock(until + Irregularity))(customer) ? questions.At.AddSeconds(1) : null;
        }

        if (!question.Flips(customer))
        {
            return null;
        }

        var (low, high) = (questions.At.UtcTicks / TimeSpan.TicksPerMicrosecond, until.UtcTicks / TimeSpan.TicksPerMicrosecond);
        while (high - low > 1)
        {
            var middle = low + ((high - low) / 2);
            (low, high) = question.Segment.Flips(question.Now, question.Clock(new DateTimeOffset(middle * TimeSpan.TicksPerMicrosecond, TimeSpan.Zero)))(customer) ? (low, middle) : (middle, high);
        }

        return new DateTimeOffset(high * TimeSpan.TicksPerMicrosecond, TimeSpan.Zero);
    }

    // ---- Segments, as sets

    private Build Enqueue(SegmentPlan segment, MembershipCause cause)
    {
        var build = waiting.FirstOrDefault(w => w.Plan.Segment.Id == segment.Segment.Id);
        if (build is null)
        {
            waiting.Add(build = new Build(segment) { Cause = cause });
        }
        else if (!ready.Contains(segment.Segment.Id))
        {
            build.Cause = MembershipCause.Definition;
        }

        build.Plan = segment;
        return build;
    }

    // Ranks move with every order; what rests on them is asked as a whole, as often as it can be for a quarter of one connection's time.
    private void RefreshRanks()
    {
        if (!ranksMoved || Environment.TickCount64 < ranksNext)
        {
            return;
        }

        ranksMoved = false;
        foreach (var segment in plan!.Rank.Places().Select(p => plan.Segments[p]))
        {
            if (building.ContainsKey(segment.Segment.Id))
            {
                // It may have been read before.
                ranksMoved = true;
            }
            else if (ready.Contains(segment.Segment.Id))
            {
                Enqueue(segment, MembershipCause.Event);
            }
        }
    }

    private void StartBuilds(DateTimeOffset at)
    {
        builders.RemoveAll(b => b.IsCompleted);
        for (var i = 0; i < waiting.Count && builders.Count < Builders; i++)
        {
            if (!MayStart(waiting[i]))
            {
                continue;
            }

            // Rules that ask for nothing but customers' own columns have all of them read, whatever they ask: once for many. One that failed is tried by
            // itself, lest it be the one that fails the others.
            List<Build> together = MayShare(waiting[i]) ? [.. waiting.Skip(i).Where(b => MayShare(b) && MayStart(b)).Take(MostTogether)] : [waiting[i]];
            waiting.RemoveAll(together.Contains);
            i--;
            var alone = waiting.Count + building.Count == 0;
            foreach (var build in together)
            {
                build.Cancellation = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
                build.Fresh = !ready.Contains(build.Plan.Segment.Id);
                build.Definitions = plan!.All;
                build.Users = [.. plan.Segments.Where(s => s.References.Contains(build.Plan.Segment.Key)).Select(s => s.Segment.Id)];
                building.Add(build.Plan.Segment.Id, build);
            }

            builders.Add(Task.Run(() => BuildAsync(together, alone, stop.Token), CancellationToken.None));
        }

        static bool MayShare(Build build) => build is { Failures: 0, Plan.ReadsColumnsAlone: true };

        bool MayStart(Build build) => !building.ContainsKey(build.Plan.Segment.Id) && build.NotBefore <= at
            && build.Plan.References.Select(k => plan!.All.Segments[k]).Where(s => s.Status == SegmentStatus.Active)
                .All(s => ready.Contains(s.Id) && !building.ContainsKey(s.Id) && !waiting.Any(w => w.Plan.Segment.Id == s.Id));
    }

    // One connection's work: each segment has a transaction of its own, and ends for itself.
    private async Task BuildAsync(IReadOnlyList<Build> together, bool alone, CancellationToken cancellation)
    {
        try
        {
            var started = time.GetTimestamp();
            var at = LocalTime.Truncate(time.GetUtcNow());
            foreach (var build in together)
            {
                await SetAsync(build.Plan.Segment.Id, "progress = 0, started_at = $2", cancellation, MembershipWriter.Of(at, NpgsqlDbType.TimestampTz));
            }

            await using var scope = scopes.CreateAsyncScope();
            var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
            await db.Database.OpenConnectionAsync(cancellation);
            try
            {
                var connection = (NpgsqlConnection)db.Database.GetDbConnection();
                if (!alone)
                {
                    // Builds side by side keep the processors busy; workers that share one build's scan only add to that (per segment 235 ms with them, 161 without).
                    await using var serial = new NpgsqlCommand("SET max_parallel_workers_per_gather = 0", connection);
                    await serial.ExecuteNonQueryAsync(cancellation);
                }

                if (together.Count > 1)
                {
                    // One that is cancelled does not wait for the others.
                    var ends = together.Select(b => b.Cancellation.Token.Register(() => b.Ended.TrySetCanceled(CancellationToken.None))).ToList();
                    await FindTogetherAsync(db, together, at, cancellation);
                    ends.ForEach(e => e.Dispose());
                }

                var shared = time.GetElapsedTime(started).TotalMilliseconds / together.Count;
                for (var i = 0; i < together.Count; i++)
                {
                    var build = together[i];
                    if (build.Ended.Task.IsCompleted)
                    {
                        continue;
                    }

                    try
                    {
                        var began = time.GetTimestamp();
                        await using var command = together.Count > 1
                            ? new NpgsqlCommand(string.Create(CultureInfo.InvariantCulture, $"SELECT key FROM found_together WHERE segments & {1L << i} <> 0"))
                            : (NpgsqlCommand)db.Customers.Where(build.Plan.Members(build.Definitions, at, db)).Select(c => c.Key).CreateDbCommand();
                        await BuildAsync(build, connection, command, at, build.Cancellation.Token);
                        (build.At, build.Ms) = (at, shared + time.GetElapsedTime(began).TotalMilliseconds);
                        build.Ended.SetResult();
                    }
                    catch (OperationCanceledException)
                    {
                        build.Ended.SetCanceled(CancellationToken.None);
                    }
                    catch (Exception failed)
                    {
                        build.Ended.SetException(failed);
                    }
                }
            }
            finally
            {
                await db.Database.CloseConnectionAsync(); // Which resets it, and drops what is temporary.
            }
        }
        catch (Exception failed)
        {
            foreach (var build in together)
            {
                _ = cancellation.IsCancellationRequested ? build.Ended.TrySetCanceled(CancellationToken.None) : build.Ended.TrySetException(failed);
            }
        }
    }

    // Which of the segments each customer is in, a bit for each.
    private static async Task FindTogetherAsync(SegmentationDb db, IReadOnlyList<Build> together, DateTimeOffset at, CancellationToken cancellation)
    {
        var c = Expression.Parameter(typeof(Customer), "c");
        var bits = together.Select((b, i) => (Expression)Expression.Condition(Splice.Body(b.Plan.Members(b.Definitions, at, db), c), Expression.Constant(1L << i), Expression.Constant(0L))).Aggregate(Expression.Or);
        var row = Expression.MemberInit(
            Expression.New(typeof(Found)), Expression.Bind(typeof(Found).GetProperty(nameof(Found.Key))!, Expression.Property(c, nameof(Customer.Key))), Expression.Bind(typeof(Found).GetProperty(nameof(Found.Segments))!, bits));
        await using var command = (NpgsqlCommand)db.Customers.Select(Expression.Lambda<Func<Customer, Found>>(row, c)).CreateDbCommand();

        // OFFSET keeps the planner from asking everything twice.
        command.CommandText = $"CREATE TEMPORARY TABLE found_together AS SELECT * FROM ({command.CommandText} OFFSET 0) AS found (key, segments) WHERE segments <> 0";
        command.CommandTimeout = 0;
        await command.ExecuteNonQueryAsync(cancellation);
    }

    private async Task BuildAsync(Build build, NpgsqlConnection connection, NpgsqlCommand members, DateTimeOffset at, CancellationToken cancellation)
    {
        var segment = build.Plan;

        // One transaction with what is written in the end: a table of its own and its statistics are nothing that has to reach the disk.
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        (members.Connection, members.Transaction) = (connection, transaction);
        members.CommandText = $"CREATE TEMPORARY TABLE fresh_members ON COMMIT DROP AS {members.CommandText}";
        members.CommandTimeout = 0;
        await members.ExecuteNonQueryAsync(cancellation);
        await using (var analyze = new NpgsqlCommand("ANALYZE fresh_members", connection, transaction))
        {
            await analyze.ExecuteNonQueryAsync(cancellation);
        }

        await SetAsync(segment.Segment.Id, "progress = 0.5", cancellation);
        await writer.InTransactionAsync(transaction, LocalTime.Truncate(time.GetUtcNow()), async (_, _, written) =>
        {
            // What is stored may have grown from nothing since its statistics were taken; for one row that it expects, the planner would go through the other side once.
            await MembershipWriter.SetNestedLoopsAsync(connection, transaction, "off", cancellation);

            // Whoever was written meanwhile, or is due, may have been read before or after, and who was erased before: where it differs, it is looked at by itself.
            await using (var skip = new NpgsqlCommand(
                """
                WITH skip AS MATERIALIZED (
                    SELECT DISTINCT unnest(keys) AS key FROM membership_work WHERE keys IS NOT NULL AND (segment_id IS NULL OR segment_id = $1) UNION SELECT unnest($2) UNION SELECT unnest($4)),
                stored AS (SELECT m.customer_key AS key FROM memberships m JOIN skip ON skip.key = m.customer_key WHERE m.segment_id = $1 AND m.left_batch IS NULL),
                dropped AS (DELETE FROM fresh_members f USING skip WHERE f.key = skip.key RETURNING f.key),
                kept AS (INSERT INTO fresh_members SELECT key FROM stored),
                differing AS ((TABLE stored EXCEPT TABLE dropped) UNION (TABLE dropped EXCEPT TABLE stored))
                INSERT INTO membership_work (cause, segment_id, keys, created) SELECT $3, $1, array_agg(key), false FROM differing HAVING count(*) > 0
                """, connection, transaction)
            {
                CommandTimeout = 0,
                Parameters =
                {
                    MembershipWriter.Of(segment.Segment.Id, NpgsqlDbType.Integer), MembershipWriter.Of(build.Fresh ? [] : dues.Passed(at), NpgsqlDbType.Array | NpgsqlDbType.Bigint), MembershipWriter.Of((short)build.Cause, NpgsqlDbType.Smallint),
                    MembershipWriter.Of(build.Erased.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bigint),
                },
            })
            {
                await skip.ExecuteNonQueryAsync(cancellation);
            }

            var (joined, left) = await MembershipWriter.WriteAsync(connection, transaction, segment, "fresh_members", build.Cause, written, cancellation);
            if (joined + left > 0 && build.Users.Length > 0)
            {
                // They were true of what it was. Stored with it, so that whoever takes over in between knows.
                await using var users = new NpgsqlCommand("INSERT INTO membership_work (cause, segment_id, created) SELECT $1, s, false FROM unnest($2) s", connection, transaction)
                {
                    Parameters = { MembershipWriter.Of((short)build.Cause, NpgsqlDbType.Smallint), MembershipWriter.Of(build.Users, NpgsqlDbType.Array | NpgsqlDbType.Integer) },
                };
                await users.ExecuteNonQueryAsync(cancellation);
            }

            await using var state = new NpgsqlCommand(
                """
                WITH rows AS (DELETE FROM membership_work WHERE id = ANY ($6))
                UPDATE membership_states SET status = CASE WHEN (SELECT stamp FROM definition_stamp) = $7 THEN 'Ready' ELSE status END, fingerprint = $2, progress = 1, finished_at = $3, error = NULL, failures = 0, retry_at = NULL, cancel_requested = false,
                    drift_joined = coalesce($4, drift_joined), drift_left = coalesce($5, drift_left) WHERE segment_id = $1
                """, connection, transaction)
            {
                Parameters =
                {
                    MembershipWriter.Of(segment.Segment.Id, NpgsqlDbType.Integer), MembershipWriter.Of(segment.Fingerprint, NpgsqlDbType.Text), MembershipWriter.Of(LocalTime.Truncate(time.GetUtcNow()), NpgsqlDbType.TimestampTz),
                    new NpgsqlParameter { Value = build.Cause == MembershipCause.Refresh ? joined : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Integer },
                    new NpgsqlParameter { Value = build.Cause == MembershipCause.Refresh ? left : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Integer },
                    MembershipWriter.Of(build.Rows.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bigint),
                    MembershipWriter.Of(build.Definitions.Stamp, NpgsqlDbType.Bigint), // Else what is built may be what was meant before; the next tick sees.
                },
            };
            await state.ExecuteNonQueryAsync(cancellation);
        }, cancellation);
    }

    private async Task FinishBuildsAsync(DateTimeOffset at, CancellationToken cancellation)
    {
        foreach (var (id, build) in building.Where(b => b.Value.Ended.Task.IsCompleted).ToList())
        {
            building.Remove(id);
            build.Cancellation.Dispose();
            try
            {
                await build.Ended.Task;
                ready.Add(id);
                if (build.Fresh)
                {
                    scannedUntil[id] = build.At;
                }

                buildMs = (0.9 * buildMs) + (0.1 * build.Ms);
                ranksNext = build.Plan.NeedsRank ? Environment.TickCount64 + (long)(3 * build.Ms) : ranksNext;

                if (build.Plan.ReadsLocalTime && build.At < nextQuarter - Quarter)
                {
                    Enqueue(build.Plan, MembershipCause.Time);
                }

                if (plan!.ById.TryGetValue(id, out var now) && now.Fingerprint != build.Plan.Fingerprint)
                {
                    ready.Remove(id);
                    Enqueue(now, MembershipCause.Definition);
                }
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                if (plan!.ById.TryGetValue(id, out var again) && !build.Forget)
                {
                    Enqueue(again, build.Cause).Rows.AddRange(build.Rows);
                }
            }
            catch (Exception failed) when (failed is not OvertakenException && !cancellation.IsCancellationRequested)
            {
                build.Failures++;
                var delay = TimeSpan.FromSeconds(Math.Min(MostRetryDelay.TotalSeconds, 5 * Math.Pow(2, build.Failures - 1)));
                logger.LogError(failed, "A segment could not be built; tried again in {Delay}", delay);
                await SetAsync(id, "status = CASE WHEN status = 'Ready' THEN status ELSE 'Failed' END, error = $2, failures = $3, retry_at = $4, finished_at = $5", cancellation,
                    MembershipWriter.Of(Reason(failed), NpgsqlDbType.Text), MembershipWriter.Of(build.Failures, NpgsqlDbType.Integer), MembershipWriter.Of(at + delay, NpgsqlDbType.TimestampTz), MembershipWriter.Of(at, NpgsqlDbType.TimestampTz));
                if (plan!.ById.TryGetValue(id, out var again))
                {
                    var next = Enqueue(again, build.Cause);
                    next.Rows.AddRange(build.Rows);
                    (next.Failures, next.NotBefore) = (build.Failures, at + delay);
                }
            }
        }
    }

    private async Task CancelAsync(int segment, CancellationToken cancellation)
    {
        var builds = waiting.Where(w => w.Plan.Segment.Id == segment && w.Cause == MembershipCause.Refresh).ToList();
        waiting.RemoveAll(builds.Contains);
        if (building.TryGetValue(segment, out var running) && running.Cause == MembershipCause.Refresh)
        {
            running.Forget = true;
            await running.Cancellation.CancelAsync();
        }

        await writer.InTransactionAsync(null, async (connection, transaction) =>
        {
            await using var command = new NpgsqlCommand(
                """
                WITH rows AS (DELETE FROM membership_work WHERE segment_id = $1 AND keys IS NULL AND cause = $2)
                UPDATE membership_states SET cancel_requested = false, finished_at = CASE WHEN $3 THEN greatest(started_at, $4) ELSE finished_at END WHERE segment_id = $1
                """,
                connection, transaction)
            {
                Parameters =
                {
                    MembershipWriter.Of(segment, NpgsqlDbType.Integer), MembershipWriter.Of((short)MembershipCause.Refresh, NpgsqlDbType.Smallint),
                    MembershipWriter.Of(running is { Forget: true }, NpgsqlDbType.Boolean), MembershipWriter.Of(LocalTime.Truncate(time.GetUtcNow()), NpgsqlDbType.TimestampTz),
                },
            };
            await command.ExecuteNonQueryAsync(cancellation);
        }, cancellation);
    }

    private static string Reason(Exception failed) => failed switch
    {
        PostgresException { SqlState: PostgresErrorCodes.QueryCanceled } => "The statement was stopped.",
        PostgresException { SqlState: PostgresErrorCodes.DiskFull } => "The database's disk is full.",
        PostgresException postgres => $"The database refused it (SQLSTATE {postgres.SqlState}).",
        NpgsqlException or System.Net.Sockets.SocketException or IOException => "The database could not be reached.",
        _ => "The service failed; its log says why.",
    };

    // Not worth waiting for the disk, nor for the writer: a crash that takes it has the segment built again. A row at a time, so that it never holds one and waits for another.
    private async Task SetAsync(int segment, string assignments, CancellationToken cancellation, params NpgsqlParameter[] values)
    {
        await using var connection = await source.OpenConnectionAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        await using var batch = new NpgsqlBatch(connection, transaction);
        batch.BatchCommands.Add(new NpgsqlBatchCommand("SET LOCAL synchronous_commit = off"));
        batch.BatchCommands.Add(new NpgsqlBatchCommand($"UPDATE membership_states SET {assignments} WHERE segment_id = $1 AND EXISTS (SELECT FROM membership_leader WHERE epoch = ${values.Length + 2})"));
        foreach (var value in values.Prepend(MembershipWriter.Of(segment, NpgsqlDbType.Integer)).Append(MembershipWriter.Of(epoch, NpgsqlDbType.Bigint)))
        {
            batch.BatchCommands[1].Parameters.Add(value);
        }

        await batch.ExecuteNonQueryAsync(cancellation);
        await transaction.CommitAsync(cancellation);
    }

    private sealed record Pending(long Stamp, IReadOnlyList<int> Cancelled, IReadOnlyList<MembershipWork> Rows, bool More);

    /// <summary>A customer, and which of the segments that are built together it is in.</summary>
    private sealed class Found
    {
        public long Key { get; init; }

        public long Segments { get; init; }
    }

    private sealed record LookEvent(string Type, string Id);

    /// <summary>A customer that is being looked at, and when it is to be looked at again.</summary>
    private sealed record Looked(Customer Customer, Look Look)
    {
        public DateTimeOffset? Due { get; private set; }

        /// <summary>Its events are too many to be loaded: those rules that read them are asked in SQL.</summary>
        public bool IsHeavy => Customer.EventCount > CustomerSnapshots.MaxEvents;

        /// <summary>The earliest holds.</summary>
        public void SetDue(DateTimeOffset? due) => Due = due is null || Due < due ? Due : due;
    }

    /// <summary>A customer to look at.</summary>
    private sealed class Look(SegmentSet scope)
    {
        public SegmentSet Scope => scope;

        public MembershipCause Cause { get; set; }

        public List<LookEvent>? Events { get; set; }

        /// <summary>Nothing was written but events that occurred since then.</summary>
        public DateTimeOffset Since { get; set; } = DateTimeOffset.MaxValue;

        /// <summary>It is no more, as far as is known.</summary>
        public bool Erased { get; set; }

        public bool IsConcerned => Erased || !scope.IsEmpty;

        /// <summary>Why it joins or leaves: the last event that the segment reads, or what else was written.</summary>
        public (MembershipCause Cause, string? EventId) Reason(SegmentPlan segment, MembershipPlan plan) =>
            Events?.LastOrDefault(e => plan.OfEvent(e.Type).Contains(segment.Place)) is { Id: { } id } ? (MembershipCause.Event, id)
            : Cause == MembershipCause.Event ? (Cause, Events?[^1].Id)
            : (Cause, null);
    }

    /// <summary>What is looked at again when the segment's build has ended.</summary>
    private sealed record Deferred(int Segment, MembershipCause Cause, long Key, string? EventType, string? EventId);

    /// <summary>The segments as they are put to customers at one instant; what is the same for all customers is worked out once.</summary>
    private sealed class Questions(MembershipKeeper keeper, DateTimeOffset at)
    {
        private readonly Question?[] all = new Question?[keeper.plan!.Segments.Count];
        private readonly Dictionary<(DateTimeOffset, string), Evaluation> clocks = [];

        public DateTimeOffset At => at;

        public Question Of(int place) => all[place] ??= Ask(keeper.plan!.Segments[place]);

        private Question Ask(SegmentPlan segment)
        {
            var id = segment.Segment.Id;
            DateTimeOffset? until = segment.ReadsClock && keeper.scannedUntil.TryGetValue(id, out var scanned) && scanned > at ? scanned : null;
            return new Question(segment, Clock(at), until is { } end ? Clock(end) : null)
            {
                IsBuilding = keeper.building.ContainsKey(id),
                IsReady = keeper.ready.Contains(id),
                IsRegular = until is { } last && segment.IsRegular(at, last),
            };

            // One object for one instant and zone: rules keep what they have worked out for it.
            Evaluation Clock(DateTimeOffset instant)
            {
                var key = (instant, segment.Segment.TimeZone);
                return clocks.TryGetValue(key, out var known) ? known : clocks[key] = new Evaluation(instant, segment.Segment.TimeZone);
            }
        }
    }

    /// <param name="Segment">The segment.</param>
    /// <param name="Now">The instant that is looked at.</param>
    /// <param name="Until">What time changes is looked into up to here; null where there is nothing, or it has not been begun with.</param>
    private sealed record Question(SegmentPlan Segment, Evaluation Now, Evaluation? Until)
    {
        public required bool IsBuilding { get; init; }

        public required bool IsReady { get; init; }

        public required bool IsRegular { get; init; }

        /// <summary>Time moves its members, and when is known ahead.</summary>
        public bool IsKept => IsReady && !IsBuilding && Until is not null;

        /// <summary>Whether time may bring a customer in or out until then.</summary>
        public Func<Customer, bool> Flips { get; } = Until is null ? _ => false : Segment.Flips(Now, Until);

        public Evaluation Clock(DateTimeOffset instant) => new(instant, Segment.Segment.TimeZone);
    }

    /// <summary>A segment to be built, or being built.</summary>
    private sealed class Build(SegmentPlan plan)
    {
        public SegmentPlan Plan { get; set; } = plan;

        public required MembershipCause Cause { get; set; }

        /// <summary>The rows of work that it does.</summary>
        public List<long> Rows { get; } = [];

        public int Failures { get; set; }

        public DateTimeOffset NotBefore { get; set; } = DateTimeOffset.MinValue;

        public CancellationTokenSource Cancellation { get; set; } = null!;

        public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Nothing is stored of it that holds.</summary>
        public bool Fresh { get; set; }

        /// <summary>Customers that were erased while it ran, and that it may have read before.</summary>
        public List<long> Erased { get; } = [];

        /// <summary>Those that refer to it.</summary>
        public int[] Users { get; set; } = [];

        /// <summary>Cancelled for good.</summary>
        public bool Forget { get; set; }

        public DateTimeOffset At { get; set; }

        public double Ms { get; set; }

        /// <summary>Those that it began with.</summary>
        public Definitions Definitions { get; set; } = null!;
    }

    /// <summary>When customers are to be looked at again, at the latest.</summary>
    private sealed class Dues
    {
        private readonly Lock guard = new();
        private readonly Dictionary<long, DateTimeOffset> byKey = [];
        private readonly PriorityQueue<long, DateTimeOffset> queue = new();

        public void Set(long key, DateTimeOffset? due, bool exact)
        {
            lock (guard)
            {
                if (due is null)
                {
                    _ = exact && byKey.Remove(key);
                }
                else if (exact || !byKey.TryGetValue(key, out var before) || due < before)
                {
                    byKey[key] = due.Value;
                    queue.Enqueue(key, due.Value);
                }
            }
        }

        /// <summary>Takes out those that are due.</summary>
        public IEnumerable<long> Take(DateTimeOffset at, int most)
        {
            lock (guard)
            {
                List<long> taken = [];
                while (taken.Count < most && queue.TryPeek(out var key, out var due) && due <= at)
                {
                    queue.Dequeue();
                    if (byKey.TryGetValue(key, out var latest) && latest == due)
                    {
                        byKey.Remove(key);
                        taken.Add(key);
                    }
                }

                return taken;
            }
        }

        /// <summary>Those that are due and have not been taken.</summary>
        public long[] Passed(DateTimeOffset at)
        {
            lock (guard)
            {
                return [.. byKey.Where(d => d.Value <= at).Select(d => d.Key)];
            }
        }
    }
}
