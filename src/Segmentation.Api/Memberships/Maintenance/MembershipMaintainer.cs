using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;
using Segmentation.Rules.Backends.Sql;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Keeps stored membership true, for as long as this process leads: has customers looked at that were written, or that time may have moved, in
/// memory, a set at a time (<see cref="CustomerEvaluator"/>); and whole segments built in PostgreSQL where a definition is new or too many customers were
/// written (<see cref="SegmentRebuilds"/>).
/// </summary>
/// <remarks>
/// Everything here is told by state, not by history: a customer is evaluated as it stands, and what is stored is brought to that. So
/// work may be done twice, late or in any order, and the outcome is the same.
/// </remarks>
internal sealed class MembershipMaintainer : IDisposable
{
    /// <summary>Time's changes are known this far ahead, customer by customer.</summary>
    private static readonly TimeSpan Horizon = TimeSpan.FromHours(1);

    // The next hour is looked into before this one ends.
    private static readonly TimeSpan HorizonMargin = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Quarter = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan KeptInterval = TimeSpan.FromSeconds(1);

    private const int LooksAtOnce = 4000;
    private const int WorkRows = 20;
    private const int ScanTogether = 64;

    // What one look costs, to choose between looks and builds: measured on a million customers of twenty events (docs/benchmarks.md).
    private const double LookMs = 0.15, LookSegmentMs = 0.001;

    private readonly IServiceScopeFactory scopes;
    private readonly NpgsqlDataSource source;
    private readonly DefinitionCache definitions;
    private readonly RevenueOptions revenue;
    private readonly MembershipOptions options;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly MembershipWriter writer;
    private readonly SegmentRebuilds builds;
    private readonly CustomerEvaluator looks;
    private readonly EvaluationSchedule dues = new();
    private readonly CancellationTokenSource stop = new();
    private readonly Dictionary<int, DateTimeOffset> scannedUntil = [];
    private readonly Queue<long> scanned = new();
    private (Dictionary<int, DateTimeOffset> From, Task<HashSet<long>> Found)? scan;
    private MembershipPlan? plan;
    private DateTimeOffset nextQuarter = DateTimeOffset.MinValue;
    private DateTimeOffset keptUntil;
    private Task purge = Task.CompletedTask;
    private DateTimeOffset nextPurge = DateTimeOffset.MinValue;
    private bool ranksMoved;
    private long? readyStamp = -1;
    private long ranksNext;

    /// <param name="epoch">Which time of leading this is: what is written is written only while it lasts.</param>
    /// <param name="keptBefore">Up to when all that is stored was true before.</param>
    public MembershipMaintainer(
        IServiceScopeFactory scopes, NpgsqlDataSource source, DefinitionCache definitions, CustomerRowReaders readers, RevenueOptions revenue, MembershipOptions options, IEnumerable<IRevisionObserver> observers, TimeProvider time, ILogger logger, long epoch, DateTimeOffset keptBefore)
    {
        (this.scopes, this.source, this.definitions, this.revenue, this.options, this.time, this.logger, keptUntil) = (scopes, source, definitions, revenue, options, time, logger, keptBefore);
        writer = new MembershipWriter(source, observers, epoch);
        builds = new SegmentRebuilds(scopes, writer, dues, time, logger, stop.Token);
        looks = new CustomerEvaluator(scopes, source, new CustomerReader(source, readers), writer, builds, dues);
    }

    /// <summary>Whether nothing is left of what it knows of.</summary>
    public bool IsSettled => builds.IsEmpty && scanned.Count == 0 && scan is null && !ranksMoved;

    /// <summary>Does what there is to do now.</summary>
    /// <returns>Whether there was anything.</returns>
    /// <exception cref="LeadershipLostException">Another process keeps membership now.</exception>
    public async Task<bool> TickAsync(CancellationToken cancellation)
    {
        var at = LocalTime.Truncate(time.GetUtcNow());
        if (plan is not null)
        {
            await FinishBuildsAsync(at, cancellation);
        }

        var pending = await ReadAsync(cancellation);
        if (plan is null || plan.All.Stamp != pending.Stamp)
        {
            await ReloadAsync(at, cancellation);
        }

        foreach (var segment in pending.Cancelled)
        {
            await builds.CancelAsync(segment, cancellation);
        }

        var looked = await LookAtWorkAsync(pending, at, cancellation);
        looked |= await LookAtTimeAsync(at, cancellation);
        RefreshRanks();
        builds.Start(plan!, at);
        ForgetHistory(at);
        await TellAsync(pending, at, cancellation);

        return looked || pending.More;
    }

    /// <summary>Waits for as long as that, or until a build has ended: the next one is not kept waiting.</summary>
    public async Task WaitAsync(TimeSpan most, CancellationToken cancellation)
    {
        await Task.WhenAny([Task.Delay(most, cancellation), .. builds.Ends]);
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
                await MembershipRetention.PurgeAsync(connection, at.AddDays(-options.HistoryDays), stop.Token);
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
        long? stamp = plan!.Segments.All(s => builds.IsReady(s.Segment.Id)) ? plan.All.Stamp : null;
        if (stamp != readyStamp || kept - keptUntil >= KeptInterval)
        {
            await writer.InTransactionAsync(null, async (connection, transaction) =>
            {
                await using var command = new NpgsqlCommand("UPDATE membership_leader SET kept_until = $1, ready_stamp = $2", connection, transaction)
                {
                    Parameters = { SqlParameter.Create(kept, NpgsqlDbType.TimestampTz), new NpgsqlParameter { Value = stamp ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Bigint } },
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
        await Task.WhenAll(builds.Running.Append(purge).Append(scan?.Found ?? Task.CompletedTask).Select(r => r.ContinueWith(_ => { }, TaskScheduler.Default)));
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
                    Parameters = { SqlParameter.Create(builds.Segments, NpgsqlDbType.Array | NpgsqlDbType.Integer) },
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
        List<ChangeLogEntry> rows = [];
        while (await reader.ReadAsync(cancellation))
        {
            rows.Add(new ChangeLogEntry
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
            if (state is { Status: MembershipStatus.Ready } && state.Fingerprint == segment.Fingerprint && (first || builds.IsReady(id)))
            {
                builds.SetReady(id);
                if (first && (segment.ReadsLocalTime || (segment.ReadsClock && at - keptUntil > TimeSpan.FromDays(1))))
                {
                    builds.Enqueue(segment, MembershipCause.Time);
                }

                continue;
            }

            if (state is { Status: MembershipStatus.Building } && state.Fingerprint == segment.Fingerprint && builds.IsReady(id))
            {
                // Changed, and changed back before anyone looked: what is stored still holds.
                await writer.SetStateAsync(id, "status = CASE WHEN (SELECT stamp FROM definition_stamp) = $2 THEN 'Ready' ELSE status END", cancellation, SqlParameter.Create(plan.All.Stamp, NpgsqlDbType.Bigint));
                continue;
            }

            await builds.DropAsync(id);
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
                    { Parameters = { SqlParameter.Create(id, NpgsqlDbType.Integer) } };
                    await command.ExecuteNonQueryAsync(cancellation);
                }, cancellation);
            }

            builds.Enqueue(segment, MembershipCause.Definition);
        }

        builds.Keep(plan);
        looks.Forget(plan);
        if (first)
        {
            // Where nothing is stored that holds, all that will be is of now or later.
            keptUntil = !plan.Segments.Any(s => builds.IsReady(s.Segment.Id)) && at > keptUntil ? at : keptUntil;

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
        await builds.DropAsync(segment);
        await writer.InTransactionAsync(null, at, async (connection, transaction, written) =>
        {
            await using var command = new NpgsqlCommand(
                $"""
                WITH state AS (DELETE FROM membership_states WHERE segment_id = $1 RETURNING size),
                segment AS (SELECT id, version FROM segments WHERE id = $1),
                work AS ({ChangeLog.DeleteOfSegmentSql("$1")}),
                batch AS (
                    INSERT INTO membership_batches (segment_id, at, version, joined, "left", size) SELECT s.id, $2, s.version, 0, state.size, 0 FROM segment s, state WHERE state.size > 0
                    RETURNING id),
                gone AS (UPDATE memberships SET left_batch = batch.id, left_cause = $3 FROM batch WHERE segment_id = $1 AND left_batch IS NULL)
                SELECT id, id FROM batch
                """,
                connection, transaction)
            {
                CommandTimeout = 0,
                Parameters = { SqlParameter.Create(segment, NpgsqlDbType.Integer), SqlParameter.Create(written, NpgsqlDbType.TimestampTz), SqlParameter.Create((short)MembershipCause.Definition, NpgsqlDbType.Smallint) },
            };
            await writer.NotifyAsync(command, cancellation);

            // Of a segment that is no more, nothing is left to be told.
            await using var erase = new NpgsqlCommand(
                """
                WITH gone AS (DELETE FROM memberships WHERE segment_id = $1 AND NOT EXISTS (SELECT FROM segments WHERE id = $1))
                DELETE FROM membership_batches WHERE segment_id = $1 AND NOT EXISTS (SELECT FROM segments WHERE id = $1)
                """,
                connection, transaction)
            { CommandTimeout = 0, Parameters = { SqlParameter.Create(segment, NpgsqlDbType.Integer) } };
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

        var customers = new Dictionary<long, Look>();
        List<ChangeLogEntry> done = [];
        foreach (var row in pending.Rows)
        {
            var targeted = row.SegmentId is { } id ? plan!.ById.GetValueOrDefault(id) : null;
            if (row.Keys is null)
            {
                foreach (var segment in row.SegmentId is null ? plan!.Segments : targeted is null ? [] : [targeted])
                {
                    builds.Enqueue(segment, builds.IsReady(segment.Segment.Id) ? row.Cause : MembershipCause.Definition).Rows.Add(row.Id);
                }

                if (row.SegmentId is null)
                {
                    // Each build takes it up from here; together they are what it asked for.
                    await SplitAsync(row, cancellation);
                }
                else if (targeted is null)
                {
                    done.Add(row);
                }

                continue;
            }

            done.Add(row);
            ranksMoved |= row.Created || row.Cause == MembershipCause.Erased || row.EventTypes?.Any(plan!.MovesRanks) == true;
            var scope = row.SegmentId is not null ? targeted is null ? null : plan!.Following(targeted)
                : row.Created ? plan!.Everything
                : row.Changed is { } members ? Union(members.Select(plan!.OfMember))
                : row.EventTypes is null ? plan!.Profile : null;
            for (var i = 0; i < row.Keys.Length; i++)
            {
                if (!customers.TryGetValue(row.Keys[i], out var look))
                {
                    customers.Add(row.Keys[i], look = new Look(new SegmentSet(plan!.Segments.Count)));
                }

                if (row.EventTypes is { } types)
                {
                    if (row.SegmentId is null)
                    {
                        look.Scope.Add(plan!.OfEvent(types[i]));
                    }

                    (look.Events ??= []).Add(new EventTrigger(types[i], row.EventIds![i]));
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
        await LookAsync(customers, done, at, cancellation);
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
        await using (var count = new NpgsqlCommand("SELECT coalesce(array_agg(id), '{}'), coalesce(sum(cardinality(keys)), 0) FROM membership_work WHERE segment_id IS NULL AND keys IS NOT NULL AND cause <> $1", connection) { Parameters = { SqlParameter.Create((short)MembershipCause.Erased, NpgsqlDbType.Smallint) } })
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
        { Parameters = { SqlParameter.Create(taken, NpgsqlDbType.Array | NpgsqlDbType.Bigint) } })
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

        if (keys == 0 || keys * (LookMs + (LookSegmentMs * concerned.Count)) < builds.EstimateMs(concerned.Count))
        {
            return false;
        }

        logger.LogInformation("{Keys} customers were written: {Segments} segments are built anew", keys, concerned.Count);
        ranksMoved |= ranks && !plan.Rank.IsEmpty;
        await writer.InTransactionAsync(null, async (write, transaction) =>
        {
            int[] segments = [.. concerned.Places().Select(p => plan.Segments[p].Segment.Id)];
            await ChangeLog.AppendSegmentsAsync(write, transaction, MembershipCause.Import, segments, taken, cancellation);
        }, cancellation);
        return true;
    }

    private async Task SplitAsync(ChangeLogEntry row, CancellationToken cancellation) => await writer.InTransactionAsync(null, async (connection, transaction) =>
    {
        builds.Leave(row.Id);
        await ChangeLog.AppendSegmentsAsync(connection, transaction, row.Cause, [.. plan!.Segments.Select(s => s.Segment.Id)], [row.Id], cancellation);
    }, cancellation);

    private async Task<bool> LookAtTimeAsync(DateTimeOffset at, CancellationToken cancellation)
    {
        if (at >= nextQuarter)
        {
            if (nextQuarter != DateTimeOffset.MinValue)
            {
                foreach (var segment in plan!.Segments.Where(s => s.ReadsLocalTime && builds.IsReady(s.Segment.Id)))
                {
                    builds.Enqueue(segment, MembershipCause.Time);
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

        var old = scan is not null ? [] : plan!.Segments.Where(s => s.ReadsClock && builds.IsReady(s.Segment.Id) && (!scannedUntil.TryGetValue(s.Segment.Id, out var until) || until - at < HorizonMargin)).ToList();
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

    private async Task<HashSet<long>> FindFlipsAsync(DefinitionSet all, (SegmentPlan Segment, DateTimeOffset From)[] segments, DateTimeOffset end, CancellationToken cancellation)
    {
        var found = new HashSet<long>();
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
        db.Database.SetCommandTimeout(TimeSpan.FromMinutes(10));
        var flips = segments.Select(s =>
        {
            var margin = s.Segment.IsRegular(s.From, end) ? TimeSpan.Zero : SegmentAt.Irregularity;
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

    // What follows from those that have ended.
    private async Task FinishBuildsAsync(DateTimeOffset at, CancellationToken cancellation)
    {
        foreach (var build in await builds.FinishAsync(plan!, at, cancellation))
        {
            await looks.TakeUpAsync(build, plan!, cancellation);
            if (!build.IsBuilt)
            {
                continue;
            }

            var id = build.Plan.Segment.Id;
            if (build.Fresh)
            {
                scannedUntil[id] = build.At;
            }

            if (build.Plan.NeedsRank)
            {
                ranksNext = Environment.TickCount64 + (long)(3 * build.Ms);
            }

            if (build.Plan.ReadsLocalTime && build.At < nextQuarter - Quarter && builds.IsReady(id))
            {
                builds.Enqueue(plan!.ById[id], MembershipCause.Time);
            }
        }
    }

    private async Task LookAsync(IReadOnlyDictionary<long, Look> customers, IReadOnlyList<ChangeLogEntry> done, DateTimeOffset at, CancellationToken cancellation)
    {
        var segments = new SegmentsAt(plan!, builds, scannedUntil, keptUntil, at);
        await looks.LookAsync(customers, done, segments, cancellation);
        ranksMoved |= segments.RanksMoved;
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
            if (builds.IsBuilding(segment.Segment.Id))
            {
                // It may have been read before.
                ranksMoved = true;
            }
            else if (builds.IsReady(segment.Segment.Id))
            {
                builds.Enqueue(segment, MembershipCause.Event);
            }
        }
    }

    private sealed record Pending(long Stamp, IReadOnlyList<int> Cancelled, IReadOnlyList<ChangeLogEntry> Rows, bool More);
}
