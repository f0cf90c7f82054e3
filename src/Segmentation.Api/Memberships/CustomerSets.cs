using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>Loads sets of customers with all that rules read of them, in one round trip.</summary>
internal sealed class CustomerSets(NpgsqlDataSource source, CustomerRowReaders readers)
{
    /// <summary>The customers of these keys that exist.</summary>
    /// <param name="events">Whether their events are needed. Of a customer with more than <see cref="CustomerSnapshots.MaxEvents"/> none are loaded.</param>
    public async Task<List<Customer>> LoadAsync(SegmentationDb model, long[] keys, bool events, CancellationToken cancellation)
    {
        var (customerRows, eventRows) = readers.Get(model);
        await using var connection = await source.OpenConnectionAsync(cancellation);
        await using var batch = new NpgsqlBatch(connection);
        Add($"SELECT {customerRows.Columns} FROM customers WHERE key = ANY ($1)");
        Add("SELECT customer_key, segment_id FROM memberships WHERE customer_key = ANY ($1) AND left_batch IS NULL");
        Add("SELECT customer_key, segment_id FROM manual_members WHERE customer_key = ANY ($1)");
        if (events)
        {
            Add($"SELECT {eventRows.Columns} FROM events WHERE customer_key IN (SELECT key FROM customers WHERE key = ANY ($1) AND event_count <= {CustomerSnapshots.MaxEvents})");
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

        if (events)
        {
            await reader.NextResultAsync(cancellation);
            while (await reader.ReadAsync(cancellation))
            {
                var e = eventRows.Read(reader);
                if (customers.TryGetValue(e.CustomerKey, out var customer))
                {
                    e.Customer = customer;
                    customer.Events.Add(e);
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
