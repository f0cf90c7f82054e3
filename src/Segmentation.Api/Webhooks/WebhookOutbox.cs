using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Memberships;

namespace Segmentation.Api.Webhooks;

/// <summary>Writes the messages that a change of membership makes, in the change's own transaction: neither is there without the other.</summary>
internal sealed class WebhookOutbox : IRevisionObserver, IErasureObserver
{
    private const string Columns =
        "INSERT INTO webhook_deliveries (webhook_key, customer_key, customer_id, segment_key, segment_name, segment_version, joined, cause, event_id, at, queued_at, next_attempt_at, message_id, state, attempts)";

    // The guard is looked at first; without webhooks nothing else is. Within a batch who left goes first, as in the stream.
    private const string Changes = Columns + """

        SELECT w.key, m.customer_key, c.id, s.key, s.name, b.version, m.joined, m.cause, m.event_id, b.at, b.at, b.at, gen_random_uuid(), 0, 0
        FROM membership_batches b
        JOIN segments s ON s.id = b.segment_id
        JOIN webhooks w ON w.enabled AND (cardinality(w.segments) = 0 OR s.key = ANY (w.segments))
        CROSS JOIN LATERAL (
          SELECT customer_key, false AS joined, left_cause AS cause, left_event AS event_id FROM memberships WHERE segment_id = b.segment_id AND left_batch = b.id
          UNION ALL
          SELECT customer_key, true, joined_cause, joined_event FROM memberships WHERE segment_id = b.segment_id AND joined_batch = b.id) m
        JOIN customers c ON c.key = m.customer_key
        WHERE b.id BETWEEN $1 AND $2 AND EXISTS (SELECT FROM webhooks WHERE enabled)
        ORDER BY b.id, m.joined, m.customer_key
        """;

    private const string Erased = Columns + """

        SELECT w.key, m.customer_key, c.id, s.key, s.name, s.version, false, 8, NULL, $2, $2, $2, gen_random_uuid(), 0, 0
        FROM memberships m
        JOIN customers c ON c.key = m.customer_key
        JOIN segments s ON s.id = m.segment_id
        JOIN webhooks w ON w.enabled AND (cardinality(w.segments) = 0 OR s.key = ANY (w.segments))
        WHERE m.customer_key = $1 AND m.left_batch IS NULL AND EXISTS (SELECT FROM webhooks WHERE enabled)
        ORDER BY m.segment_id
        """;

    /// <summary>Queues a message for each who joined or left in the batches, and each enabled webhook that wants to know.</summary>
    /// <remarks>To be called once the transaction has written its batches and memberships. A customer that has been erased meanwhile has no id to tell.</remarks>
    public Task RevisionsWrittenAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, long first, long last, CancellationToken cancellation) =>
        ExecuteAsync(connection, transaction, Changes, first, last, cancellation);

    /// <summary>Queues a message, cause <c>erased</c>, for each segment that a customer is in: for the transaction that erases it, before it does.</summary>
    public static Task WriteErasedAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, long customerKey, DateTimeOffset at, CancellationToken cancellation) =>
        ExecuteAsync(connection, transaction, Erased, customerKey, at, cancellation);

    Task IErasureObserver.ErasingAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, long customerKey, DateTimeOffset at, CancellationToken cancellation) =>
        WriteErasedAsync(connection, transaction, customerKey, at, cancellation);

    private static async Task ExecuteAsync<T1, T2>(NpgsqlConnection connection, NpgsqlTransaction transaction, string sql, T1 first, T2 second, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(sql, connection, transaction)
        {
            Parameters = { new NpgsqlParameter<T1> { TypedValue = first }, new NpgsqlParameter<T2> { TypedValue = second } },
        };
        await command.ExecuteNonQueryAsync(cancellation);
    }
}
