using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Privacy;

namespace Segmentation.Api.Segments;

/// <summary>The statements that read one customer with what rules read of it: the last of a batch that may have others before.</summary>
/// <param name="at">The instant that it is evaluated at.</param>
/// <param name="historical">Whether that is in the past.</param>
/// <param name="needsRank">Whether a percentile is read.</param>
/// <param name="needsEvents">Whether events are, of a customer that has not too many.</param>
internal sealed class CustomerStatements(
    CustomerRowReaders.Both rows,
    RevenueOptions revenue,
    string id,
    DateTimeOffset at,
    bool historical,
    bool needsRank,
    bool needsEvents = true)
{
    // How many have less, and how many there are. Counted from the end that is nearer by the planner's statistics: these only decide where
    // to begin, the count is exact.
    private const string Rank = """
        WITH mine AS MATERIALIZED (SELECT lifetime_value AS value FROM customers WHERE id = $1),
            bounds AS (SELECT histogram_bounds::text::numeric[] AS b FROM pg_stats
                WHERE schemaname = current_schema AND tablename = 'customers' AND attname = 'lifetime_value')
        SELECT CASE WHEN (SELECT value FROM mine) > (SELECT b[(1 + cardinality(b)) / 2] FROM bounds)
            THEN t.customers - (SELECT count(*) FROM customers WHERE lifetime_value >= (SELECT value FROM mine))
            ELSE (SELECT count(*) FROM customers WHERE lifetime_value < (SELECT value FROM mine)) END, t.customers
        FROM customer_total t
        """;

    // The same at an instant in the past.
    private const string HistoricalRank = """
        WITH v AS MATERIALIZED (SELECT * FROM seg_lifetime_values_at($2, $3, $4))
        SELECT count(*), (SELECT count(*) FROM v) FROM v
        WHERE v.lifetime_value < (SELECT mine.lifetime_value FROM v AS mine JOIN customers c ON c.key = mine.customer_key WHERE c.id = $1)
        """;

    // The same of one who has just been created, and so is one more.
    private const string RankOfNew =
        "SELECT (SELECT count(*) FROM customers WHERE lifetime_value < 0), customers + 1 FROM customer_total";

    private const string HistoricalRankOfNew =
        "SELECT count(*) FILTER (WHERE lifetime_value < 0), count(*) + 1 FROM seg_lifetime_values_at($1, $2, $3)";

    private const NpgsqlDbType Texts = NpgsqlDbType.Array | NpgsqlDbType.Text;

    /// <summary>Adds a statement whose row is the rank of a customer who has just been created.</summary>
    public static void AddRankOfNew(NpgsqlBatch batch, RevenueOptions revenue, DateTimeOffset at, bool historical)
    {
        if (historical)
        {
            batch.Add(HistoricalRankOfNew, Historical(revenue, at));
        }
        else
        {
            batch.Add(RankOfNew);
        }
    }

    /// <summary>Adds them. The results are in this order: the customer, its events, its manual segments, its scores, its consents (of the
    /// past), its rank.</summary>
    public void AddTo(NpgsqlBatch batch)
    {
        var (customers, events, scores) = rows;
        batch.Add($"SELECT {customers.Columns} FROM customers WHERE id = $1", Id());
        if (needsEvents)
        {
            batch.Add(
                $"""
                SELECT {events.Columns} FROM events
                WHERE customer_key = (SELECT key FROM customers WHERE id = $1 AND event_count <= {CustomerSnapshots.MaxEvents})
                """,
                Id());
        }

        batch.Add("SELECT segment_id FROM manual_members WHERE customer_key = (SELECT key FROM customers WHERE id = $1)", Id());
        batch.Add($"SELECT {scores.Columns} FROM customer_scores WHERE customer_key = (SELECT key FROM customers WHERE id = $1)", Id());
        if (historical)
        {
            batch.Add(
                """
                SELECT id, purpose, granted, at FROM consent_records WHERE customer_key = (SELECT key FROM customers WHERE id = $1)
                """,
                Id());
        }

        if (needsRank && historical)
        {
            batch.Add(HistoricalRank, [Id(), .. Historical(revenue, at)]);
        }
        else if (needsRank)
        {
            batch.Add(Rank, Id());
        }
    }

    /// <summary>Reads the customer; null where there is none.</summary>
    /// <param name="reader">At the first of the results.</param>
    public async Task<Customer?> ReadAsync(NpgsqlDataReader reader, CancellationToken cancellation)
    {
        if (!await reader.ReadAsync(cancellation))
        {
            return null;
        }

        var customer = rows.Customers.Read(reader);
        await reader.NextResultAsync(cancellation);
        if (needsEvents)
        {
            while (await reader.ReadAsync(cancellation))
            {
                var e = rows.Events.Read(reader);
                e.Customer = customer;
                customer.Events.Add(e);
            }

            await reader.NextResultAsync(cancellation);
        }

        while (await reader.ReadAsync(cancellation))
        {
            customer.ManualMemberships.Add(new ManualMember { SegmentId = reader.GetInt32(0), CustomerKey = customer.Key });
        }

        await reader.NextResultAsync(cancellation);
        customer.Scores = await reader.ReadAsync(cancellation) ? rows.Scores.Read(reader) : null;
        if (historical)
        {
            await reader.NextResultAsync(cancellation);
            while (await reader.ReadAsync(cancellation))
            {
                customer.ConsentRecords.Add(new ConsentRecord
                {
                    Id = reader.GetInt64(0),
                    CustomerKey = customer.Key,
                    Purpose = reader.GetString(1),
                    Granted = reader.GetBoolean(2),
                    At = reader.GetFieldValue<DateTimeOffset>(3),
                    Source = "",
                });
            }
        }

        if (needsRank)
        {
            await reader.NextResultAsync(cancellation);
            await reader.ReadAsync(cancellation);
            customer.Rank = (reader.GetInt64(0), reader.GetInt64(1));
        }

        return customer;
    }

    private NpgsqlParameter Id() => SqlParameter.Create(id, NpgsqlDbType.Text);

    private static NpgsqlParameter[] Historical(RevenueOptions revenue, DateTimeOffset at) =>
    [
        SqlParameter.Create(at, NpgsqlDbType.TimestampTz),
        SqlParameter.Create(revenue.OrderTypes, Texts),
        SqlParameter.Create(revenue.RefundTypes, Texts),
    ];
}

/// <summary>Adds statements to a batch.</summary>
internal static class BatchExtensions
{
    /// <summary>Adds a statement with its parameters, in their order.</summary>
    public static void Add(this NpgsqlBatch batch, string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        batch.BatchCommands.Add(command);
    }
}
