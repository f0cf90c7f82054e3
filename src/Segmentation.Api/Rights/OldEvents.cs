using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Rights;

/// <summary>
/// Deletes events that are older than <see cref="RetentionOptions.EventsDays"/>. What they added up to stays with their customers, and is
/// noted there as forgotten, so that it can be told of instants in the past, too.
/// </summary>
internal sealed class OldEvents(
    [FromKeyedServices(WorkClass.Keeper)] NpgsqlDataSource database, EventHorizonWatch horizon, RetentionOptions options,
    RevenueOptions revenue, FeedbackOptions feedback, RetentionThrottle throttle, TimeProvider time)
{
    // Locks and write-ahead log stay small, and others run between transactions.
    private const int RowsPerTransaction = 10_000;

    // One that was checked right before the horizon is stored by then; later its original would be gone, and it be counted twice.
    private static readonly TimeSpan Grace = TimeSpan.FromHours(1);

    private static readonly string Rewrite = RecentSentiment.RewriteSql(MembershipCause.Time);

    /// <summary>Deletes them. After a failure halfway, the next run goes on.</summary>
    /// <returns>How many.</returns>
    public async Task<long> DeleteAsync(CancellationToken cancellation)
    {
        if (options.EventsDays == 0)
        {
            return 0;
        }

        var before = LocalTime.Truncate(time.GetUtcNow().AddDays(-options.EventsDays) - Grace);
        await horizon.MoveAsync(before, cancellation);
        var total = 0L;
        foreach (var type in await ListTypesAsync(cancellation))
        {
            int found;
            do
            {
                found = await throttle.RunAsync(
                    () => Retry.OnDeadlockAsync(() => DeleteSomeAsync(type, before, cancellation), cancellation), cancellation);
                total += found;
            }
            while (found == RowsPerTransaction);
        }

        return total;
    }

    // The customers are locked first, in the order of their ids, as by all that write many. Each member's new value is reckoned from its
    // newest version, which the lock has waited for.
    private async Task<int> DeleteSomeAsync(string type, DateTimeOffset before, CancellationToken cancellation)
    {
        await using var connection = await database.OpenConnectionAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        await using var delete = new NpgsqlCommand(CreateSql(type), connection, transaction)
        {
            Parameters =
            {
                SqlParameter.Create(type), SqlParameter.Create(before, NpgsqlDbType.TimestampTz), SqlParameter.Create(RowsPerTransaction),
            },
        };
        var (found, felt) = (await delete.ReadAllAsync(r => (r.GetInt32(0), r.GetFieldValue<long[]>(1)), cancellation)).Single();
        if (felt.Length > 0)
        {
            // In a statement of its own, which sees what is left.
            await using var rewrite = new NpgsqlCommand(Rewrite, connection, transaction)
            {
                Parameters = { SqlParameter.Create(felt, NpgsqlDbType.Array | NpgsqlDbType.Bigint) },
            };
            await rewrite.ExecuteNonQueryAsync(cancellation);
        }

        await transaction.CommitAsync(cancellation);
        return found;
    }

    private string CreateSql(string type)
    {
        var order = revenue.OrderTypes.Contains(type);
        var value = (order, revenue.RefundTypes.Contains(type)) switch
        {
            (true, true) => "s.amount - s.absolute",
            (true, false) => "s.amount",
            (false, true) => "-s.absolute",
            _ => null,
        };
        string[] sums =
        [
            Add("event_count", "s.events"),
            Latest("last_event_at"),
            .. order
                ? [Add("order_count", "s.events"), Add("order_amount", "s.amount"), Latest("last_order_at"),
                    "forgotten_first_order_at = least(c.forgotten_first_order_at, s.first)"]
                : Array.Empty<string>(),
            .. value is null ? Array.Empty<string>() : [Add("lifetime_value", value)],
            .. feedback.EventTypes.Contains(type) ? [Latest("last_feedback_at")] : Array.Empty<string>(),
        ];
        return $"""
            WITH old AS MATERIALIZED (
                SELECT customer_key, id FROM events WHERE type = $1 AND occurred_at < $2 ORDER BY occurred_at LIMIT $3),
            locked AS MATERIALIZED (
                SELECT key FROM customers WHERE key = ANY (ARRAY(SELECT DISTINCT customer_key FROM old)) ORDER BY id FOR NO KEY UPDATE),
            gone AS (
                DELETE FROM events e USING old o
                WHERE (SELECT count(*) FROM locked) >= 0 AND e.customer_key = o.customer_key AND e.id = o.id
                RETURNING e.customer_key AS key, e.occurred_at, e.amount, e.sentiment),
            sums AS MATERIALIZED (
                SELECT key, count(*)::integer AS events, min(occurred_at) AS first, max(occurred_at) AS last,
                    coalesce(sum(amount), 0) AS amount, coalesce(sum(abs(amount)), 0) AS absolute, bool_or(sentiment IS NOT NULL) AS felt
                FROM gone JOIN locked USING (key) GROUP BY key),
            forgotten AS (UPDATE customers c SET {string.Join(", ", sums)} FROM sums s WHERE c.key = s.key),
            changes AS ({ChangeLog.AppendMembersSql(MembershipCause.Time, [nameof(Customer.Events)], "sums")})
            SELECT (SELECT count(*) FROM old)::integer, ARRAY(SELECT key FROM sums WHERE felt ORDER BY key)
            """;

        static string Add(string name, string by) => $"forgotten_{name} = coalesce(c.forgotten_{name}, 0) + {by}";
        static string Latest(string name) => $"forgotten_{name} = greatest(c.forgotten_{name}, s.last)";
    }

    // From one to the next through the index.
    private Task<List<string>> ListTypesAsync(CancellationToken cancellation) => database.QueryAsync(
        """
        WITH RECURSIVE t AS (
            (SELECT type FROM events ORDER BY type LIMIT 1)
            UNION ALL
            SELECT n.type FROM t CROSS JOIN LATERAL (SELECT type FROM events WHERE type > t.type ORDER BY type LIMIT 1) AS n)
        SELECT type FROM t
        """,
        r => r.GetString(0), cancellation);
}
