using Npgsql;
using Segmentation.Api.Changes;

namespace Segmentation.Api.Webhooks;

/// <summary>A message of the outbox, ready to be sent.</summary>
/// <param name="Attempts">Failed attempts so far.</param>
internal sealed record QueuedMessage(long Id, Guid MessageId, long CustomerKey, int Attempts, DateTimeOffset NextAttemptAt, byte[] Body)
{
    /// <summary>What <see cref="Read"/> reads.</summary>
    public const string Columns =
        "id, message_id, customer_key, attempts, next_attempt_at, joined, at, segment_key, segment_name, customer_id, cause, event_id, "
        + "segment_version";

    public static QueuedMessage Read(NpgsqlDataReader row)
    {
        var change = new WebhookMessage.Change(
            row.GetString(7), row.GetString(8), row.GetString(9), (MembershipCause)row.GetInt16(10),
            row.IsDBNull(11) ? null : row.GetString(11), row.GetInt32(12));
        var type = row.GetBoolean(5) ? WebhookMessage.JoinedType : WebhookMessage.LeftType;
        var message = new WebhookMessage(type, row.GetFieldValue<DateTimeOffset>(6), change);

        // A message that was delivered between two statements has no next attempt; at-least-once delivery allows sending it again.
        var nextAttemptAt = row.IsDBNull(4) ? default : row.GetFieldValue<DateTimeOffset>(4);
        return new QueuedMessage(row.GetInt64(0), row.GetGuid(1), row.GetInt64(2), row.GetInt32(3), nextAttemptAt, message.ToBytes());
    }
}

/// <summary>A message that was sent, and what came of it.</summary>
internal sealed record DeliveryAttempt(QueuedMessage Message, WebhookOutcome Outcome);

/// <summary>Where a webhook's messages go, and what signs them.</summary>
internal sealed record WebhookTarget(string Url, IReadOnlyList<byte[]> Secrets);
