using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Rules;

namespace Segmentation.Api.Segments;

/// <summary>
/// Which segments one customer is in: loads the customer with its events in one round trip, and evaluates every active segment in
/// memory, by the functions that the same compiler makes of the same trees.
/// </summary>
public sealed class CustomerSnapshots(SegmentationDb db, DefinitionCache cache, SegmentQuery query, CustomerRowReaders readers, RevenueOptions revenue)
{
    /// <summary>A customer with more events than this is left to SQL, which reads only those that a rule asks for.</summary>
    public const int MaxEvents = 20_000;

    // How many have less, and how many there are. Counted from the end that is nearer by the planner's statistics: these say only where
    // to begin, what is counted is exact.
    private const string Rank = """
        WITH mine AS MATERIALIZED (SELECT lifetime_value AS value FROM customers WHERE id = $1),
            bounds AS (SELECT histogram_bounds::text::numeric[] AS b FROM pg_stats WHERE schemaname = current_schema AND tablename = 'customers' AND attname = 'lifetime_value')
        SELECT CASE WHEN (SELECT value FROM mine) > (SELECT b[(1 + cardinality(b)) / 2] FROM bounds)
            THEN t.customers - (SELECT count(*) FROM customers WHERE lifetime_value >= (SELECT value FROM mine))
            ELSE (SELECT count(*) FROM customers WHERE lifetime_value < (SELECT value FROM mine)) END, t.customers
        FROM customer_total t
        """;

    /// <summary>Keys and names of the active segments that a customer is in.</summary>
    /// <exception cref="ApiProblem">404: there is no such customer.</exception>
    public async Task<(IReadOnlyList<SegmentDefinition> Segments, DateTimeOffset EvaluatedAt)> EvaluateActiveAsync(
        string id, DateTimeOffset? asOf, CancellationToken cancellation)
    {
        var (all, customer, at, historical) = await LoadAsync(id, asOf, (d, h) => d.CompileActive(h), cancellation);
        if (customer.EventCount > MaxEvents)
        {
            List<SegmentDefinition> matching = [];
            foreach (var segment in all.Active)
            {
                if (await InSqlAsync(all, segment, customer.Key, asOf, cancellation))
                {
                    matching.Add(segment);
                }
            }

            return (matching, at);
        }

        var (compiled, clock) = (all.CompileActive(historical), new Evaluation(at, "UTC"));
        return ([.. all.Active.Where((s, i) => compiled[i].Contains(customer, clock.In(s.TimeZone)))], at);
    }

    /// <summary>Whether a customer is in one segment.</summary>
    /// <exception cref="ApiProblem">404: there is no such customer, or no such segment.</exception>
    public async Task<(bool Member, DateTimeOffset EvaluatedAt)> EvaluateAsync(string key, string id, DateTimeOffset? asOf, CancellationToken cancellation)
    {
        var (all, customer, at, historical) = await LoadAsync(id, asOf, (d, h) => [d.Compile(d.Find(key), h)], cancellation);
        var segment = all.Find(key);
        return customer.EventCount > MaxEvents
            ? (await InSqlAsync(all, segment, customer.Key, asOf, cancellation), at)
            : (all.Compile(segment, historical).Contains(customer, new Evaluation(at, segment.TimeZone)), at);
    }

    /// <summary>Why a customer is in a segment, or not: the rule tree with what each node found.</summary>
    /// <exception cref="ApiProblem">404; 409 for a customer of too many events to load.</exception>
    public async Task<Explanation> ExplainAsync(string key, string id, DateTimeOffset? asOf, CancellationToken cancellation)
    {
        var (all, customer, at, historical) = await LoadAsync(id, asOf, (d, h) => [d.Compile(d.Find(key), h)], cancellation);
        var segment = all.Find(key);
        if (customer.EventCount > MaxEvents)
        {
            throw ApiProblem.Conflict($"This customer has more than {MaxEvents} events; explanations are for fewer.");
        }

        var compiled = all.Compile(segment, historical);
        var clock = new Evaluation(at, segment.TimeZone);
        return new Explanation(compiled.Contains(customer, clock), at, compiled.Rule is { IsValid: true } rule ? Explanation.Create(rule, customer, clock) : segment.Rule);
    }

    private async Task<bool> InSqlAsync(DefinitionSet all, SegmentDefinition segment, long key, DateTimeOffset? asOf, CancellationToken cancellation) =>
        await db.Customers.Where(c => c.Key == key).Where(query.CreatePredicate(all, segment, asOf, key).Predicate).AnyAsync(cancellation);

    // The definitions are taken for unchanged; their stamp comes with the customer and tells. Then one more look.
    private async Task<(DefinitionSet All, Customer Customer, DateTimeOffset At, bool Historical)> LoadAsync(
        string id, DateTimeOffset? asOf, Func<DefinitionSet, bool, IEnumerable<CompiledSegment>> asked, CancellationToken cancellation)
    {
        var all = cache.Latest ?? await cache.GetAsync(db, cancellation);
        while (true)
        {
            var (at, historical) = query.Clock(asOf);
            Customer? customer = null;
            var stamp = all.Version;
            try
            {
                (stamp, customer) = await ReadAsync(id, at, historical, asked(all, historical).Any(s => s.NeedsRank), cancellation);
            }
            catch (ApiProblem) when (cache.Latest is { } latest && latest.Version == all.Version)
            {
                // Not there as far as we know; make sure that we know.
                var fresh = await cache.GetAsync(db, cancellation);
                if (fresh.Version == all.Version)
                {
                    throw;
                }

                all = fresh;
                continue;
            }

            if (stamp == all.Version)
            {
                return customer is null ? throw ApiProblem.NotFound("customer") : (all, customer, at, historical);
            }

            all = await cache.GetAsync(db, cancellation);
        }
    }

    private async Task<(long Stamp, Customer? Customer)> ReadAsync(string id, DateTimeOffset at, bool historical, bool rank, CancellationToken cancellation)
    {
        var (customers, events) = readers.Get(db);
        await db.Database.OpenConnectionAsync(cancellation);
        await using var batch = new NpgsqlBatch((NpgsqlConnection)db.Database.GetDbConnection());
        Add("SELECT stamp FROM definition_stamp");
        Add($"SELECT {customers.Columns} FROM customers WHERE id = $1", id);
        Add($"SELECT {events.Columns} FROM events WHERE customer_key = (SELECT key FROM customers WHERE id = $1 AND event_count <= {MaxEvents})", id);
        Add("SELECT segment_id FROM manual_members WHERE customer_key = (SELECT key FROM customers WHERE id = $1)", id);
        if (rank && !historical)
        {
            Add(Rank, id);
        }
        else if (rank)
        {
            Add("WITH v AS MATERIALIZED (SELECT * FROM seg_lifetime_values_at($2, $3, $4)) SELECT count(*), (SELECT count(*) FROM v) FROM v WHERE v.lifetime_value < (SELECT mine.lifetime_value FROM v AS mine JOIN customers c ON c.key = mine.customer_key WHERE c.id = $1)", id);
            var last = batch.BatchCommands[^1].Parameters;
            last.Add(new NpgsqlParameter { Value = at, NpgsqlDbType = NpgsqlDbType.TimestampTz });
            last.Add(new NpgsqlParameter { Value = revenue.OrderTypes, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
            last.Add(new NpgsqlParameter { Value = revenue.RefundTypes, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        }

        try
        {
            await using var reader = await batch.ExecuteReaderAsync(cancellation);
            await reader.ReadAsync(cancellation);
            var stamp = reader.GetInt64(0);
            await reader.NextResultAsync(cancellation);
            if (!await reader.ReadAsync(cancellation))
            {
                return (stamp, null);
            }

            var customer = customers.Read(reader);
            await reader.NextResultAsync(cancellation);
            while (await reader.ReadAsync(cancellation))
            {
                var e = events.Read(reader);
                e.Customer = customer;
                customer.Events.Add(e);
            }

            await reader.NextResultAsync(cancellation);
            while (await reader.ReadAsync(cancellation))
            {
                customer.ManualMemberships.Add(new ManualMember { SegmentId = reader.GetInt32(0), CustomerKey = customer.Key });
            }

            if (rank)
            {
                await reader.NextResultAsync(cancellation);
                await reader.ReadAsync(cancellation);
                customer.Rank = (reader.GetInt64(0), reader.GetInt64(1));
            }

            return (stamp, customer);
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }

        void Add(string sql, string? customerId = null)
        {
            var command = new NpgsqlBatchCommand(sql);
            if (customerId is not null)
            {
                command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = customerId, NpgsqlDbType = NpgsqlDbType.Text });
            }

            batch.BatchCommands.Add(command);
        }
    }
}
