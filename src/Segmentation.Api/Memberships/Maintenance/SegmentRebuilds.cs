using System.Diagnostics;
using System.Globalization;
using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Memberships;

/// <summary>Builds whole segments in PostgreSQL, beside everything else: which wait, which run, and of which what is stored holds.</summary>
internal sealed class SegmentRebuilds(IServiceScopeFactory scopes, MembershipWriter writer, EvaluationSchedule dues, TimeProvider time, ILogger logger, CancellationToken stop)
{
    private static readonly TimeSpan MostRetryDelay = TimeSpan.FromMinutes(10);

    private const int AtOnce = 2;

    // Segments that one reading of the customers may answer for; each has a bit of 64.
    private const int MostTogether = 32;

    private readonly HashSet<int> ready = [];
    private readonly Dictionary<int, SegmentRebuild> building = [];
    private readonly List<SegmentRebuild> waiting = [];
    private readonly List<Task> running = [];
    private double averageMs = 300;

    /// <summary>Whether none is to be built.</summary>
    public bool IsEmpty => building.Count + waiting.Count == 0;

    /// <summary>The segments that are to be built.</summary>
    public int[] Segments => [.. building.Keys, .. waiting.Select(w => w.Plan.Segment.Id)];

    /// <summary>The ends of those that run.</summary>
    public IEnumerable<Task> Ends => building.Values.Select(b => b.Ended.Task);

    /// <summary>All that runs.</summary>
    public IEnumerable<Task> Running => running;

    /// <summary>Whether what is stored of a segment holds.</summary>
    public bool IsReady(int segment) => ready.Contains(segment);

    public bool IsBuilding(int segment) => building.ContainsKey(segment);

    /// <summary>How long building so many segments takes, in milliseconds.</summary>
    public double EstimateMs(int segments) => segments * averageMs / AtOnce;

    /// <summary>What is stored of a segment holds.</summary>
    public void SetReady(int segment) => ready.Add(segment);

    /// <summary>What is stored of a segment no longer holds, nor will what is being built.</summary>
    public async Task DropAsync(int segment)
    {
        ready.Remove(segment);
        if (building.TryGetValue(segment, out var build))
        {
            await build.Cancellation.CancelAsync();
        }
    }

    /// <summary>None of those that wait is built that are no longer kept.</summary>
    public void Keep(MembershipPlan plan) => waiting.RemoveAll(w => !plan.ById.ContainsKey(w.Plan.Segment.Id));

    /// <summary>A row of work is no longer one of those that wait for a build.</summary>
    public void Leave(long row) => waiting.ForEach(w => w.Rows.Remove(row));

    /// <summary>Customers are no more, that those that run may have read before.</summary>
    public void Erase(IEnumerable<long> keys)
    {
        foreach (var build in building.Values)
        {
            build.Erased.AddRange(keys);
        }
    }

    /// <summary>Has a segment built as soon as can be, once.</summary>
    public SegmentRebuild Enqueue(SegmentPlan segment, MembershipCause cause)
    {
        var build = waiting.FirstOrDefault(w => w.Plan.Segment.Id == segment.Segment.Id);
        if (build is null)
        {
            waiting.Add(build = new SegmentRebuild(segment) { Cause = cause });
        }
        else if (!ready.Contains(segment.Segment.Id))
        {
            build.Cause = MembershipCause.Definition;
        }

        build.Plan = segment;
        return build;
    }

    /// <summary>Starts as many as may run, each after those that it refers to.</summary>
    public void Start(MembershipPlan plan, DateTimeOffset at)
    {
        running.RemoveAll(b => b.IsCompleted);
        for (var i = 0; i < waiting.Count && running.Count < AtOnce; i++)
        {
            if (!MayStart(waiting[i]))
            {
                continue;
            }

            // Rules that ask for nothing but customers' own columns have all of them read, whatever they ask: once for many. One that failed is tried by
            // itself, lest it be the one that fails the others.
            List<SegmentRebuild> together = MayShare(waiting[i]) ? [.. waiting.Skip(i).Where(b => MayShare(b) && MayStart(b)).Take(MostTogether)] : [waiting[i]];
            waiting.RemoveAll(together.Contains);
            i--;
            var alone = waiting.Count + building.Count == 0;
            foreach (var build in together)
            {
                build.Cancellation = CancellationTokenSource.CreateLinkedTokenSource(stop);
                build.Fresh = !ready.Contains(build.Plan.Segment.Id);
                build.Definitions = plan.All;
                build.Users = [.. plan.Segments.Where(s => s.References.Contains(build.Plan.Segment.Key)).Select(s => s.Segment.Id)];
                building.Add(build.Plan.Segment.Id, build);
            }

            running.Add(Task.Run(() => BuildAsync(together, alone, stop), CancellationToken.None));
        }

        static bool MayShare(SegmentRebuild build) => build is { Failures: 0, Plan.ReadsColumnsAlone: true };

        bool MayStart(SegmentRebuild build) => !building.ContainsKey(build.Plan.Segment.Id) && build.NotBefore <= at
            && build.Plan.References.Select(k => plan.All.Segments[k]).Where(s => s.Status == SegmentStatus.Active)
                .All(s => ready.Contains(s.Id) && !building.ContainsKey(s.Id) && !waiting.Any(w => w.Plan.Segment.Id == s.Id));
    }

    // One connection's work: each segment has a transaction of its own, and ends for itself.
    private async Task BuildAsync(IReadOnlyList<SegmentRebuild> together, bool alone, CancellationToken cancellation)
    {
        try
        {
            // Work that is measured, not the time of the rules: the keeper adds it to the machine's clock.
            var started = Stopwatch.GetTimestamp();
            var at = LocalTime.Truncate(time.GetUtcNow());
            foreach (var build in together)
            {
                await writer.SetStateAsync(build.Plan.Segment.Id, "progress = 0, started_at = $2", cancellation, SqlParameter.Create(at, NpgsqlDbType.TimestampTz));
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

                var shared = Stopwatch.GetElapsedTime(started).TotalMilliseconds / together.Count;
                for (var i = 0; i < together.Count; i++)
                {
                    var build = together[i];
                    if (build.Ended.Task.IsCompleted)
                    {
                        continue;
                    }

                    try
                    {
                        var began = Stopwatch.GetTimestamp();
                        await using var command = together.Count > 1
                            ? new NpgsqlCommand(string.Create(CultureInfo.InvariantCulture, $"SELECT key FROM found_together WHERE segments & {1L << i} <> 0"))
                            : (NpgsqlCommand)db.Customers.Where(build.Plan.Members(build.Definitions, at, db)).Select(c => c.Key).CreateDbCommand();
                        await BuildAsync(build, connection, command, at, build.Cancellation.Token);
                        (build.At, build.Ms) = (at, shared + Stopwatch.GetElapsedTime(began).TotalMilliseconds);
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
    private static async Task FindTogetherAsync(SegmentationDb db, IReadOnlyList<SegmentRebuild> together, DateTimeOffset at, CancellationToken cancellation)
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

    private async Task BuildAsync(SegmentRebuild build, NpgsqlConnection connection, NpgsqlCommand members, DateTimeOffset at, CancellationToken cancellation)
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

        await writer.SetStateAsync(segment.Segment.Id, "progress = 0.5", cancellation);
        await writer.InTransactionAsync(transaction, LocalTime.Truncate(time.GetUtcNow()), async (_, _, written) =>
        {
            // What is stored may have grown from nothing since its statistics were taken; for one row that it expects, the planner would go through the other side once.
            await MembershipWriter.SetNestedLoopsAsync(connection, transaction, "off", cancellation);

            // Whoever was written meanwhile, or is due, may have been read before or after, and who was erased before: where it differs, it is looked at by itself.
            await using (var skip = new NpgsqlCommand(
                $"""
                WITH skip AS MATERIALIZED (
                    SELECT DISTINCT unnest(keys) AS key FROM membership_work WHERE keys IS NOT NULL AND (segment_id IS NULL OR segment_id = $1) UNION SELECT unnest($2) UNION SELECT unnest($4)),
                stored AS (SELECT m.customer_key AS key FROM memberships m JOIN skip ON skip.key = m.customer_key WHERE m.segment_id = $1 AND m.left_batch IS NULL),
                dropped AS (DELETE FROM fresh_members f USING skip WHERE f.key = skip.key RETURNING f.key),
                kept AS (INSERT INTO fresh_members SELECT key FROM stored),
                differing AS ((TABLE stored EXCEPT TABLE dropped) UNION (TABLE dropped EXCEPT TABLE stored))
                {ChangeLog.AppendForSegmentSql("$3", "$1", "differing")}
                """, connection, transaction)
            {
                CommandTimeout = 0,
                Parameters =
                {
                    SqlParameter.Create(segment.Segment.Id, NpgsqlDbType.Integer), SqlParameter.Create(build.Fresh ? [] : dues.Passed(at), NpgsqlDbType.Array | NpgsqlDbType.Bigint), SqlParameter.Create((short)build.Cause, NpgsqlDbType.Smallint),
                    SqlParameter.Create(build.Erased.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bigint),
                },
            })
            {
                await skip.ExecuteNonQueryAsync(cancellation);
            }

            var (batch, joined, left) = await writer.WriteAsync(connection, transaction, segment, "fresh_members", build.Cause, written, cancellation);
            build.Written = (batch, joined + left);
            if (joined + left > 0 && build.Users.Length > 0)
            {
                // They were true of what it was. Stored with it, so that whoever takes over in between knows.
                await ChangeLog.AppendSegmentsAsync(connection, transaction, build.Cause, build.Users, [], cancellation);
            }

            await using var state = new NpgsqlCommand(
                $"""
                WITH rows AS ({ChangeLog.DeleteSql("$6")})
                UPDATE membership_states SET status = CASE WHEN (SELECT stamp FROM definition_stamp) = $7 THEN 'Ready' ELSE status END, fingerprint = $2, progress = 1, finished_at = $3, error = NULL, failures = 0, retry_at = NULL, cancel_requested = false,
                    drift_joined = coalesce($4, drift_joined), drift_left = coalesce($5, drift_left) WHERE segment_id = $1
                """, connection, transaction)
            {
                Parameters =
                {
                    SqlParameter.Create(segment.Segment.Id, NpgsqlDbType.Integer), SqlParameter.Create(segment.Fingerprint, NpgsqlDbType.Text), SqlParameter.Create(LocalTime.Truncate(time.GetUtcNow()), NpgsqlDbType.TimestampTz),
                    new NpgsqlParameter { Value = build.Cause == MembershipCause.Refresh ? joined : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Integer },
                    new NpgsqlParameter { Value = build.Cause == MembershipCause.Refresh ? left : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Integer },
                    SqlParameter.Create(build.Rows.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bigint),
                    SqlParameter.Create(build.Definitions.Stamp, NpgsqlDbType.Bigint), // Else what is built may be what was meant before; the next tick sees.
                },
            };
            await state.ExecuteNonQueryAsync(cancellation);
        }, cancellation);
    }

    /// <summary>Takes up what has ended: what was not built for another reason than that it was cancelled for good is to be built again.</summary>
    /// <returns>Those that have ended, however they did.</returns>
    public async Task<IReadOnlyList<SegmentRebuild>> FinishAsync(MembershipPlan plan, DateTimeOffset at, CancellationToken cancellation)
    {
        List<SegmentRebuild> ended = [.. building.Values.Where(b => b.Ended.Task.IsCompleted)];
        foreach (var build in ended)
        {
            var id = build.Plan.Segment.Id;
            building.Remove(id);
            build.Cancellation.Dispose();
            try
            {
                await build.Ended.Task;
                ready.Add(id);
                averageMs = (0.9 * averageMs) + (0.1 * build.Ms);
                if (plan.ById.TryGetValue(id, out var now) && now.Fingerprint != build.Plan.Fingerprint)
                {
                    ready.Remove(id);
                    Enqueue(now, MembershipCause.Definition);
                }
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                if (plan.ById.TryGetValue(id, out var again) && !build.Forget)
                {
                    EnqueueAgain(build, again);
                }
            }
            catch (Exception failed) when (failed is not LeadershipLostException && !cancellation.IsCancellationRequested)
            {
                build.Failures++;
                var delay = TimeSpan.FromSeconds(Math.Min(MostRetryDelay.TotalSeconds, 5 * Math.Pow(2, build.Failures - 1)));
                logger.LogError(failed, "A segment could not be built; tried again in {Delay}", delay);
                await writer.SetStateAsync(id, "status = CASE WHEN status = 'Ready' THEN status ELSE 'Failed' END, error = $2, failures = $3, retry_at = $4, finished_at = $5", cancellation,
                    SqlParameter.Create(Reason(failed), NpgsqlDbType.Text), SqlParameter.Create(build.Failures, NpgsqlDbType.Integer), SqlParameter.Create(at + delay, NpgsqlDbType.TimestampTz), SqlParameter.Create(at, NpgsqlDbType.TimestampTz));
                if (plan.ById.TryGetValue(id, out var again))
                {
                    var next = EnqueueAgain(build, again);
                    (next.Failures, next.NotBefore) = (build.Failures, at + delay);
                }
            }
        }

        return ended;
    }

    private SegmentRebuild EnqueueAgain(SegmentRebuild build, SegmentPlan segment)
    {
        var next = Enqueue(segment, build.Cause);
        next.Rows.AddRange(build.Rows);
        next.IsDoubtful |= build.IsDoubtful || build.Written.Customers > 0;
        return next;
    }

    /// <summary>Cancels what someone asked to be refreshed.</summary>
    public async Task CancelAsync(int segment, CancellationToken cancellation)
    {
        var builds = waiting.Where(w => w.Plan.Segment.Id == segment && w.Cause == MembershipCause.Refresh).ToList();
        waiting.RemoveAll(builds.Contains);
        if (building.TryGetValue(segment, out var current) && current.Cause == MembershipCause.Refresh)
        {
            current.Forget = true;
            await current.Cancellation.CancelAsync();
        }

        await writer.InTransactionAsync(null, async (connection, transaction) =>
        {
            await using var command = new NpgsqlCommand(
                $"""
                WITH rows AS ({ChangeLog.DeleteBuildsOfSegmentSql("$1", "$2")})
                UPDATE membership_states SET cancel_requested = false, finished_at = CASE WHEN $3 THEN greatest(started_at, $4) ELSE finished_at END WHERE segment_id = $1
                """,
                connection, transaction)
            {
                Parameters =
                {
                    SqlParameter.Create(segment, NpgsqlDbType.Integer), SqlParameter.Create((short)MembershipCause.Refresh, NpgsqlDbType.Smallint),
                    SqlParameter.Create(current is { Forget: true }, NpgsqlDbType.Boolean), SqlParameter.Create(LocalTime.Truncate(time.GetUtcNow()), NpgsqlDbType.TimestampTz),
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

    /// <summary>A customer, and which of the segments that are built together it is in.</summary>
    private sealed class Found
    {
        public long Key { get; init; }

        public long Segments { get; init; }
    }
}
