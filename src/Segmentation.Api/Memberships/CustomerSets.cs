using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>What some rules read of events.</summary>
/// <param name="Types">Those whose events they count; null for all.</param>
/// <param name="WithProperties">Those of whose events they read properties; null for all.</param>
internal sealed record EventsRead(IReadOnlySet<string>? Types, IReadOnlySet<string>? WithProperties);

/// <summary>Loads sets of customers with all that rules read of them, in one round trip.</summary>
internal sealed class CustomerSets(NpgsqlDataSource source, CustomerRowReaders readers)
{
    /// <summary>The customers of these keys that exist.</summary>
    /// <param name="events">What of their events is needed; null for nothing. Of a customer with more than <see cref="CustomerSnapshots.MaxEvents"/> none are loaded.</param>
    public async Task<List<Customer>> LoadAsync(SegmentationDb model, long[] keys, EventsRead? events, CancellationToken cancellation)
    {
        var (customerRows, _) = readers.Get(model);
        await using var connection = await source.OpenConnectionAsync(cancellation);
        await using var batch = new NpgsqlBatch(connection);
        Add($"SELECT {customerRows.Columns} FROM customers WHERE key = ANY ($1)");
        Add("SELECT customer_key, segment_id FROM memberships WHERE customer_key = ANY ($1) AND left_batch IS NULL");
        Add("SELECT customer_key, segment_id FROM manual_members WHERE customer_key = ANY ($1)");
        if (events is not null)
        {
            // What rules read, and no more: properties are dear to parse, and few rules ask for them.
            Add($"SELECT customer_key, occurred_at, type, amount, channel, CASE WHEN $3 IS NULL OR type = ANY ($3) THEN properties END FROM events "
                + $"WHERE customer_key IN (SELECT key FROM customers WHERE key = ANY ($1) AND event_count <= {CustomerSnapshots.MaxEvents}) AND ($2 IS NULL OR type = ANY ($2))");
            foreach (var types in new[] { events.Types, events.WithProperties })
            {
                batch.BatchCommands[^1].Parameters.Add(new NpgsqlParameter { Value = (object?)types?.ToArray() ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
            }
        }

        var customers = new Dictionary<long, Customer>(keys.Length);
        await using var reader = await batch.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            var customer = customerRows.Read(reader);
            customers.Add(customer.Key, customer);
        }

        await reader.NextResultAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            if (customers.TryGetValue(reader.GetInt64(0), out var customer))
            {
                customer.MemberOf.Add(reader.GetInt32(1));
            }
        }

        await reader.NextResultAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            if (customers.TryGetValue(reader.GetInt64(0), out var customer))
            {
                customer.ManualMemberships.Add(new ManualMember { SegmentId = reader.GetInt32(1), CustomerKey = customer.Key });
            }
        }

        if (events is not null)
        {
            await reader.NextResultAsync(cancellation);
            while (await reader.ReadAsync(cancellation))
            {
                if (customers.TryGetValue(reader.GetInt64(0), out var customer))
                {
                    customer.Events.Add(new CustomerEvent
                    {
                        CustomerKey = customer.Key,
                        Id = "",
                        OccurredAt = reader.GetFieldValue<DateTimeOffset>(1),
                        Type = reader.GetString(2),
                        Amount = reader.IsDBNull(3) ? null : reader.GetDecimal(3),
                        Channel = reader.IsDBNull(4) ? null : reader.GetString(4),
                        Properties = reader.IsDBNull(5) ? null : reader.GetFieldValue<JsonElement>(5),
                        Customer = customer,
                    });
                }
            }
        }

        return [.. customers.Values];

        void Add(string sql) => batch.BatchCommands.Add(new NpgsqlBatchCommand(sql)
        {
            Parameters = { new NpgsqlParameter<long[]> { TypedValue = keys, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint } },
        });
    }
}
