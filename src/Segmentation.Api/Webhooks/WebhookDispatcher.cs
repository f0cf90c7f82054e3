using System.Diagnostics;
using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Memberships;

namespace Segmentation.Api.Webhooks;

/// <summary>
/// Sends what the outbox holds, at least once. Of a customer one message at a time is under way to a webhook, and a later one waits until the
/// earlier is delivered or given up; other customers go on. One process at a time does this: the one that leads.
/// </summary>
internal sealed partial class WebhookDispatcher(NpgsqlDataSource database, WebhookSender sender, WebhookOptions options, TimeProvider time, ILogger<WebhookDispatcher> logger)
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
        int[] failing;
        lock (receivers)
        {
            failing = [.. receivers.Where(r => r.Value.Health.IsFailing).Select(r => r.Key)];
        }

        await ChunksAsync("DELETE FROM webhook_deliveries WHERE (webhook_key, id) IN (SELECT webhook_key, id FROM webhook_deliveries WHERE done_at < $1 AND (state = 1 OR done_at < $2) LIMIT $3)",
            [Of(now.AddHours(-options.KeepDeliveredHours)), Of(now.AddDays(-options.KeepDeadDays))]);
        await ChunksAsync("""
            UPDATE webhook_deliveries SET state = 2, done_at = $1, next_attempt_at = NULL, last_error = coalesce(last_error, 'The webhook took nothing for a day.')
            WHERE (webhook_key, id) IN (
              SELECT d.webhook_key, d.id FROM webhook_deliveries d JOIN webhooks w ON w.key = d.webhook_key
              WHERE d.state = 0 AND d.queued_at < $2 AND (NOT w.enabled OR w.key = ANY ($3)) ORDER BY d.webhook_key, d.id LIMIT $4)
            """, [Of(now), Of(now.AddDays(-1)), Of(failing)]);
        await ChunksAsync("DELETE FROM webhook_deliveries WHERE (webhook_key, id) IN (SELECT webhook_key, id FROM webhook_deliveries d WHERE NOT EXISTS (SELECT FROM webhooks w WHERE w.key = d.webhook_key) LIMIT $1)", []);

        async Task ChunksAsync(string sql, NpgsqlParameter[] parameters)
        {
            while (await ExecuteAsync(sql, cancellation, [.. parameters.Select(p => p.Clone()), Of(SweptAtOnce)]) == SweptAtOnce)
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
                    await PutOffAsync(webhook, now, cancellation);
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

    // Webhooks of which something is due. A few index entries each.
    private async Task<List<(int Webhook, int Version)>> DueAsync(CancellationToken cancellation)
    {
        await using var command = Command("""
            SELECT key, version FROM webhooks w
            WHERE enabled AND EXISTS (SELECT FROM webhook_deliveries d WHERE d.webhook_key = w.key AND d.state = 0 AND d.next_attempt_at <= $1)
            """, Of(time.GetUtcNow()));
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        List<(int, int)> due = [];
        while (await reader.ReadAsync(cancellation))
        {
            due.Add((reader.GetInt32(0), reader.GetInt32(1)));
        }

        return due;
    }

    private async Task<Target?> TargetAsync(int webhook, DateTimeOffset now, CancellationToken cancellation)
    {
        await using var command = Command("SELECT url, secret, CASE WHEN previous_secret_until > $2 THEN previous_secret END FROM webhooks WHERE key = $1 AND enabled", Of(webhook), Of(now));
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        return await reader.ReadAsync(cancellation) ? new Target(reader.GetString(0), WebhookSecrets.Of(reader.GetString(1), reader.IsDBNull(2) ? null : reader.GetString(2))) : null;
    }

    // Each customer's first message that is pending, if it is due.
    private async Task<List<Message>> FetchAsync(int webhook, HashSet<long> busy, DateTimeOffset now, CancellationToken cancellation)
    {
        await using var command = Command("""
            SELECT d.id, d.message_id, d.customer_key, d.attempts, d.joined, d.at, d.segment_key, d.segment_name, d.customer_id, d.cause, d.event_id, d.segment_version
            FROM webhook_deliveries d
            WHERE d.webhook_key = $1 AND d.state = 0 AND d.next_attempt_at <= $2 AND d.customer_key <> ALL ($3)
              AND NOT EXISTS (SELECT FROM webhook_deliveries e WHERE e.webhook_key = $1 AND e.state = 0 AND e.customer_key = d.customer_key AND e.id < d.id)
            ORDER BY d.next_attempt_at, d.id LIMIT $4
            """, Of(webhook), Of(now), Of(busy.ToArray()), Of(Batch));
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        List<Message> messages = [];
        while (await reader.ReadAsync(cancellation))
        {
            var change = new WebhookMessage.Change(
                reader.GetString(6), reader.GetString(7), reader.GetString(8), (MembershipCause)reader.GetInt16(9), reader.IsDBNull(10) ? null : reader.GetString(10), reader.GetInt32(11));
            var message = new WebhookMessage(reader.GetBoolean(4) ? "segment.joined" : "segment.left", reader.GetFieldValue<DateTimeOffset>(5), change);
            messages.Add(new Message(reader.GetInt64(0), reader.GetGuid(1), reader.GetInt64(2), reader.GetInt32(3), message.ToBytes()));
        }

        return messages;
    }

    // Messages that are due but have to wait for an earlier one's next attempt are put off until then, so that nobody looks at them in vain.
    private async Task PutOffAsync(int webhook, DateTimeOffset now, CancellationToken cancellation) => await ExecuteAsync("""
        UPDATE webhook_deliveries d SET next_attempt_at = h.next_attempt_at
        FROM (SELECT DISTINCT ON (customer_key) customer_key, next_attempt_at FROM webhook_deliveries WHERE webhook_key = $1 AND state = 0 ORDER BY customer_key, id) h
        WHERE d.webhook_key = $1 AND d.state = 0 AND d.next_attempt_at <= $2 AND d.customer_key = h.customer_key AND h.next_attempt_at > $2
        """, cancellation, Of(webhook), Of(now));

    private async Task WriteAsync(int webhook, List<Attempt> attempts, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var rows = attempts.OrderBy(a => a.Message.Id).Select(a => (a.Message, a.Outcome, Delay: a.Outcome.Delivered ? null : Delay(a.Message.Attempts + 1))).ToList();
        await Retry.OnDeadlockAsync(() => ExecuteAsync("""
            UPDATE webhook_deliveries d
            SET state = r.state, attempts = d.attempts + 1, last_status = r.status, last_error = r.error, next_attempt_at = r.next, done_at = CASE WHEN r.state > 0 THEN $2 END
            FROM unnest($3, $4, $5, $6, $7) AS r (id, state, status, error, next)
            WHERE d.webhook_key = $1 AND d.id = r.id AND d.state = 0
            """,
            cancellation,
            Of(webhook),
            Of(now),
            Of(rows.Select(r => r.Message.Id).ToArray()),
            Of(rows.Select(r => (short)(r.Outcome.Delivered ? DeliveryState.Delivered : r.Delay is null ? DeliveryState.Dead : DeliveryState.Pending)).ToArray()),
            Of(rows.Select(r => r.Outcome.Status).ToArray()),
            Of(rows.Select(r => r.Outcome.Error).ToArray()),
            Of(rows.Select(r => now + r.Delay).ToArray())), cancellation);
        var waiting = rows.Where(r => r.Delay is not null).ToList();
        if (waiting.Count > 0)
        {
            await Retry.OnDeadlockAsync(() => ExecuteAsync("""
                UPDATE webhook_deliveries d SET next_attempt_at = r.next FROM unnest($2, $3) AS r (customer, next)
                WHERE d.webhook_key = $1 AND d.state = 0 AND d.customer_key = r.customer AND d.next_attempt_at < r.next
                """,
                cancellation,
                Of(webhook),
                Of(waiting.Select(r => r.Message.CustomerKey).ToArray()),
                Of(waiting.Select(r => now + r.Delay).ToArray())), cancellation);
        }

        if (rows.Any(r => r.Outcome.Status == StatusCodes.Status410Gone))
        {
            await ExecuteAsync("UPDATE webhooks SET enabled = false, version = version + 1, updated_at = $2 WHERE key = $1 AND enabled", cancellation, Of(webhook), Of(now));
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

    private async Task<int> ExecuteAsync(string sql, CancellationToken cancellation, params NpgsqlParameter[] parameters)
    {
        await using var command = Command(sql, parameters);
        return await command.ExecuteNonQueryAsync(cancellation);
    }

    private static NpgsqlParameter Of<T>(T value) => new NpgsqlParameter<T> { TypedValue = value };

    [LoggerMessage(LogLevel.Warning, "Webhooks: the work was interrupted and is taken up again")]
    private partial void LogFailed(Exception failure);

    [LoggerMessage(LogLevel.Warning, "Webhook {Key} answered 410 and is disabled")]
    private partial void LogGone(int key);

    private sealed record Target(string Url, IReadOnlyList<byte[]> Secrets);

    private sealed record Message(long Id, Guid MessageId, long CustomerKey, int Attempts, byte[] Body);

    private sealed record Attempt(Message Message, WebhookOutcome Outcome);
}

/// <summary>Whether a receiver takes anything. One that does not is left alone for a while, and then tried with a single message.</summary>
internal sealed class ReceiverHealth
{
    private const int Trip = 10;
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(5), LongestPause = TimeSpan.FromMinutes(5), LongestWish = TimeSpan.FromHours(1);
    private int failures, pauses;
    private DateTimeOffset pausedUntil;

    /// <summary>The last attempts failed, whatever the message.</summary>
    public bool IsFailing => failures >= Trip;

    public bool IsPaused(DateTimeOffset now) => now < pausedUntil;

    /// <summary>Messages that may be under way.</summary>
    public int Room(DateTimeOffset now, int most) => IsPaused(now) ? 0 : IsFailing ? 1 : most;

    public void Note(WebhookOutcome outcome, DateTimeOffset now)
    {
        if (outcome.Delivered)
        {
            (failures, pauses) = (0, 0);
            return;
        }

        failures++;
        if (IsFailing && !IsPaused(now))
        {
            pausedUntil = now + TimeSpan.FromTicks(Math.Min(LongestPause.Ticks, FirstPause.Ticks << Math.Min(pauses++, 10)));
        }

        if (outcome.RetryAfter is { } wish && now + wish > pausedUntil)
        {
            pausedUntil = now + (wish < LongestWish ? wish : LongestWish);
        }
    }
}
