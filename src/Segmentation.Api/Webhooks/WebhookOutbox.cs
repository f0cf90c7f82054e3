using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Memberships;

namespace Segmentation.Api.Webhooks;

/// <summary>
/// Writes the messages that a change of membership makes, in the change's own transaction: neither is there without the other.
/// </summary>
internal sealed class WebhookOutbox : IRevisionObserver, IErasureObserver
{
    private const string Insert =
        "INSERT INTO webhook_deliveries (webhook_key, customer_key, customer_id, segment_key, segment_name, segment_version, joined, "
        + "cause, event_id, at, queued_at, next_attempt_at, message_id, state, attempts)";

    // PostgreSQL evaluates the EXISTS first, and without webhooks nothing else. Within a revision those who left
    // come first, as in the stream.
    private const string InsertChanges = Insert + """

        SELECT w.key, m.customer_key, c.id, s.key, s.name, b.version, m.joined, m.cause, m.event_id, b.at, b.at, b.at,
          gen_random_uuid(), 0, 0
        FROM membership_batches b
        JOIN segments s ON s.id = b.segment_id
        JOIN webhooks w ON w.enabled AND (cardinality(w.segments) = 0 OR s.key = ANY (w.segments))
        CROSS JOIN LATERAL (
          SELECT customer_key, false AS joined, left_cause AS cause, left_event AS event_id
            FROM memberships WHERE segment_id = b.segment_id AND left_batch = b.id
          UNION ALL
          SELECT customer_key, true, joined_cause, joined_event FROM memberships WHERE segment_id = b.segment_id AND joined_batch = b.id) m
        JOIN customers c ON c.key = m.customer_key
        WHERE b.id BETWEEN $1 AND $2 AND EXISTS (SELECT FROM webhooks WHERE enabled)
        ORDER BY b.id, m.joined, m.customer_key
        """;

    private const string InsertErased = Insert + """

        SELECT w.key, m.customer_key, c.id, s.key, s.name, s.version, false, 8, NULL, $2, $2, $2, gen_random_uuid(), 0, 0
        FROM memberships m
        JOIN customers c ON c.key = m.customer_key
        JOIN segments s ON s.id = m.segment_id
        JOIN webhooks w ON w.enabled AND (cardinality(w.segments) = 0 OR s.key = ANY (w.segments))
        WHERE m.customer_key = $1 AND m.left_batch IS NULL AND EXISTS (SELECT FROM webhooks WHERE enabled)
        ORDER BY m.segment_id
        """;

    /// <summary>Queues a message for each customer that joined or left in the revisions and each enabled webhook of the segment.</summary>
    /// <remarks>Called once the transaction has written its revisions and memberships. A customer that has been
    /// erased meanwhile is left out.</remarks>
    public Task RevisionsWrittenAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, long first, long last, CancellationToken cancellation) =>
            ExecuteAsync(connection, transaction, InsertChanges, first, last, cancellation);

    /// <summary>
    /// Queues a message with the cause <c>erased</c> for each segment that a customer is in: for the transaction
    /// that erases it, before it does.
    /// </summary>
    public Task ErasingAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, long customerKey, DateTimeOffset at, CancellationToken cancellation) =>
            ExecuteAsync(connection, transaction, InsertErased, customerKey, at, cancellation);

    private static async Task ExecuteAsync<T1, T2>(
        NpgsqlConnection connection, NpgsqlTransaction transaction, string sql, T1 first, T2 second, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(sql, connection, transaction)
        {
            Parameters = { new NpgsqlParameter<T1> { TypedValue = first }, new NpgsqlParameter<T2> { TypedValue = second } },
        };
        await command.ExecuteNonQueryAsync(cancellation);
    }
}
