using System.Diagnostics;
using Npgsql;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Memberships;

namespace Segmentation.Api.Webhooks;

/// <summary>
/// Sends what the outbox holds, at least once. Of a customer one message at a time is under way to a webhook, and a later one waits until the
/// earlier is delivered or given up; other customers go on. One process at a time does this: the one that leads.
/// </summary>
/// <remarks>
/// The table grows from nothing to a million rows faster than its statistics follow, and a planner that expects one row joins a million with a
/// million. So each statement here has one index that it can use, and lists go from one to the next as arrays: no plan is worse than one scan.
/// </remarks>
internal sealed partial class WebhookDispatcher(NpgsqlDataSource database, WebhookSender sender, WebhookOptions options, TimeProvider time, ILogger<WebhookDispatcher> logger) : ILeaderTask
{
    /// <summary>Rows read or written by one statement, at most.</summary>
    private const int Batch = 500;
    private const int SweptAtOnce = 10_000;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan WriteEvery = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan SweepEvery = TimeSpan.FromMinutes(1);

    /// <summary>Waits after the first, second, … failed attempt: a day in all, and after the last the message is dead.</summary>
    internal static readonly TimeSpan[] Delays =
    [
        TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(30),
        TimeSpan.FromHours(1), TimeSpan.FromHours(2), TimeSpan.FromHours(4), TimeSpan.FromHours(6), TimeSpan.FromHours(10),
    ];

    // What is known of the receivers. Not kept: the next process finds it out again.
    private readonly Dictionary<int, (int Version, ReceiverHealth Health)> receivers = [];

    /// <summary>Delivers until cancelled, and then ends without an exception. What was under way is sent again by the next that leads.</summary>
    public async Task RunAsync(CancellationToken whileLeading)
    {
        var lanes = new Dictionary<int, Task>();
        var sweep = Task.CompletedTask;
        DateTimeOffset? swept = null;
        while (!whileLeading.IsCancellationRequested)
        {
            var pause = Poll;
            try
            {
                foreach (var (webhook, version) in await DueAsync(whileLeading))
                {
                    var health = Health(webhook, version);
                    if (!(lanes.TryGetValue(webhook, out var lane) && !lane.IsCompleted) && !health.IsPaused(time.GetUtcNow()))
                    {
                        lanes[webhook] = Task.Run(() => GuardAsync(() => DeliverAsync(webhook, health, whileLeading), whileLeading), CancellationToken.None);
                    }
                }

                if (sweep.IsCompleted && !(time.GetUtcNow() - swept < SweepEvery))
                {
                    swept = time.GetUtcNow();
                    sweep = Task.Run(() => GuardAsync(() => SweepAsync(whileLeading), whileLeading), CancellationToken.None);
                }
            }
            catch (Exception failure) when (!whileLeading.IsCancellationRequested)
            {
                LogFailed(failure);
                pause = TimeSpan.FromSeconds(1);
            }
            catch (OperationCanceledException)
            {
                break;
            }

            await Task.Delay(pause, whileLeading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Task.WhenAll(lanes.Values.Append(sweep));
    }

    /// <summary>Deletes what was kept long enough, and gives up what a receiver that takes nothing, or is disabled, has left for a day.</summary>
    internal async Task SweepAsync(CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        await ChunksAsync("DELETE FROM webhook_deliveries WHERE id = ANY (ARRAY(SELECT id FROM webhook_deliveries WHERE done_at < $1 AND (state = 1 OR done_at < $2) LIMIT $3))",
            SqlParameter.Create(now.AddHours(-options.KeepDeliveredHours)), SqlParameter.Create(now.AddDays(-options.KeepDeadDays)));

        var stopped = await ListAsync("SELECT key FROM webhooks WHERE NOT enabled", r => r.GetInt32(0), cancellation);
        lock (receivers)
        {
            stopped.AddRange(receivers.Where(r => r.Value.Health.IsFailing).Select(r => r.Key));
        }

        await ChunksAsync("""
            UPDATE webhook_deliveries SET state = 2, done_at = $1, next_attempt_at = NULL, last_error = coalesce(last_error, 'The webhook took nothing for a day.')
            WHERE id = ANY (ARRAY(SELECT id FROM webhook_deliveries WHERE webhook_key = ANY ($2) AND state = 0 AND queued_at < $3 LIMIT $4))
            """, SqlParameter.Create(now), SqlParameter.Create(stopped.ToArray()), SqlParameter.Create(now.AddDays(-1)));

        // Those whose webhook has been deleted: from one webhook's messages straight to the next one's.
        var deleted = await ListAsync("""
            WITH RECURSIVE k AS (
              (SELECT webhook_key AS key FROM webhook_deliveries ORDER BY webhook_key LIMIT 1)
              UNION ALL
              SELECT (SELECT webhook_key FROM webhook_deliveries WHERE webhook_key > k.key ORDER BY webhook_key LIMIT 1) FROM k WHERE k.key IS NOT NULL)
            SELECT key FROM k WHERE key IS NOT NULL AND NOT EXISTS (SELECT FROM webhooks w WHERE w.key = k.key)
            """, r => r.GetInt32(0), cancellation);
        if (deleted.Count > 0)
        {
            await ChunksAsync("DELETE FROM webhook_deliveries WHERE id = ANY (ARRAY(SELECT id FROM webhook_deliveries WHERE webhook_key = ANY ($1) LIMIT $2))", SqlParameter.Create(deleted.ToArray()));
        }

        async Task ChunksAsync(string sql, params NpgsqlParameter[] parameters)
        {
            while (await Retry.OnDeadlockAsync(() => ExecuteAsync(sql, cancellation, [.. parameters.Select(p => p.Clone()), SqlParameter.Create(SweptAtOnce)]), cancellation) == SweptAtOnce)
            {
            }
        }
    }

    // One webhook's messages, until nothing of them is due.
    private async Task DeliverAsync(int webhook, ReceiverHealth health, CancellationToken cancellation)
    {
        Queue<Message> ready = [];
        List<Task<Attempt>> sending = [];
        List<Attempt> done = [];
        HashSet<long> busy = []; // Customers that wait, are under way, or whose outcome is not written yet.
        Target? target = null;
        var (looked, lookedFor, written) = (0L, 0L, Stopwatch.GetTimestamp());
        while (true)
        {
            if (cancellation.IsCancellationRequested)
            {
                await EndAsync();
                return;
            }

            var now = time.GetUtcNow();
            var room = health.Room(now, options.Parallelism);
            if (Stopwatch.GetElapsedTime(lookedFor) > Poll)
            {
                (target, lookedFor) = (await TargetAsync(webhook, now, cancellation), Stopwatch.GetTimestamp());
            }

            if (target is null || room == 0)
            {
                busy.ExceptWith(ready.Select(m => m.CustomerKey));
                ready.Clear();
            }
            else if (ready.Count < options.Parallelism && (ready.Count + sending.Count == 0 || Stopwatch.GetElapsedTime(looked) > Poll))
            {
                foreach (var message in await FetchAsync(webhook, busy, now, cancellation))
                {
                    busy.Add(message.CustomerKey);
                    ready.Enqueue(message);
                }

                looked = Stopwatch.GetTimestamp();
                if (ready.Count + sending.Count + done.Count == 0)
                {
                    return;
                }
            }

            while (sending.Count < room && ready.TryDequeue(out var next))
            {
                sending.Add(SendAsync(target!, next, cancellation));
            }

            if (sending.Count > 0)
            {
                await Task.WhenAny(sending.Append(Task.Delay(WriteEvery, CancellationToken.None)));
                foreach (var ended in sending.Where(s => s.IsCompleted).ToList())
                {
                    sending.Remove(ended);
                    if (ended.IsCompletedSuccessfully)
                    {
                        done.Add(ended.Result);
                        health.Note(ended.Result.Outcome, time.GetUtcNow());
                    }
                }
            }

            if (done.Count >= Batch || (done.Count > 0 && (ready.Count == 0 || sending.Count == 0 || Stopwatch.GetElapsedTime(written) > WriteEvery)))
            {
                await WriteAsync(webhook, done, cancellation);
                busy.ExceptWith(done.Select(a => a.Message.CustomerKey));
                written = Stopwatch.GetTimestamp();
                looked = done.Any(a => a.Outcome.Delivered) ? 0 : looked; // Those that waited for these may go.
                target = done.Any(a => a.Outcome.Status == StatusCodes.Status410Gone) ? null : target;
                lookedFor = target is null ? 0 : lookedFor;
                done.Clear();
            }

            if (sending.Count + done.Count == 0 && (target is null || room == 0))
            {
                return;
            }
        }

        // What has been delivered should not be again, even though another may lead by now: the rows say what was done, whoever did it.
        async Task EndAsync()
        {
            await ((Task)Task.WhenAll(sending)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            done.AddRange(sending.Where(s => s.IsCompletedSuccessfully).Select(s => s.Result));
            if (done.Count > 0)
            {
                using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
                await WriteAsync(webhook, done, limit.Token);
            }
        }
    }

    private async Task<Attempt> SendAsync(Target target, Message message, CancellationToken cancellation) =>
        new(message, await sender.SendAsync(target.Url, target.Secrets, WebhookDelivery.MessageName(message.MessageId), message.Body, cancellation));

    // Webhooks of which something is due: the first entry of the index for each.
    private async Task<List<(int Webhook, int Version)>> DueAsync(CancellationToken cancellation)
    {
        return await ListAsync("""
            SELECT w.key, w.version FROM webhooks w
            CROSS JOIN LATERAL (
              SELECT FROM webhook_deliveries d WHERE d.webhook_key = w.key AND d.state = 0 AND d.next_attempt_at <= $1 ORDER BY d.next_attempt_at, d.id LIMIT 1) due
            WHERE w.enabled
            """, r => (r.GetInt32(0), r.GetInt32(1)), cancellation, SqlParameter.Create(time.GetUtcNow()));
    }

    private async Task<Target?> TargetAsync(int webhook, DateTimeOffset now, CancellationToken cancellation)
    {
        await using var command = Command("SELECT url, secret, CASE WHEN previous_secret_until > $2 THEN previous_secret END FROM webhooks WHERE key = $1 AND enabled", SqlParameter.Create(webhook), SqlParameter.Create(now));
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        return await reader.ReadAsync(cancellation) ? new Target(reader.GetString(0), WebhookSecrets.Decode(reader.GetString(1), reader.IsDBNull(2) ? null : reader.GetString(2))) : null;
    }

    // The first pending message of each customer of whom something is due, if it is due itself; else what is due has to wait for it, and is put off.
    private async Task<IReadOnlyList<Message>> FetchAsync(int webhook, HashSet<long> busy, DateTimeOffset now, CancellationToken cancellation)
    {
        while (true)
        {
            var customers = (await ListAsync("""
                SELECT customer_key FROM webhook_deliveries WHERE webhook_key = $1 AND state = 0 AND next_attempt_at <= $2 AND customer_key <> ALL ($3)
                ORDER BY next_attempt_at, id LIMIT $4
                """, r => r.GetInt64(0), cancellation, SqlParameter.Create(webhook), SqlParameter.Create(now), SqlParameter.Create(busy.ToArray()), SqlParameter.Create(Batch))).Distinct().ToArray();
            var first = await ListAsync("SELECT min(CASE WHEN webhook_key = $1 THEN id END) FROM webhook_deliveries WHERE state = 0 AND customer_key = ANY ($2) GROUP BY customer_key",
                r => r.IsDBNull(0) ? 0 : r.GetInt64(0), cancellation, SqlParameter.Create(webhook), SqlParameter.Create(customers));
            var messages = await ListAsync("""
                SELECT id, message_id, customer_key, attempts, next_attempt_at, joined, at, segment_key, segment_name, customer_id, cause, event_id, segment_version
                FROM webhook_deliveries WHERE id = ANY ($1)
                """, Message.Read, cancellation, SqlParameter.Create(first.ToArray()));
            var waiting = messages.Where(m => m.NextAttemptAt > now).ToList();
            await PutOffAsync(webhook, [.. waiting.Select(m => m.CustomerKey)], [.. waiting.Select(m => m.NextAttemptAt)], cancellation);
            if (messages.Count > waiting.Count || customers.Length == 0)
            {
                return [.. messages.Except(waiting).OrderBy(m => m.NextAttemptAt).ThenBy(m => m.Id)];
            }
        }
    }

    // What waits for an earlier message of its customer is looked at again when that is.
    private async Task PutOffAsync(int webhook, long[] customers, DateTimeOffset[] until, CancellationToken cancellation)
    {
        if (customers.Length > 0)
        {
            await Retry.OnDeadlockAsync(() => ExecuteAsync("""
                UPDATE webhook_deliveries d SET next_attempt_at = r.until FROM unnest($2, $3) AS r (customer, until)
                WHERE d.customer_key = r.customer AND d.state = 0 AND d.webhook_key + 0 = $1 AND d.next_attempt_at < r.until
                """, cancellation, SqlParameter.Create(webhook), SqlParameter.Create(customers), SqlParameter.Create(until)), cancellation);
        }
    }

    private async Task WriteAsync(int webhook, List<Attempt> attempts, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var rows = attempts.OrderBy(a => a.Message.Id).Select(a => (a.Message, a.Outcome, Delay: a.Outcome.Delivered ? null : Delay(a.Message.Attempts + 1))).ToList();
        await Retry.OnDeadlockAsync(() => ExecuteAsync("""
            UPDATE webhook_deliveries d
            SET state = r.state, attempts = d.attempts + 1, last_status = r.status, last_error = r.error, next_attempt_at = r.next, done_at = CASE WHEN r.state > 0 THEN $1 END
            FROM unnest($2, $3, $4, $5, $6) AS r (id, state, status, error, next)
            WHERE d.id = r.id AND d.state + 0 = 0
            """,
            cancellation,
            SqlParameter.Create(now),
            SqlParameter.Create(rows.Select(r => r.Message.Id).ToArray()),
            SqlParameter.Create(rows.Select(r => (short)(r.Outcome.Delivered ? DeliveryState.Delivered : r.Delay is null ? DeliveryState.Dead : DeliveryState.Pending)).ToArray()),
            SqlParameter.Create(rows.Select(r => r.Outcome.Status).ToArray()),
            SqlParameter.Create(rows.Select(r => r.Outcome.Error).ToArray()),
            SqlParameter.Create(rows.Select(r => now + r.Delay).ToArray())), cancellation);
        var waiting = rows.Where(r => r.Delay is not null).ToList();
        await PutOffAsync(webhook, [.. waiting.Select(r => r.Message.CustomerKey)], [.. waiting.Select(r => now + r.Delay!.Value)], cancellation);
        if (rows.Any(r => r.Outcome.Status == StatusCodes.Status410Gone))
        {
            await ExecuteAsync("UPDATE webhooks SET enabled = false, version = version + 1, updated_at = $2 WHERE key = $1 AND enabled", cancellation, SqlParameter.Create(webhook), SqlParameter.Create(now));
            LogGone(webhook);
        }
    }

    // Up to a fifth less, so that what failed together does not come back together; null when the attempts are used up.
    private static TimeSpan? Delay(int failures) => failures > Delays.Length ? null : Delays[failures - 1] * (1 - (0.2 * Random.Shared.NextDouble()));

    // A webhook that was changed may lead elsewhere: nothing is known of it.
    private ReceiverHealth Health(int webhook, int version)
    {
        lock (receivers)
        {
            if (!receivers.TryGetValue(webhook, out var known) || known.Version != version)
            {
                receivers[webhook] = known = (version, new ReceiverHealth());
            }

            return known.Health;
        }
    }

    private async Task GuardAsync(Func<Task> work, CancellationToken cancellation)
    {
        try
        {
            await work();
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The next that leads goes on.
        }
        catch (Exception failure)
        {
            // The database is away, most likely: what was sent and not written down is sent again.
            LogFailed(failure);
            await Task.Delay(TimeSpan.FromSeconds(1), cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private NpgsqlCommand Command(string sql, params NpgsqlParameter[] parameters)
    {
        var command = database.CreateCommand(sql);
        command.Parameters.AddRange(parameters);
        return command;
    }

    private async Task<List<T>> ListAsync<T>(string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellation, params NpgsqlParameter[] parameters)
    {
        await using var command = Command(sql, parameters);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        List<T> rows = [];
        while (await reader.ReadAsync(cancellation))
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    private async Task<int> ExecuteAsync(string sql, CancellationToken cancellation, params NpgsqlParameter[] parameters)
    {
        await using var command = Command(sql, parameters);
        return await command.ExecuteNonQueryAsync(cancellation);
    }

    [LoggerMessage(LogLevel.Warning, "Webhooks: the work was interrupted and is taken up again")]
    private partial void LogFailed(Exception failure);

    [LoggerMessage(LogLevel.Warning, "Webhook {Key} answered 410 and is disabled")]
    private partial void LogGone(int key);

    private sealed record Target(string Url, IReadOnlyList<byte[]> Secrets);

    private sealed record Message(long Id, Guid MessageId, long CustomerKey, int Attempts, DateTimeOffset NextAttemptAt, byte[] Body)
    {
        public static Message Read(NpgsqlDataReader row)
        {
            var change = new WebhookMessage.Change(row.GetString(7), row.GetString(8), row.GetString(9), (MembershipCause)row.GetInt16(10), row.IsDBNull(11) ? null : row.GetString(11), row.GetInt32(12));
            var message = new WebhookMessage(row.GetBoolean(5) ? "segment.joined" : "segment.left", row.GetFieldValue<DateTimeOffset>(6), change);

            // One that was delivered between two statements has no next attempt; sending it again does no harm that at least once does not.
            return new Message(row.GetInt64(0), row.GetGuid(1), row.GetInt64(2), row.GetInt32(3), row.IsDBNull(4) ? default : row.GetFieldValue<DateTimeOffset>(4), message.ToBytes());
        }
    }

    private sealed record Attempt(Message Message, WebhookOutcome Outcome);
}
