using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Data;

namespace Segmentation.Api.Events;

/// <summary>
/// Gives the events of a customer that became anonymous new ids, which begin with the customer's, and takes away all properties that are
/// not kept: some at a time, and anew from wherever that was stopped.
/// </summary>
internal static class AnonymousEvents
{
    /// <summary>What a receipt counts them as.</summary>
    public const string Counted = "eventIds";

    /// <summary>Common table expressions, of which <c>done</c> has the ids that some events had.</summary>
    public static readonly string DoneSql =
        $"""
        done AS MATERIALIZED (
            SELECT id FROM events WHERE customer_key = $1 AND id > $2 AND NOT starts_with(id, $3) ORDER BY id LIMIT $4),
        changed AS (
            UPDATE events SET id = $3 || gen_random_uuid(), properties = {KeptSql("properties")},
                properties_sent = CASE WHEN jsonb_typeof(properties_sent) = 'object' THEN {KeptSql("properties_sent")} END
            WHERE customer_key = $1 AND id = ANY (ARRAY(SELECT id FROM done)))
        """;

    /// <param name="customer">The customer's key.</param>
    /// <param name="id">The id that it has now.</param>
    /// <param name="after">The last id of the statement before; nothing for the first one.</param>
    /// <param name="keep">The names of properties that stay.</param>
    public static NpgsqlParameter[] Parameters(long customer, string id, string after, int limit, IReadOnlyList<string> keep) =>
    [
        SqlParameter.Create(customer), SqlParameter.Create(after), SqlParameter.Create($"{id}_"), SqlParameter.Create(limit),
        SqlParameter.Create(keep.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Text),
    ];

    private static string KeptSql(string properties) =>
        $"(SELECT jsonb_object_agg(p.key, p.value) FROM jsonb_each({properties}) p WHERE p.key = ANY ($5))";
}
