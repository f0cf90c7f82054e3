using System.Diagnostics;
using System.Globalization;
using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Rules.Expressions;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Memberships;

/// <summary>
/// Runs rebuilds: one alone, or a group of which one scan of the customers finds all members. Each has a
/// transaction of its own, and ends by itself.
/// </summary>
internal sealed class RebuildRunner(
    IServiceScopeFactory scopes, MembershipWriter writer, RebuildWriter rebuildWriter, MembershipOptions options, TimeProvider time)
{
    /// <summary>Segments that one scan serves at most; each has a bit of 64.</summary>
    public const int MaxShared = 32;

    /// <summary>Runs a group on one connection. Never fails: each rebuild's end says how it went.</summary>
    /// <param name="alone">Whether nothing else is rebuilt or waits for it.</param>
    public async Task RunAsync(IReadOnlyList<SegmentRebuild> group, bool alone, CancellationToken cancellation)
    {
        try
        {
            // Measured by the machine's clock, to which the maintainer adds it; not by the clock of the rules.
            var started = Stopwatch.GetTimestamp();
            var at = LocalTime.Truncate(time.GetUtcNow());
            foreach (var rebuild in group)
            {
                await writer.SetStateAsync(
                    rebuild.Plan.Segment.Id,
                    "progress = 0, started_at = $2",
                    cancellation,
                    SqlParameter.Create(at, NpgsqlDbType.TimestampTz));
            }

            await using var scope = scopes.CreateAsyncScope();
            var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
            await db.Database.OpenConnectionAsync(cancellation);
            try
            {
                var connection = (NpgsqlConnection)db.Database.GetDbConnection();
                await ConfigureAsync(connection, alone, cancellation);
                await FindDeferredAsync(connection, group, cancellation);
                if (group.Count > 1)
                {
                    // One that is cancelled ends at once, and not with the others' scan.
                    var ends = group.Select(b => b.Cancellation.Token.Register(() => b.Ended.TrySetCanceled(CancellationToken.None)))
                        .ToList();
                    await ScanAsync(db, group, at, cancellation);
                    ends.ForEach(e => e.Dispose());
                }

                var sharedMs = Stopwatch.GetElapsedTime(started).TotalMilliseconds / group.Count;
                for (var i = 0; i < group.Count; i++)
                {
                    if (!group[i].Ended.Task.IsCompleted)
                    {
                        await RunOneAsync(db, group, i, at, sharedMs);
                    }
                }
            }
            finally
            {
                await db.Database.CloseConnectionAsync(); // Which resets it, and drops its temporary tables.
            }
        }
        catch (Exception failed)
        {
            foreach (var rebuild in group)
            {
                _ = cancellation.IsCancellationRequested
                    ? rebuild.Ended.TrySetCanceled(CancellationToken.None)
                    : rebuild.Ended.TrySetException(failed);
            }
        }
    }

    // A build has an end in the server too, should this process have died; it waits for the one before it to be written.
    private async Task ConfigureAsync(NpgsqlConnection connection, bool alone, CancellationToken cancellation)
    {
        await using var batch = new NpgsqlBatch(connection);
        var limit = (long)options.BuildLimit.Add(TimeSpan.FromSeconds(5)).TotalMilliseconds;
        foreach (var setting in (string[])["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"])
        {
            FormattableString set = $"SET {setting} = {limit}";
            batch.BatchCommands.Add(new NpgsqlBatchCommand(set.ToString(CultureInfo.InvariantCulture)));
        }

        if (!alone)
        {
            // Rebuilds side by side keep the processors busy; parallel workers within one of them only add to that (235 ms a segment with
            // them, 161 without).
            batch.BatchCommands.Add(new NpgsqlBatchCommand("SET max_parallel_workers_per_gather = 0"));
        }

        await batch.ExecuteNonQueryAsync(cancellation);
    }

    private static async Task FindDeferredAsync(
        NpgsqlConnection connection, IReadOnlyList<SegmentRebuild> group, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            "SELECT DISTINCT segment_id FROM membership_work WHERE segment_id = ANY ($1) AND keys IS NOT NULL", connection);
        command.Parameters.Add(
            SqlParameter.Create(group.Select(b => b.Plan.Segment.Id).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Integer));
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            group.Single(b => b.Plan.Segment.Id == reader.GetInt32(0)).HasDeferred = true;
        }
    }

    private async Task RunOneAsync(SegmentationDb db, IReadOnlyList<SegmentRebuild> group, int index, DateTimeOffset at, double sharedMs)
    {
        var rebuild = group[index];
        try
        {
            var started = Stopwatch.GetTimestamp();
            FormattableString found = $"SELECT key FROM found_together WHERE segments & {1L << index} <> 0";
            await using var members = group.Count > 1
                ? new NpgsqlCommand(found.ToString(CultureInfo.InvariantCulture))
                : (NpgsqlCommand)db.Customers.Where(rebuild.Plan.Members(rebuild.Definitions, at, db)).Select(c => c.Key).CreateDbCommand();
            await rebuildWriter.WriteAsync(
                rebuild, (NpgsqlConnection)db.Database.GetDbConnection(), members, at, rebuild.Cancellation.Token);
            (rebuild.At, rebuild.Ms) = (at, sharedMs + Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            rebuild.Ended.SetResult();
        }
        catch (OperationCanceledException)
        {
            rebuild.Ended.SetCanceled(CancellationToken.None);
        }
        catch (Exception failed)
        {
            rebuild.Ended.SetException(failed);
        }
    }

    // Finds the segments of each customer, a bit for each.
    private static async Task ScanAsync(
        SegmentationDb db, IReadOnlyList<SegmentRebuild> group, DateTimeOffset at, CancellationToken cancellation)
    {
        var c = Expression.Parameter(typeof(Customer), "c");
        var bits = group.Select((b, i) => (Expression)Expression.Condition(
            Splice.Body(b.Plan.Members(b.Definitions, at, db), c), Expression.Constant(1L << i), Expression.Constant(0L)));
        var row = Expression.MemberInit(
            Expression.New(typeof(Found)),
            Expression.Bind(typeof(Found).GetProperty(nameof(Found.Key))!, Expression.Property(c, nameof(Customer.Key))),
            Expression.Bind(typeof(Found).GetProperty(nameof(Found.Segments))!, bits.Aggregate(Expression.Or)));
        await using var command = (NpgsqlCommand)db.Customers.Select(Expression.Lambda<Func<Customer, Found>>(row, c)).CreateDbCommand();

        // OFFSET keeps the planner from evaluating each rule twice.
        command.CommandText =
            $"""
            CREATE TEMPORARY TABLE found_together AS
            SELECT * FROM ({command.CommandText} OFFSET 0) AS found (key, segments) WHERE segments <> 0
            """;
        command.CommandTimeout = 0;
        await command.ExecuteNonQueryAsync(cancellation);
    }

    /// <summary>A customer, and which of the group's segments it is in.</summary>
    private sealed class Found
    {
        public long Key { get; init; }

        public long Segments { get; init; }
    }
}
