using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Feedback;

/// <summary>
/// Has events stored by the version of the model of texts that is in force, and brings the sentiments of stored texts without a score to
/// it: some customers in each transaction, which says how far it is. What is as it was is not written.
/// </summary>
internal sealed partial class SentimentRewriter(
    IServiceScopeFactory scopes, Sentiments sentiments, FeedbackOptions feedback, IngestThrottle throttle,
    ILogger<SentimentRewriter> logger) : ILeaderTask
{
    private const int ChunkCustomers = 500;

    // Events in memory at the same time.
    private const int PageEvents = 1_000;

    // Who stores events waits as long at most where another transaction with feedback takes longer.
    private const string MaxHold = "1s";

    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(30);

    private static readonly string RewriteCustomers = RecentSentiment.RewriteSql(MembershipCause.Score);

    public async Task RunAsync(CancellationToken whileLeading)
    {
        while (!whileLeading.IsCancellationRequested)
        {
            var pause = PollInterval;
            try
            {
                while (await StepAsync(whileLeading))
                {
                }
            }
            catch (OperationCanceledException) when (whileLeading.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                LogFailed(failure);
                pause = FailurePause;
            }

            await Task.Delay(pause, whileLeading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Does the next part of what there is to do: another model, or some customers.</summary>
    /// <returns>Whether there may be more.</returns>
    internal async Task<bool> StepAsync(CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
        var state = await db.SentimentStates.AsNoTracking().Select(s => new { s.Version, s.Changes, s.RewrittenTo })
            .SingleAsync(cancellation);
        var inForce = await db.Database.SqlQuery<int>(
            $"SELECT version AS \"Value\" FROM model_versions WHERE model_key = {FeedbackType.TypeName} AND in_force")
            .ToListAsync(cancellation);
        if (state.Version != (inForce.Count == 0 ? null : inForce[0]))
        {
            return await ChangeAsync(db, cancellation);
        }

        if (state.RewrittenTo is not { } from)
        {
            return false;
        }

        var next = await db.Database.SqlQuery<long?>(
            $"""
            SELECT max(key) AS "Value" FROM (SELECT key FROM customers WHERE key > {from} ORDER BY key LIMIT {ChunkCustomers}) AS next
            """).SingleAsync(cancellation);
        var backlog = scope.ServiceProvider.GetRequiredService<IEvaluationBacklog>();
        return await throttle.RunAsync(
            () => backlog.CountAsync(cancellation),
            () => Retry.OnDeadlockAsync(() => RewriteAsync(db, from, next, state.Changes, cancellation), cancellation),
            cancellation);
    }

    // From here on events are stored by the model in force; those that were stored before are all there when their rewriting begins.
    private static async Task<bool> ChangeAsync(SegmentationDb db, CancellationToken cancellation)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        await db.Database.ExecuteSqlRawAsync($"SET LOCAL lock_timeout = '{MaxHold}'", cancellation);
        try
        {
            await SentimentModels.HoldAsync((NpgsqlConnection)db.Database.GetDbConnection(), cancellation);
        }
        catch (PostgresException busy) when (busy.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            return false;
        }

        var changed = await db.Database.ExecuteSqlAsync(
            $"""
            UPDATE sentiment_model m
            SET version = f.version, weights = f.weights, changes = m.changes + 1, rewritten_to = 0
            FROM (SELECT) AS one LEFT JOIN (
                SELECT v.version, w.weights FROM model_versions v JOIN model_weights w USING (model_key, version)
                WHERE v.model_key = {FeedbackType.TypeName} AND v.in_force) AS f ON true
            WHERE m.version IS DISTINCT FROM f.version
            """, cancellation) == 1;
        await transaction.CommitAsync(cancellation);
        return changed;
    }

    // Of the customers between two keys; without a second one, all are done.
    private async Task<bool> RewriteAsync(
        SegmentationDb db, long from, long? to, long changes, CancellationToken cancellation)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        var connection = (NpgsqlConnection)db.Database.GetDbConnection();
        if (to is not null)
        {
            // Locked as those are whose events are stored.
            var keys = await db.Database.SqlQuery<long>(
                $"""
                SELECT key AS "Value" FROM customers
                WHERE key IN (
                    SELECT customer_key FROM events WHERE customer_key > {from} AND customer_key <= {to}
                        AND type = ANY ({feedback.EventTypes}) AND sentiment_source IS DISTINCT FROM {SentimentSources.Score})
                ORDER BY id FOR NO KEY UPDATE
                """).ToArrayAsync(cancellation);
            var touched = keys.Length == 0 ? [] : await RewriteEventsAsync(db, connection, keys, cancellation);
            if (touched.Count > 0)
            {
                await using var command = new NpgsqlCommand(RewriteCustomers, connection)
                {
                    Parameters = { SqlParameter.Create(touched.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bigint) },
                };
                await command.ExecuteNonQueryAsync(cancellation);
            }
        }

        // Where the model has changed meanwhile, all begins anew.
        var isSame = await db.Database.ExecuteSqlAsync(
            $"UPDATE sentiment_model SET rewritten_to = {to} WHERE changes = {changes}", cancellation) == 1;
        await transaction.CommitAsync(cancellation);
        return to is not null || !isSame;
    }

    // Returns the customers whose events have other sentiments now.
    private async Task<HashSet<long>> RewriteEventsAsync(
        SegmentationDb db, NpgsqlConnection connection, long[] keys, CancellationToken cancellation)
    {
        HashSet<long> touched = [];
        for (var (key, id) = (0L, ""); ;)
        {
            var page = await db.Events.FromSql(
                $"""
                SELECT * FROM events
                WHERE customer_key = ANY ({keys}) AND type = ANY ({feedback.EventTypes})
                    AND sentiment_source IS DISTINCT FROM {SentimentSources.Score} AND (customer_key, id) > ({key}, {id})
                ORDER BY customer_key, id LIMIT {PageEvents}
                """).AsNoTracking().ToListAsync(cancellation);
            var before = page.ConvertAll(e => (e.Sentiment, e.SentimentSource));
            await sentiments.AssessAsync(connection, page, cancellation);
            var changed = page.Where((e, i) => (e.Sentiment, e.SentimentSource) != before[i]).ToList();
            if (changed.Count > 0)
            {
                await WriteAsync(connection, changed, cancellation);
                touched.UnionWith(changed.Select(e => e.CustomerKey));
            }

            if (page.Count < PageEvents)
            {
                return touched;
            }

            (key, id) = (page[^1].CustomerKey, page[^1].Id);
        }
    }

    private static async Task WriteAsync(NpgsqlConnection connection, List<CustomerEvent> events, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            """
            UPDATE events e SET sentiment = f.sentiment, sentiment_source = f.source
            FROM unnest($1, $2, $3, $4) AS f (customer_key, id, sentiment, source)
            WHERE e.customer_key = f.customer_key AND e.id = f.id
            """,
            connection)
        {
            Parameters =
            {
                SqlParameter.Create(events.Select(e => e.CustomerKey).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bigint),
                SqlParameter.Create(events.Select(e => e.Id).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Text),
                SqlParameter.Create(events.Select(e => e.Sentiment).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Numeric),
                SqlParameter.Create(events.Select(e => e.SentimentSource).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Text),
            },
        };
        await command.ExecuteNonQueryAsync(cancellation);
    }

    [LoggerMessage(LogLevel.Error, "Sentiments could not be brought to the model in force; trying again")]
    private partial void LogFailed(Exception failure);
}
