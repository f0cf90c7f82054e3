using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Models;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Insight;

/// <summary>Finds RFM thresholds, and counts who has which scores by them: of now, or by the events up to a past instant.</summary>
public sealed class RfmCounts(SegmentationDb db, RevenueOptions revenue)
{
    // Those with an order.
    private const string Now = "SELECT last_order_at, order_count, lifetime_value FROM customers WHERE order_count > 0";

    // By the events that are kept, and those that were forgotten. greatest leaves out what is null.
    private const string Then =
        """
        SELECT greatest(e.last_order_at, f.forgotten_last_order_at) AS last_order_at,
            coalesce(e.order_count, 0) + coalesce(f.forgotten_order_count, 0) AS order_count,
            coalesce(e.lifetime_value, 0) + coalesce(f.forgotten_lifetime_value, 0) AS lifetime_value
        FROM (
            SELECT customer_key, max(occurred_at) FILTER (WHERE type = ANY ($2)) AS last_order_at,
                (count(*) FILTER (WHERE type = ANY ($2)))::integer AS order_count,
                coalesce(sum(amount) FILTER (WHERE type = ANY ($2)), 0)
                - coalesce(sum(abs(amount)) FILTER (WHERE type = ANY ($3)), 0) AS lifetime_value
            FROM events WHERE occurred_at <= $1 AND type = ANY ($2 || $3) GROUP BY customer_key) AS e
        FULL JOIN (SELECT * FROM customers WHERE forgotten_event_count > 0) AS f ON f.key = e.customer_key
        WHERE coalesce(e.order_count, 0) + coalesce(f.forgotten_order_count, 0) > 0
        """;

    private static readonly int[] Scale = [.. Enumerable.Range(1, RecencyFrequencyValue.Scores)];

    /// <summary>Who has which scores by given thresholds.</summary>
    /// <param name="thresholds">They.</param>
    /// <param name="past">An instant in the past; null for now.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task<Rfm> CountAsync(RfmThresholds thresholds, DateTimeOffset? past, CancellationToken cancellation)
    {
        // width_bucket counts the thresholds that a value reaches; those that none reaches are the last.
        var (source, parameters) = Source(past);
        var first = parameters.Length + 1;
        var counts = await db.QueryAsync(
            $"""
            SELECT width_bucket(last_order_at, ${first}), width_bucket(order_count, ${first + 1}),
                width_bucket(lifetime_value, ${first + 2}), count(*), sum(lifetime_value)
            FROM ({source}) c GROUP BY 1, 2, 3
            """,
            row => new Count(
                1 + row.GetInt32(0), RecencyFrequencyValue.Combine(1 + row.GetInt32(1), 1 + row.GetInt32(2)),
                row.GetInt64(3), row.GetDecimal(4)),
            cancellation,
            [
                .. parameters,
                SqlParameter.Create(
                    thresholds.LastOrderAt.OfType<DateTimeOffset>().ToArray(), NpgsqlDbType.Array | NpgsqlDbType.TimestampTz),
                SqlParameter.Create(thresholds.OrderCount.OfType<int>().ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Integer),
                SqlParameter.Create(thresholds.LifetimeValue.OfType<decimal>().ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Numeric),
            ]);
        var scored = thresholds.Exist ? counts : [];
        var cells = (from recency in Scale.Reverse()
                     from frequencyMonetary in Scale
                     let some = scored.Where(c => c.Recency == recency && c.FrequencyMonetary == frequencyMonetary).ToList()
                     select new RfmCell(
                         recency, frequencyMonetary, RfmGroups.Name(RecencyFrequencyValue.Name(recency, frequencyMonetary)),
                         some.Sum(c => c.Customers), some.Sum(c => c.LifetimeValue))).ToList();
        var all = counts.Sum(c => c.Customers);
        return new Rfm(
            thresholds.Exist ? thresholds.ComputedAt : null,
            all,
            thresholds.Exist
                ? new RfmScale(thresholds.LastOrderAt, thresholds.OrderCount, thresholds.LifetimeValue)
                : new RfmScale([null, null, null, null], [null, null, null, null], [null, null, null, null]),
            cells,
            [.. RfmGroups.Names.Select(group => CountGroup(group, [.. cells.Where(c => c.Group == group)], all))]);
    }

    /// <summary>The thresholds of the customers that there are; null where none has an order.</summary>
    /// <param name="at">The instant that they will be of.</param>
    /// <param name="past">The instant to look at where it is in the past; null for now.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task<RfmThresholds?> FindAsync(DateTimeOffset at, DateTimeOffset? past, CancellationToken cancellation)
    {
        var recency = await CountValuesAsync<DateTimeOffset>("last_order_at", past, cancellation);
        if (recency.Count == 0)
        {
            return null;
        }

        return new RfmThresholds
        {
            ComputedAt = LocalTime.Truncate(at),
            Customers = recency.Sum(r => r.Customers),
            LastOrderAt = RecencyFrequencyValue.FindThresholds(recency),
            OrderCount = RecencyFrequencyValue.FindThresholds(await CountValuesAsync<int>("order_count", past, cancellation)),
            LifetimeValue = RecencyFrequencyValue.FindThresholds(await CountValuesAsync<decimal>("lifetime_value", past, cancellation)),
        };
    }

    private static RfmGroupCount CountGroup(string group, List<RfmCell> cells, long all)
    {
        var rule = $$"""{"combinator":"and","rules":[{"field":"{{RfmGroups.Field}}","operator":"=","value":"{{group}}"}]}""";
        var customers = cells.Sum(c => c.Customers);
        var share = all == 0 ? 0 : Math.Round((decimal)customers / all, 8);
        return new RfmGroupCount(group, customers, share, cells.Sum(c => c.LifetimeValue), JsonElement.Parse(rule));
    }

    // Each value, with how many have it.
    private Task<List<(T Value, long Customers)>> CountValuesAsync<T>(
        string column, DateTimeOffset? past, CancellationToken cancellation)
    {
        var (source, parameters) = Source(past);
        return db.QueryAsync(
            $"SELECT {column}, count(*) FROM ({source}) c GROUP BY 1 ORDER BY 1",
            row => (row.GetFieldValue<T>(0), row.GetInt64(1)), cancellation, parameters);
    }

    private (string Sql, NpgsqlParameter[] Parameters) Source(DateTimeOffset? past)
    {
        const NpgsqlDbType texts = NpgsqlDbType.Array | NpgsqlDbType.Text;
        return past is { } at
            ? (Then,
                [
                    SqlParameter.Create(at, NpgsqlDbType.TimestampTz), SqlParameter.Create(revenue.OrderTypes, texts),
                    SqlParameter.Create(revenue.RefundTypes, texts),
                ])
            : (Now, []);
    }

    private sealed record Count(int Recency, int FrequencyMonetary, long Customers, decimal LifetimeValue);
}
