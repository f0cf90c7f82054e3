using Npgsql;
using Segmentation.Api.Changes;
using Segmentation.Api.Data;
using Segmentation.Api.Memberships;

namespace Segmentation.Api.Webhooks;

/// <summary>
/// Writes the messages that a change of membership makes, in the change's own transaction: neither is there without the other.
/// </summary>
internal sealed class WebhookOutbox : IRevisionObserver
{
    // What orders messages: a customer's by its id, so that those of one that was erased and made anew are in order too; a segment's end.
    private const string Insert =
        "INSERT INTO webhook_deliveries (webhook_key, customer_key, customer_id, segment_key, segment_name, segment_version, joined, "
        + "cause, event_id, at, queued_at, next_attempt_at, message_id, state, attempts)";

    // PostgreSQL evaluates the EXISTS first, and without webhooks nothing else. Within a revision those who left
    // come first, as in the stream.
    // Nobody is told what an anonymous customer joined as it became that: the time would say who it is.
    // Whoever may no longer be a member, for want of a consent or by a restriction, is told of no more that it joined.
    private static readonly string InsertChanges = $"""
        WITH untold AS (
          DELETE FROM webhook_deliveries d USING membership_batches b, memberships m, customers c, segments s
          WHERE b.id BETWEEN $1 AND $2 AND m.segment_id = b.segment_id AND m.left_batch = b.id
            AND m.left_cause IN {MembershipCauses.BarredSql}
            AND c.key = m.customer_key AND s.id = b.segment_id AND d.customer_key = hashtextextended(c.id COLLATE "C", 0)
            AND d.customer_id = c.id AND d.segment_key = s.key AND d.joined AND d.state = 0)
        {Insert}
        SELECT w.key, hashtextextended(coalesce(m.erased_id, c.id) COLLATE "C", 0), coalesce(m.erased_id, c.id), s.key, s.name, b.version,
          m.joined, m.cause, m.event_id, b.at, b.at, b.at, gen_random_uuid(), 0, 0
        FROM membership_batches b
        JOIN segments s ON s.id = b.segment_id
        JOIN webhooks w ON w.enabled AND (cardinality(w.segments) = 0 OR s.key = ANY (w.segments))
        CROSS JOIN LATERAL (
          SELECT customer_key, NULL AS erased_id, false AS joined, left_cause AS cause, left_event AS event_id
            FROM memberships WHERE segment_id = b.segment_id AND left_batch = b.id
          UNION ALL
          SELECT customer_key, NULL, true, joined_cause, joined_event
            FROM memberships WHERE segment_id = b.segment_id AND joined_batch = b.id AND joined_cause <> {(short)MembershipCause.Erased}
          UNION ALL
          SELECT customer_key, customer_id, false, 8, NULL FROM erased_members WHERE segment_id = b.segment_id AND left_batch = b.id) m
        LEFT JOIN customers c ON c.key = m.customer_key
        WHERE b.id BETWEEN $1 AND $2 AND EXISTS (SELECT FROM webhooks WHERE enabled) AND coalesce(m.erased_id, c.id) IS NOT NULL
        ORDER BY b.id, m.joined, m.customer_key
        """;

    // Whom nobody is told of any more, that they joined: gone. That they left is told once more, as of one that was erased. An erasure may
    // come after a customer that has the id by now has joined, by a segment's rebuild say: what is about a stay of that one is left alone.
    // It is told as of now: the stay itself may be an anonymous customer's by now, and the same instant would say whose.
    private const string ForgetErased =
        """
        WITH e AS MATERIALIZED (SELECT unnest($1) AS erased_id),
        others AS MATERIALIZED (
          SELECT c.id, s.key AS segment_key, x.joined, b.at
          FROM e JOIN customers c ON c.id = e.erased_id
          JOIN memberships m ON m.customer_key = c.key
          CROSS JOIN LATERAL (VALUES (true, m.joined_batch), (false, m.left_batch)) x (joined, batch)
          JOIN membership_batches b ON b.id = x.batch
          JOIN segments s ON s.id = m.segment_id),
        own AS MATERIALIZED (
          SELECT d.id, d.state > 0 OR d.joined OR d.id < max(d.id) FILTER (WHERE d.state = 0 AND NOT d.joined)
            OVER (PARTITION BY d.webhook_key, d.segment_key, d.customer_id) AS is_gone
          FROM e JOIN webhook_deliveries d
            ON d.customer_key = hashtextextended(e.erased_id COLLATE "C", 0) AND d.customer_id = e.erased_id
          WHERE NOT EXISTS (
            SELECT FROM others o
            WHERE o.id = d.customer_id AND o.segment_key = d.segment_key AND o.joined = d.joined AND o.at = d.at)),
        gone AS (DELETE FROM webhook_deliveries d USING own WHERE d.id = own.id AND own.is_gone)
        UPDATE webhook_deliveries d SET cause = 8, event_id = NULL, at = coalesce(b.at, d.at), queued_at = coalesce(b.at, d.queued_at)
        FROM own LEFT JOIN (SELECT at FROM membership_batches ORDER BY id DESC LIMIT 1) b ON true
        WHERE d.id = own.id AND NOT own.is_gone
        """;

    // What is still to be told of the segment says less than that all have left, but for that a customer was erased.
    private const string InsertDeleted =
        $"""
        WITH followers AS MATERIALIZED (
          SELECT w.key, d.key AS segment_key, d.name, d.version, b.at
          FROM deleted_segments d
          JOIN membership_batches b ON b.id = d.batch
          JOIN webhooks w ON w.enabled AND (cardinality(w.segments) = 0 OR d.key = ANY (w.segments))
          WHERE d.segment_id = $1),
        superseded AS (
          DELETE FROM webhook_deliveries m USING followers f
          WHERE m.webhook_key = f.key AND m.state = 0 AND m.segment_key = f.segment_key AND m.cause <> 8)
        {Insert}
        SELECT f.key, hashtextextended(f.segment_key, 1), NULL, f.segment_key, f.name, f.version, false, 4, NULL, f.at, f.at, f.at,
          gen_random_uuid(), 0, 0
        FROM followers f
        """;

    /// <summary>Queues a message for each customer that joined or left in the revisions and each enabled webhook of the segment.</summary>
    public Task RevisionsWrittenAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, long first, long last, CancellationToken cancellation) =>
            ExecuteAsync(
                connection, transaction, InsertChanges, cancellation, SqlParameter.Create(first), SqlParameter.Create(last));

    /// <summary>
    /// Deletes the messages about customers that were erased, whatever came of them. What stays is that they left, until it is told or a
    /// day has passed.
    /// </summary>
    public Task CustomersErasedAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, string[] ids, CancellationToken cancellation) =>
            ExecuteAsync(connection, transaction, ForgetErased, cancellation, SqlParameter.Create(ids));

    /// <summary>Queues a message for each enabled webhook of the segment, in the place of those about it that are not sent yet.</summary>
    public Task SegmentDeletedAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, int segment, CancellationToken cancellation) =>
            ExecuteAsync(connection, transaction, InsertDeleted, cancellation, SqlParameter.Create(segment));

    private static async Task ExecuteAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, string sql, CancellationToken cancellation,
        params NpgsqlParameter[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, connection, transaction);
        command.Parameters.AddRange(parameters);
        await command.ExecuteNonQueryAsync(cancellation);
    }
}
