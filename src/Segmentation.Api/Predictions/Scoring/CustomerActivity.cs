using System.Runtime.CompilerServices;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;

namespace Segmentation.Api.Predictions;

/// <summary>A customer's days with events and with orders; days count from 1970-01-01.</summary>
/// <param name="Customer">Its key.</param>
/// <param name="ActiveDays">Days with at least one event.</param>
/// <param name="FirstDay">The first of them.</param>
/// <param name="LastDay">The last.</param>
/// <param name="OrderDays">Days with at least one order.</param>
/// <param name="FirstOrderDay">The first of them; 0 without any.</param>
/// <param name="LastOrderDay">The last.</param>
/// <param name="PaidDays">Days whose orders' amounts together are above 0.</param>
/// <param name="PaidAmount">The sum of these.</param>
/// <param name="FirstAmount">The amount of the first day with an order.</param>
internal readonly record struct CustomerActivity(
    long Customer, int ActiveDays, int FirstDay, int LastDay, int OrderDays, int FirstOrderDay, int LastOrderDay, int PaidDays,
    decimal PaidAmount, decimal FirstAmount)
{
    // Below, a mean of days between active days says nothing.
    private const int MinimumActiveDays = 4;

    /// <summary>Days since the last active day by the mean days between active days; null below four of these.</summary>
    public decimal? FindSilence(int today) => ActiveDays < MinimumActiveDays
        ? null
        : Math.Round(
            (decimal)Math.Max(today - LastDay, 0) * (ActiveDays - 1) / (LastDay - FirstDay), 3, MidpointRounding.AwayFromZero);

    /// <summary>What models of lifetime value read; null without an order.</summary>
    /// <param name="day">The day to look at, none of whose orders are later.</param>
    public CustomerPurchases? FindPurchases(int day)
    {
        if (OrderDays == 0)
        {
            return null;
        }

        var (paid, amount) = FirstAmount > 0 ? (PaidDays - 1, PaidAmount - FirstAmount) : (PaidDays, PaidAmount);
        var mean = paid == 0 ? 0 : Math.Round(amount / paid, 6, MidpointRounding.AwayFromZero);
        var recency = LastOrderDay - FirstOrderDay;
        return new CustomerPurchases(OrderDays - 1, recency, Math.Max(day - FirstOrderDay, recency), paid, mean);
    }

    /// <summary>
    /// Reads everybody's, or some customers', in the order of their keys: those with an event. One pass over an index that has a
    /// customer's events together; a connection that does not hash them has them sorted within each customer, which takes half the time.
    /// </summary>
    /// <param name="connection">One that nothing else uses meanwhile.</param>
    /// <param name="keys">Whose; null for everybody's.</param>
    /// <param name="zone">The IANA name of the zone whose days they are.</param>
    /// <param name="orders">The types of orders.</param>
    /// <param name="ordersBefore">Later orders don't count.</param>
    /// <param name="cancellation">Ends it.</param>
    public static async IAsyncEnumerable<CustomerActivity> ReadAsync(
        NpgsqlConnection connection, long[]? keys, string zone, string[] orders, DateTimeOffset ordersBefore,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            $"""
            SELECT customer_key, count(*)::integer, min(day), max(day), (count(*) FILTER (WHERE ordered))::integer,
                coalesce(min(day) FILTER (WHERE ordered), 0), coalesce(max(day) FILTER (WHERE ordered), 0),
                (count(*) FILTER (WHERE amount > 0))::integer, coalesce(sum(amount) FILTER (WHERE amount > 0), 0),
                coalesce((min(ARRAY[day, amount]) FILTER (WHERE ordered))[2], 0)
            FROM (
                SELECT customer_key, (occurred_at AT TIME ZONE $1)::date - DATE '1970-01-01' AS day,
                    bool_or(type = ANY ($2) AND occurred_at < $3) AS ordered,
                    sum(amount) FILTER (WHERE type = ANY ($2) AND occurred_at < $3) AS amount
                FROM events WHERE {RestrictedCustomers.ExceptSql("customer_key")} {(keys is null ? "" : "AND customer_key = ANY ($4)")}
                GROUP BY 1, 2) AS d
            GROUP BY 1
            """,
            connection)
        {
            CommandTimeout = 0,
            Parameters =
            {
                SqlParameter.Create(zone, NpgsqlDbType.Text),
                SqlParameter.Create(orders, NpgsqlDbType.Array | NpgsqlDbType.Text),
                SqlParameter.Create(ordersBefore, NpgsqlDbType.TimestampTz),
            },
        };
        if (keys is not null)
        {
            command.Parameters.Add(SqlParameter.Create(keys, NpgsqlDbType.Array | NpgsqlDbType.Bigint));
        }

        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            yield return new CustomerActivity(
                reader.GetInt64(0), reader.GetInt32(1), reader.GetInt32(2), reader.GetInt32(3), reader.GetInt32(4), reader.GetInt32(5),
                reader.GetInt32(6), reader.GetInt32(7), reader.GetDecimal(8), reader.GetDecimal(9));
        }
    }
}
