using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Segments;
using Segmentation.Rules;

namespace Segmentation.Api.Memberships;

/// <summary>What some rules read of events: their types and times, amounts, and this.</summary>
/// <param name="Types">Those whose events they count; null for all.</param>
/// <param name="Channel">Whether they read channels.</param>
/// <param name="Carrying">The types of whose events they read properties; null for all.</param>
/// <param name="Properties">Those properties, by their names at the top.</param>
internal sealed record EventsRead(IReadOnlySet<string>? Types, bool Channel, IReadOnlySet<string>? Carrying, IReadOnlySet<string> Properties);

/// <summary>Reads sets of customers with what rules ask of them and no more: one statement, a row a customer.</summary>
internal sealed class CustomerSets(NpgsqlDataSource source, CustomerRowReaders readers)
{
    // Of more, all that an event carries is cheaper.
    private const int MostProperties = 3;

    private static readonly DateTimeOffset Epoch = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    // What events carry is often what others carry: then it is parsed once.
    private const int ParsedAtOnce = 5_000;

    /// <summary>The customers of these keys that exist, one after the other: there may be more events of a thousand than memory is good for.</summary>
    /// <param name="members">What of them is needed, as paths (<see cref="CompiledRule{T}.MembersRead"/>); all else is as in a new customer, but for the key, the number of events and the stored memberships.</param>
    /// <param name="events">What of their events is needed; null for nothing. Of a customer with more than <see cref="CustomerSnapshots.MaxEvents"/> none are loaded.</param>
    public async IAsyncEnumerable<Customer> ReadAsync(
        SegmentationDb model, long[] keys, IReadOnlySet<string> members, EventsRead? events, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var row = readers.Get(model).Customers.Of(members.Append(nameof(Customer.Key)).Append(nameof(Customer.EventCount)).ToHashSet(StringComparer.Ordinal), "c");
        await using var connection = await source.OpenConnectionAsync(cancellation);
        await using var command = new NpgsqlCommand { Connection = connection };
        string Texts(IEnumerable<string> texts) => Parameter(MembershipWriter.Of(texts.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Text));
        var sql = new StringBuilder($"SELECT {row.Columns}, ARRAY(SELECT m.segment_id FROM memberships m WHERE m.customer_key = c.key AND m.left_batch IS NULL), ")
            .Append(members.Contains(nameof(Customer.ManualMemberships)) ? "ARRAY(SELECT m.segment_id FROM manual_members m WHERE m.customer_key = c.key)" : "'{}'::integer[]");
        var first = row.Count + 2;
        string[]? properties = events?.Properties is { Count: <= MostProperties } few ? [.. few] : null;
        if (events is not null)
        {
            // What they carry is dear to send and to parse, and few rules ask for much of it.
            var carrying = events.Carrying is { Count: > 0 } some ? $"e.type = ANY ({Texts(some)})" : "true";
            IEnumerable<string> carried = properties is null ? ["e.properties"] : properties.Select(p => $"e.properties -> {Parameter(MembershipWriter.Of(p, NpgsqlDbType.Text))}");
            IEnumerable<string> columns = ["e.amount", .. events.Channel ? ["e.channel"] : Array.Empty<string>(), .. carried.Select(c => $"CASE WHEN {carrying} THEN ({c})::text END")];
            sql.Append(", e.* FROM customers c CROSS JOIN LATERAL (SELECT array_send(array_agg(e.occurred_at)), array_send(array_agg(e.type)), ").AppendJoin(", ", columns.Select(c => $"array_agg({c})"))
                .Append(" FROM events e WHERE e.customer_key = c.key AND c.event_count <= ").Append(CustomerSnapshots.MaxEvents)
                .Append(events.Types is { } types ? $" AND e.type = ANY ({Texts(types)})" : "").Append(") e");
        }
        else
        {
            sql.Append(" FROM customers c");
        }

        command.CommandText = sql.Append(" WHERE c.key = ANY (").Append(Parameter(MembershipWriter.Of(keys, NpgsqlDbType.Array | NpgsqlDbType.Bigint))).Append(')').ToString();
        string[] labels = [.. (properties ?? []).Select(p => $"\"{JsonEncodedText.Encode(p)}\":")];
        var known = new HashSet<string>(StringComparer.Ordinal);
        var byText = known.GetAlternateLookup<ReadOnlySpan<char>>();
        var parsed = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            var customer = row.Read(reader);
            customer.MemberOf.UnionWith(reader.GetFieldValue<int[]>(row.Count));
            foreach (var segment in reader.GetFieldValue<int[]>(row.Count + 1))
            {
                customer.ManualMemberships.Add(new ManualMember { SegmentId = segment, CustomerKey = customer.Key });
            }

            if (events is not null && !reader.IsDBNull(first))
            {
                AddEvents(customer);
            }

            yield return customer;
        }

        void AddEvents(Customer customer)
        {
            var times = new PostgresArray(reader.GetFieldValue<byte[]>(first)).GetEnumerator();
            var types = new PostgresArray(reader.GetFieldValue<byte[]>(first + 1)).GetEnumerator();
            var amounts = reader.GetFieldValue<decimal?[]>(first + 2);
            var channels = events.Channel ? reader.GetFieldValue<string?[]>(first + 3) : null;
            var carried = Enumerable.Range(first + (events.Channel ? 4 : 3), properties?.Length ?? 1).Select(reader.GetFieldValue<string?[]>).ToArray();
            customer.Events.Capacity = times.Count;
            for (var i = 0; times.MoveNext() && types.MoveNext(); i++)
            {
                customer.Events.Add(new CustomerEvent
                {
                    CustomerKey = customer.Key,
                    Id = "",
                    OccurredAt = Epoch.AddTicks(BinaryPrimitives.ReadInt64BigEndian(times.Current) * TimeSpan.TicksPerMicrosecond),
                    Type = Known(types.Current),
                    Amount = amounts[i],
                    Channel = channels?[i],
                    Properties = (properties is null ? carried[0][i] : Join(labels, carried, i)) is { } json ? Parse(json) : null,
                    Customer = customer,
                });
            }
        }

        // There are few, and they are short.
        string Known(ReadOnlySpan<byte> utf8)
        {
            Span<char> type = stackalloc char[utf8.Length];
            type = type[..Encoding.UTF8.GetChars(utf8, type)];
            if (!byText.TryGetValue(type, out var text))
            {
                known.Add(text = type.ToString());
            }

            return text;
        }

        JsonElement Parse(string json)
        {
            if (!parsed.TryGetValue(json, out var element))
            {
                element = JsonElement.Parse(json);
                if (parsed.Count < ParsedAtOnce)
                {
                    parsed.Add(json, element);
                }
            }

            return element;
        }

        string Parameter(NpgsqlParameter parameter)
        {
            command.Parameters.Add(parameter);
            return $"${command.Parameters.Count}";
        }
    }

    // An object of those properties that the event has.
    private static string? Join(string[] labels, string?[][] values, int i)
    {
        string? all = null;
        for (var n = 0; n < labels.Length; n++)
        {
            if (values[n][i] is { } value)
            {
                all = string.Concat(all is null ? "{" : all + ",", labels[n], value);
            }
        }

        return all is null ? null : all + "}";
    }
}
