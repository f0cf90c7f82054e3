using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Query;
using Npgsql;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Webhooks;

/// <summary>How many messages to a webhook are to be sent, and how many could not be delivered.</summary>
public sealed record DeliveryCounts(long Pending, long Dead)
{
    public static readonly DeliveryCounts None = new(0, 0);
}

/// <summary>Messages to webhooks as the API shows them, and their replay.</summary>
public sealed class DeliveryStore(SegmentationDb db, TimeProvider time)
{
    private const int RowsPerStatement = 10_000;

    // Of a message d: that a customer joined who may not be a member since, by a restriction or for want of a consent. Nobody is told
    // that again.
    private static readonly string IsUntold =
        $"""
        (d.joined AND EXISTS (
          SELECT FROM customers c WHERE c.id = d.customer_id AND (c.restricted_at IS NOT NULL OR EXISTS (
            SELECT FROM memberships m JOIN segments s ON s.id = m.segment_id JOIN membership_batches b ON b.id = m.left_batch
            WHERE m.customer_key = c.key AND s.key = d.segment_key AND m.left_cause IN {MembershipCauses.BarredSql} AND b.at >= d.at))))
        """;

    private DateTimeOffset Now { get; } = LocalTime.Truncate(time.GetUtcNow());

    /// <summary>Counts by the webhook's key; a webhook without any is left out.</summary>
    public async Task<Dictionary<int, DeliveryCounts>> CountAsync(int[] webhooks, CancellationToken cancellation)
    {
        var rows = await db.WebhookDeliveries
            .Where(d => webhooks.Contains(d.WebhookKey) && (d.State == DeliveryState.Pending || d.State == DeliveryState.Dead))
            .GroupBy(d => new { d.WebhookKey, d.State })
            .Select(g => new { g.Key.WebhookKey, g.Key.State, Count = g.LongCount() })
            .ToListAsync(cancellation);
        return rows.GroupBy(r => r.WebhookKey).ToDictionary(
            w => w.Key,
            w => new DeliveryCounts(
                w.SingleOrDefault(r => r.State == DeliveryState.Pending)?.Count ?? 0,
                w.SingleOrDefault(r => r.State == DeliveryState.Dead)?.Count ?? 0));
    }

    /// <summary>The newest messages before one, one more than asked for.</summary>
    /// <param name="state">Only those; null for all.</param>
    public async Task<List<WebhookDelivery>> ListAsync(
        int webhook, DeliveryState? state, long before, int size, CancellationToken cancellation)
    {
        List<WebhookDelivery> rows = [];
        DeliveryState[] states = state is { } only ? [only] : Enum.GetValues<DeliveryState>();
        foreach (var one in states)
        {
            // Each from where the index has it, however many messages of other webhooks lie between.
            rows.AddRange(await db.WebhookDeliveries.AsNoTracking()
                .Where(d => d.WebhookKey == webhook && d.State == one && d.Id < before)
                .OrderByDescending(d => d.Id).Take(size + 1).ToListAsync(cancellation));
        }

        return [.. rows.OrderByDescending(d => d.Id).DistinctBy(d => d.Id).Take(size + 1)];
    }

    /// <summary>Puts one message back in the queue, whatever its state; not one about an erased customer, which is about to go.</summary>
    /// <exception cref="ApiProblem">404. 409: it says that a customer joined who may not be a member any more.</exception>
    public async Task<WebhookDelivery> ReplayAsync(int webhook, string messageName, CancellationToken cancellation)
    {
        var id = WebhookDelivery.ParseMessageName(messageName) ?? throw ApiProblem.NotFound("message");
        var message = db.WebhookDeliveries.Where(d => d.WebhookKey == webhook && d.MessageId == id && d.Cause != MembershipCause.Erased);
        await using var transaction = await db.BeginAsync(cancellation);
        if ((await db.QueryAsync(
            $"SELECT {IsUntold} FROM webhook_deliveries d WHERE d.webhook_key = $1 AND d.message_id = $2", row => row.GetBoolean(0),
            cancellation, SqlParameter.Create(webhook), SqlParameter.Create(id))).Contains(true))
        {
            throw ApiProblem.Conflict(
                "The customer is restricted since, or has withdrawn a consent that the segment requires: nobody is told again that it "
                + "joined.");
        }

        await message.ExecuteUpdateAsync(Requeue, cancellation);
        var queued = await message.AsNoTracking().SingleOrDefaultAsync(cancellation) ?? throw ApiProblem.NotFound("message");
        await transaction.CommitAsync(cancellation);
        return queued;
    }

    /// <summary>Puts messages back in the queue.</summary>
    /// <param name="since">
    /// All that happened at or after this instant; null for all dead letters but those that a delivered message has overtaken. Never that
    /// somebody joined who may not be a member any more.
    /// </param>
    /// <returns>How many.</returns>
    public async Task<int> ReplayAsync(int webhook, DateTimeOffset? since, CancellationToken cancellation)
    {
        var queued = 0;
        var after = 0L;
        while (true)
        {
            // Some thousands a statement: a receiver that was away for a day has missed a million.
            var ids = await ReadReplayableAsync(webhook, since, after, cancellation);
            queued += await Retry.OnDeadlockAsync(() => RequeueAsync(ids, cancellation), cancellation);
            if (ids.Count < RowsPerStatement)
            {
                return queued;
            }

            after = ids[^1];
        }
    }

    private async Task<int> RequeueAsync(List<long> ids, CancellationToken cancellation)
    {
        await using var transaction = await db.BeginAsync(cancellation);
        var queued = await db.WebhookDeliveries.Where(d => ids.Contains(d.Id) && d.State != DeliveryState.Pending)
            .ExecuteUpdateAsync(Requeue, cancellation);
        await transaction.CommitAsync(cancellation);
        return queued;
    }

    private Task<List<long>> ReadReplayableAsync(int webhook, DateTimeOffset? since, long after, CancellationToken cancellation)
    {
        if (since is { } from)
        {
            return ListAsync("d.at >= $3 AND d.state > 0", SqlParameter.Create(from));
        }

        // Who has been told that a customer left must not be told after it that it had joined: of the same customer and segment, or of the
        // segment's end, nothing later has been delivered. By the index of a customer's messages, and of an end's.
        return ListAsync(
            """
            d.state = 2 AND NOT EXISTS (
              SELECT FROM webhook_deliveries l
              WHERE l.customer_key IN (d.customer_key, hashtextextended(d.segment_key, 1)) AND l.state > 0 AND l.state = 1
                AND l.webhook_key = d.webhook_key AND l.segment_key = d.segment_key AND l.id > d.id
                AND (l.customer_id IS NULL OR l.customer_id = d.customer_id))
            """);

        Task<List<long>> ListAsync(string which, params NpgsqlParameter[] parameters) => db.QueryAsync(
            $"""
            SELECT d.id FROM webhook_deliveries d
            WHERE d.webhook_key = $1 AND d.id > $2 AND d.cause <> 8 AND {which} AND NOT {IsUntold}
            ORDER BY d.id LIMIT {RowsPerStatement}
            """,
            row => row.GetInt64(0), cancellation, [SqlParameter.Create(webhook), SqlParameter.Create(after), .. parameters]);
    }

    private void Requeue(UpdateSettersBuilder<WebhookDelivery> setters) => setters
        .SetProperty(d => d.State, DeliveryState.Pending)
        .SetProperty(d => d.Attempts, 0)
        .SetProperty(d => d.QueuedAt, Now)
        .SetProperty(d => d.NextAttemptAt, Now)
        .SetProperty(d => d.DoneAt, (DateTimeOffset?)null);
}
