using Npgsql;
using Segmentation.Api.Changes;

namespace Segmentation.Api.Webhooks;

/// <summary>A message of the outbox, ready to be sent.</summary>
/// <param name="OrderKey">Of the messages with the same, it is the first that is not sent.</param>
/// <param name="SegmentKey">The segment that it is about.</param>
/// <param name="IsEnd">The segment was deleted.</param>
/// <param name="Attempts">Failed attempts so far.</param>
internal sealed record QueuedMessage(
    long Id, Guid MessageId, long OrderKey, string SegmentKey, bool IsEnd, int Attempts, DateTimeOffset NextAttemptAt, byte[] Body)
{
    /// <summary>What <see cref="Read"/> reads.</summary>
    public const string Columns =
        "id, message_id, customer_key, attempts, next_attempt_at, joined, at, segment_key, segment_name, customer_id, cause, event_id, "
        + "segment_version";

    public static QueuedMessage Read(NpgsqlDataReader row)
    {
        var (segment, name, version) = (row.GetString(7), row.GetString(8), row.GetInt32(12));
        var isEnd = row.IsDBNull(9);
        var at = row.GetFieldValue<DateTimeOffset>(6);
        var message = isEnd
            ? new WebhookMessage(WebhookMessage.DeletedType, at, new WebhookMessage.Deletion(segment, name, version))
            : new WebhookMessage(
                row.GetBoolean(5) ? WebhookMessage.JoinedType : WebhookMessage.LeftType,
                at,
                new WebhookMessage.Change(
                    segment, name, row.GetString(9), (MembershipCause)row.GetInt16(10), row.IsDBNull(11) ? null : row.GetString(11),
                    version));

        // A message that was delivered between two statements has no next attempt; at-least-once delivery allows sending it again.
        var nextAttemptAt = row.IsDBNull(4) ? default : row.GetFieldValue<DateTimeOffset>(4);
        return new QueuedMessage(
            row.GetInt64(0), row.GetGuid(1), row.GetInt64(2), segment, isEnd, row.GetInt32(3), nextAttemptAt, message.ToBytes());
    }
}

/// <summary>A message that was sent, and what came of it.</summary>
internal sealed record DeliveryAttempt(QueuedMessage Message, WebhookOutcome Outcome);

/// <summary>Where a webhook's messages go, and what signs them.</summary>
internal sealed record WebhookTarget(string Url, IReadOnlyList<byte[]> Secrets);
