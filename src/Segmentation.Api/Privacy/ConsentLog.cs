using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Data;

namespace Segmentation.Api.Privacy;

/// <summary>Appends consents: one by itself, or those that came as documents, <c>{"PURPOSE":{"granted","at"}}</c>, as customers hold and
/// imports send them.</summary>
internal static class ConsentLog
{
    /// <summary>A statement that appends one record, with what proves it.</summary>
    public static NpgsqlBatchCommand Append(ConsentRecord record) => new(
        """
        INSERT INTO consent_records (customer_key, purpose, granted, at, received_at, source, policy_version, evidence)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """)
    {
        Parameters =
        {
            SqlParameter.Create(record.CustomerKey), SqlParameter.Create(record.Purpose), SqlParameter.Create(record.Granted),
            SqlParameter.Create(record.At), SqlParameter.Create(record.ReceivedAt), SqlParameter.Create(record.Source),
            Text(record.PolicyVersion), Text(record.Evidence),
        },
    };

    /// <summary>SQL that appends a record of each consent that differs from the last received of its instant: what was said already is not
    /// said anew, however often it is sent. It returns <c>id</c>, <c>customer_key</c>, <c>purpose</c>, <c>granted</c> and <c>at</c>.
    /// </summary>
    /// <param name="rows">Rows with <c>key</c> and <c>consents</c>.</param>
    /// <param name="source">A literal or a parameter.</param>
    public static string AppendSql(string rows, string source) =>
        $"""
        INSERT INTO consent_records AS c (customer_key, purpose, granted, at, received_at, source)
        SELECT r.key, e.key, (e.value->>'granted')::boolean, (e.value->>'at')::timestamptz, now(), {source}
        FROM {rows} AS r CROSS JOIN LATERAL jsonb_each(r.consents) AS e
        WHERE (e.value->>'granted')::boolean IS DISTINCT FROM (
            SELECT o.granted FROM consent_records o
            WHERE o.customer_key = r.key AND o.purpose = e.key AND o.at = (e.value->>'at')::timestamptz ORDER BY o.id DESC LIMIT 1)
        RETURNING c.id, c.customer_key, c.purpose, c.granted, c.at
        """;

    private static NpgsqlParameter Text(string? text) =>
        new() { Value = (object?)text ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text };
}
