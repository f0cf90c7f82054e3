using System.Text.Json.Nodes;
using Npgsql;
using Segmentation.Api.Audit;
using Segmentation.Api.Data;

namespace Segmentation.Api.Webhooks;

/// <summary>Reads the outbox in each customer's order, and records what came of the messages.</summary>
/// <remarks>
/// The table grows from nothing to a million rows faster than its statistics follow, and a planner that expects one
/// row joins a million with a million. So each statement here has one index that it can use, and lists go from one
/// to the next as arrays: no plan is worse than one scan.
/// </remarks>
internal sealed partial class WebhookQueue(
    [FromKeyedServices(WorkClass.Keeper)] NpgsqlDataSource database, WebhookSecrets secrets, AuditLog log,
    TimeProvider time, ILogger<WebhookQueue> logger)
{
    /// <summary>Rows read or written by one statement, at most.</summary>
    public const int Batch = 500;

    /// <summary>A webhook that fails for so long, without one success, is disabled.</summary>
    public static readonly TimeSpan FailureLimit = TimeSpan.FromDays(3);

    // What waits for a segment's end that is under way looks again after this.
    private static readonly TimeSpan EndPause = TimeSpan.FromSeconds(1);

    /// <summary>Webhooks with a message that is due: the first entry of the index for each.</summary>
    public async Task<List<(int Webhook, int Version)>> ReadDueWebhooksAsync(CancellationToken cancellation) => await database.QueryAsync(
        """
        SELECT w.key, w.version FROM webhooks w
        CROSS JOIN LATERAL (
          SELECT FROM webhook_deliveries d WHERE d.webhook_key = w.key AND d.state = 0 AND d.next_attempt_at <= $1
            ORDER BY d.next_attempt_at, d.id LIMIT 1) due
        WHERE w.enabled
        """,
        r => (r.GetInt32(0), r.GetInt32(1)),
        cancellation,
        SqlParameter.Create(time.GetUtcNow()));

    /// <summary>Where a webhook's messages go; null when it is disabled or deleted.</summary>
    public async Task<WebhookTarget?> ReadTargetAsync(int webhook, DateTimeOffset now, CancellationToken cancellation)
    {
        var targets = await database.QueryAsync(
            "SELECT url, secret, CASE WHEN previous_secret_until > $2 THEN previous_secret END FROM webhooks WHERE key = $1 AND enabled",
            r => new WebhookTarget(r.GetString(0), secrets.Decode(r.GetString(1), r.IsDBNull(2) ? null : r.GetString(2))),
            cancellation,
            SqlParameter.Create(webhook),
            SqlParameter.Create(now));
        return targets.SingleOrDefault();
    }

    /// <summary>
    /// The first pending message of each customer with a message that is due, where the first is due itself; else the due one is postponed,
    /// since it has to wait. Whatever is about a segment waits until its end before has been told.
    /// </summary>
    /// <param name="busy">Customers to leave out.</param>
    public async Task<IReadOnlyList<QueuedMessage>> ReadDueMessagesAsync(
        int webhook, IReadOnlyCollection<long> busy, DateTimeOffset now, CancellationToken cancellation)
    {
        while (true)
        {
            var customers = await ReadDueCustomersAsync(webhook, busy, now, cancellation);
            var first = await database.QueryAsync(
                """
                SELECT min(CASE WHEN webhook_key = $1 THEN id END) FROM webhook_deliveries
                WHERE state = 0 AND customer_key = ANY ($2) GROUP BY customer_key
                """,
                r => r.IsDBNull(0) ? 0 : r.GetInt64(0),
                cancellation,
                SqlParameter.Create(webhook),
                SqlParameter.Create(customers));
            var found = await database.QueryAsync(
                $"""
                SELECT {QueuedMessage.Columns}
                FROM webhook_deliveries WHERE id = ANY ($1)
                """,
                QueuedMessage.Read,
                cancellation,
                SqlParameter.Create(first.ToArray()));
            var ends = await ReadEndsAsync(webhook, cancellation);
            var messages = found.ConvertAll(m => m with { NextAttemptAt = DueAt(m, ends, now) });
            var waiting = messages.Where(m => m.NextAttemptAt > now).ToList();
            await PostponeAsync(webhook, [.. waiting.Select(m => m.OrderKey)], [.. waiting.Select(m => m.NextAttemptAt)], cancellation);
            if (messages.Count > waiting.Count || customers.Length == 0)
            {
                return [.. messages.Except(waiting).OrderBy(m => m.NextAttemptAt).ThenBy(m => m.Id)];
            }
        }
    }

    /// <summary>
    /// Records attempts: delivered, to be tried again, or dead. A receiver that answered 410, or failed for days, disables its webhook.
    /// </summary>
    public async Task RecordAsync(int webhook, IReadOnlyList<DeliveryAttempt> attempts, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var rows = attempts.OrderBy(a => a.Message.Id)
            .Select(a => (a.Message, a.Outcome, Delay: a.Outcome.Delivered ? null : WebhookRetries.CreateDelay(a.Message.Attempts + 1)))
            .ToList();
        await Retry.OnDeadlockAsync(
            () => database.ExecuteAsync(
                """
                UPDATE webhook_deliveries d
                SET state = r.state, attempts = d.attempts + 1, last_status = r.status, last_error = r.error,
                  next_attempt_at = r.next, done_at = CASE WHEN r.state > 0 THEN $1 END
                FROM unnest($2, $3, $4, $5, $6) AS r (id, state, status, error, next)
                WHERE d.id = r.id AND d.state + 0 = 0
                """,
                cancellation,
                SqlParameter.Create(now),
                SqlParameter.Create(rows.Select(r => r.Message.Id).ToArray()),
                SqlParameter.Create(rows.Select(r => (short)State(r.Outcome, r.Delay)).ToArray()),
                SqlParameter.Create(rows.Select(r => r.Outcome.Status).ToArray()),
                SqlParameter.Create(rows.Select(r => r.Outcome.Error).ToArray()),
                SqlParameter.Create(rows.Select(r => now + r.Delay).ToArray())),
            cancellation);
        var waiting = rows.Where(r => r.Delay is not null).ToList();
        await PostponeAsync(
            webhook, [.. waiting.Select(r => r.Message.OrderKey)], [.. waiting.Select(r => now + r.Delay!.Value)], cancellation);
        await RecordHealthAsync(webhook, rows.Exists(r => r.Outcome.Delivered), rows.Exists(r => r.Outcome.IsGone), now, cancellation);
    }

    // A success ends what failed before it. That a webhook fails is no new version of it, that it is disabled is one.
    private async Task RecordHealthAsync(int webhook, bool succeeded, bool isGone, DateTimeOffset now, CancellationToken cancellation)
    {
        await database.ExecuteAsync(
            "UPDATE webhooks SET failing_since = CASE WHEN $2 THEN NULL ELSE $3 END WHERE key = $1 AND (failing_since IS NULL) <> $2",
            cancellation,
            SqlParameter.Create(webhook),
            SqlParameter.Create(succeeded),
            SqlParameter.Create(now));
        if ((isGone || !succeeded) && await DisableAsync(webhook, isGone, now, cancellation))
        {
            LogDisabled(webhook, isGone ? "answered 410" : "accepted nothing for days");
        }
    }

    private async Task<bool> DisableAsync(int webhook, bool isGone, DateTimeOffset now, CancellationToken cancellation)
    {
        var reason = isGone
            ? "The receiver answered 410: it wants no more messages."
            : $"No message was accepted for {FailureLimit.Days} days.";
        await using var connection = await database.OpenConnectionAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        await using var disable = new NpgsqlCommand(
            """
            UPDATE webhooks SET enabled = false, version = version + 1, updated_at = $2, disabled_reason = $4
            WHERE key = $1 AND enabled AND ($5 OR failing_since <= $3)
            RETURNING id
            """,
            connection,
            transaction)
        {
            Parameters =
            {
                SqlParameter.Create(webhook), SqlParameter.Create(now), SqlParameter.Create(now - FailureLimit),
                SqlParameter.Create(reason), SqlParameter.Create(isGone),
            },
        };
        if (await disable.ExecuteScalarAsync(cancellation) is not string id)
        {
            return false;
        }

        JsonObject before = new() { ["enabled"] = true }, after = new() { ["disabledReason"] = reason, ["enabled"] = false };
        await log.AppendAsync(
            connection, "webhooks.disable", $"webhooks/{id}", AuditDocument.Compare(after, before), AuditDocument.Compare(before, after),
            cancellation);
        await transaction.CommitAsync(cancellation);
        return true;
    }

    // The segments' ends that are not told. Read after the messages: the end before a message was committed before it.
    private Task<List<SegmentEnd>> ReadEndsAsync(int webhook, CancellationToken cancellation) =>
        database.QueryAsync(
            "SELECT segment_key, id, next_attempt_at FROM webhook_deliveries WHERE webhook_key = $1 AND state = 0 AND customer_id IS NULL",
            r => new SegmentEnd(r.GetString(0), r.GetInt64(1), r.GetFieldValue<DateTimeOffset>(2)),
            cancellation,
            SqlParameter.Create(webhook));

    private static DateTimeOffset DueAt(QueuedMessage message, List<SegmentEnd> ends, DateTimeOffset now)
    {
        var before = ends.Where(e => e.SegmentKey == message.SegmentKey && e.Id < message.Id).ToList();
        return before.Count == 0
            ? message.NextAttemptAt
            : before.Select(e => e.NextAttemptAt).Append(message.NextAttemptAt).Append(now + EndPause).Max();
    }

    private async Task<long[]> ReadDueCustomersAsync(
        int webhook, IReadOnlyCollection<long> busy, DateTimeOffset now, CancellationToken cancellation)
    {
        var customers = await database.QueryAsync(
            """
            SELECT customer_key FROM webhook_deliveries WHERE webhook_key = $1 AND state = 0 AND next_attempt_at <= $2
              AND customer_key <> ALL ($3)
            ORDER BY next_attempt_at, id LIMIT $4
            """,
            r => r.GetInt64(0),
            cancellation,
            SqlParameter.Create(webhook),
            SqlParameter.Create(now),
            SqlParameter.Create(busy.ToArray()),
            SqlParameter.Create(Batch));
        return [.. customers.Distinct()];
    }

    // What waits for an earlier message of its customer is due when that one is.
    private async Task PostponeAsync(int webhook, long[] customers, DateTimeOffset[] until, CancellationToken cancellation)
    {
        if (customers.Length == 0)
        {
            return;
        }

        await Retry.OnDeadlockAsync(
            () => database.ExecuteAsync(
                """
                UPDATE webhook_deliveries d SET next_attempt_at = r.until FROM unnest($2, $3) AS r (customer, until)
                WHERE d.customer_key = r.customer AND d.state = 0 AND d.webhook_key + 0 = $1 AND d.next_attempt_at < r.until
                """,
                cancellation,
                SqlParameter.Create(webhook),
                SqlParameter.Create(customers),
                SqlParameter.Create(until)),
            cancellation);
    }

    private static DeliveryState State(WebhookOutcome outcome, TimeSpan? delay) =>
        outcome.Delivered ? DeliveryState.Delivered : delay is null ? DeliveryState.Dead : DeliveryState.Pending;

    // A message that a segment was deleted.
    private sealed record SegmentEnd(string SegmentKey, long Id, DateTimeOffset NextAttemptAt);

    [LoggerMessage(LogLevel.Warning, "Webhook {Key} {Reason} and is disabled")]
    private partial void LogDisabled(int key, string reason);
}
