using Npgsql;
using Segmentation.Api.Changes;

namespace Segmentation.Api.Rights;

/// <summary>What is left of an erasure.</summary>
/// <param name="HasEvents">Events are still to be deleted, or made anonymous.</param>
/// <param name="HasImpressions">Impressions are still to be deleted.</param>
/// <param name="HasMemberships">The leader has not read the change log that far.</param>
/// <param name="Webhooks">Messages that it left which are still to be delivered.</param>
/// <param name="Streams">Segments whose streams still tell that it left.</param>
internal sealed record ErasureProgress(long Erasure, bool HasEvents, bool HasImpressions, bool HasMemberships, long Webhooks, long Streams)
{
    /// <summary>Reads those of erasures: the parameter is their ids.</summary>
    public static readonly string Sql =
        $"""
        SELECT q.erasure_id, q.has_events, q.visitors IS NOT NULL,
            EXISTS (SELECT {WorkSql}) OR EXISTS (SELECT {MembershipsSql}),
            (SELECT count(*) {MessagesSql}), (SELECT count(*) {StreamsSql})
        FROM erasure_queue q WHERE q.erasure_id = ANY ($1)
        """;

    /// <summary>Deletes from the queue what has nothing left.</summary>
    public static readonly string DequeueSql =
        $"""
        DELETE FROM erasure_queue q WHERE NOT has_events AND visitors IS NULL AND NOT EXISTS (SELECT {WorkSql})
            AND NOT EXISTS (SELECT {MembershipsSql}) AND NOT EXISTS (SELECT {MessagesSql}) AND NOT EXISTS (SELECT {StreamsSql})
        """;

    private static string WorkSql =>
        "FROM membership_work w WHERE w.erased_id IS NOT NULL AND hashtextextended(w.erased_id COLLATE \"C\", 0) = q.order_key";

    // Those of an anonymous customer stay.
    private static string MembershipsSql =>
        "FROM memberships m WHERE m.customer_key = q.customer_key AND NOT EXISTS (SELECT FROM customers c WHERE c.key = q.customer_key)";

    private static string MessagesSql =>
        $"FROM webhook_deliveries d WHERE d.cause = {(short)MembershipCause.Erased} AND d.customer_key = q.order_key";

    private static string StreamsSql =>
        "FROM erased_members e WHERE e.customer_id IS NOT NULL AND e.customer_key IN (q.customer_key, q.order_key)";

    public static ErasureProgress Read(NpgsqlDataReader row) =>
        new(row.GetInt64(0), row.GetBoolean(1), row.GetBoolean(2), row.GetBoolean(3), row.GetInt64(4), row.GetInt64(5));

    /// <summary>The same as a receipt says it.</summary>
    public IEnumerable<string> Remaining()
    {
        if (HasEvents)
        {
            yield return "events";
        }

        if (HasImpressions)
        {
            yield return "exposures";
        }

        if (HasMemberships)
        {
            yield return "memberships";
        }

        if (Webhooks > 0)
        {
            yield return $"webhooks: {Webhooks}";
        }

        if (Streams > 0)
        {
            yield return $"streams: {Streams}";
        }
    }
}
