using System.Buffers;
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

namespace Segmentation.Api.Memberships;

/// <summary>Reads sets of customers with what rules ask of them and no more: one statement, a row a customer.</summary>
internal sealed class CustomerReader(NpgsqlDataSource source, CustomerRowReaders readers)
{
    // Of more, all that an event carries is cheaper.
    private const int MostProperties = 3;

    // Between values in JSON, which has no control characters in it. Joined texts are cheaper to send than arrays.
    private const byte Separator = 1;

    // Of one row, at the same time: times, types, channels and properties.
    private const int MostArrays = 3 + MostProperties;

    private static readonly DateTimeOffset Epoch = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    // What events carry is often what others carry: then it is parsed once. Not where that is very different, or very long.
    private const int KnownAtOnce = 5_000;
    private const int KnownLength = 1024;
    private const int BufferBytes = 1024 * 1024;

    /// <summary>The customers of these keys that exist, one after the other: there may be more events of a thousand than memory is good for.</summary>
    /// <param name="concerned">Who is asked of them: what their rules read is loaded. All else is as in a new customer, but for the key and the number of events; of one with more than <see cref="CustomerSnapshots.MaxEvents"/> no events are loaded.</param>
    /// <param name="known">Of whom it is known which segments' stored membership has them.</param>
    /// <returns>Each customer, and whose stored membership has it.</returns>
    public async IAsyncEnumerable<(Customer Customer, SegmentSet Stored)> ReadAsync(
        SegmentationDb model, long[] keys, MembershipPlan plan, SegmentSet concerned, IReadOnlyDictionary<long, SegmentSet> known, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var (members, events) = (plan.MembersRead(concerned), plan.EventsRead(concerned));
        var row = readers.Get(model).Customers.Select(members.Append(nameof(Customer.Key)).Append(nameof(Customer.EventCount)).ToHashSet(StringComparer.Ordinal), "c");
        await using var connection = await source.OpenConnectionAsync(cancellation);
        await using var command = new NpgsqlCommand { Connection = connection };
        string Texts(IEnumerable<string> texts) => Parameter(SqlParameter.Create(texts.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Text));
        long[] unknown = [.. keys.Where(k => !known.ContainsKey(k))];
        var sql = new StringBuilder($"SELECT {row.Columns}, ")
            .Append(unknown.Length == 0 ? "NULL::bytea" : $"CASE WHEN c.key = ANY ({Parameter(SqlParameter.Create(unknown, NpgsqlDbType.Array | NpgsqlDbType.Bigint))}) THEN array_send(ARRAY(SELECT m.segment_id FROM memberships m WHERE m.customer_key = c.key AND m.left_batch IS NULL)) END").Append(", ")
            .Append(members.Contains(nameof(Customer.ManualMemberships)) ? "ARRAY(SELECT m.segment_id FROM manual_members m WHERE m.customer_key = c.key)" : "'{}'::integer[]");
        var first = row.Count + 2;
        string[]? properties = events?.Properties is { Count: <= MostProperties } few ? [.. few] : null;
        if (events is not null)
        {
            // What they carry is dear to send and to parse, and few rules ask for much of it.
            var carrying = events.Carrying is { Count: > 0 } some ? $"e.type = ANY ({Texts(some)})" : "true";
            IEnumerable<string> carried = properties is null ? ["e.properties"] : properties.Select(p => $"e.properties -> {Parameter(SqlParameter.Create(p, NpgsqlDbType.Text))}");
            IEnumerable<string> columns =
            [
                "array_agg(e.amount)", "string_agg(timestamptz_send(e.occurred_at), '')", "array_send(array_agg(e.type))", .. events.Channel ? ["array_send(array_agg(e.channel))"] : Array.Empty<string>(),
                .. carried.Select(c => $"string_agg(CASE WHEN {carrying} THEN coalesce(({c})::text, '') ELSE '' END, chr({Separator}))"),
            ];
            sql.Append(", e.* FROM customers c CROSS JOIN LATERAL (SELECT ").AppendJoin(", ", columns)
                .Append(" FROM events e WHERE e.customer_key = c.key AND c.event_count <= ").Append(CustomerSnapshots.MaxEvents)
                .Append(events.Types is { } types ? $" AND e.type = ANY ({Texts(types)})" : "").Append(") e");
        }
        else
        {
            sql.Append(" FROM customers c");
        }

        command.CommandText = sql.Append(" WHERE c.key = ANY (").Append(Parameter(SqlParameter.Create(keys, NpgsqlDbType.Array | NpgsqlDbType.Bigint))).Append(')').ToString();
        string[] labels = [.. (properties ?? []).Select(p => $"\"{JsonEncodedText.Encode(p)}\":")];
        var texts = new HashSet<string>(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
        var parsed = new Dictionary<string, JsonElement>(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
        var text = new ArrayBufferWriter<char>();
        byte[][] buffers = [.. Enumerable.Repeat<byte[]>([], MostArrays)];
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            var customer = row.Read(reader);
            if (!known.TryGetValue(customer.Key, out var stored))
            {
                stored = new SegmentSet(plan.Segments.Count);
                foreach (var segment in new PostgresArray(Bytes(row.Count, 0)))
                {
                    if (plan.ById.TryGetValue(BinaryPrimitives.ReadInt32BigEndian(segment), out var kept))
                    {
                        stored.Set(kept.Place, true);
                    }
                }
            }

            foreach (var place in plan.Referred)
            {
                if (stored.Contains(place))
                {
                    customer.MemberOf.Add(plan.Segments[place].Segment.Id);
                }
            }

            foreach (var segment in reader.GetFieldValue<int[]>(row.Count + 1))
            {
                customer.ManualMemberships.Add(new ManualMember { SegmentId = segment, CustomerKey = customer.Key });
            }

            if (events is not null && !reader.IsDBNull(first))
            {
                AddEvents(customer);
            }

            yield return (customer, stored);
        }

        void AddEvents(Customer customer)
        {
            var amounts = reader.GetFieldValue<decimal?[]>(first);
            var (times, types, next) = (Bytes(first + 1, 0), new PostgresArray(Bytes(first + 2, 1)), first + 3);
            var channels = events.Channel ? new PostgresArray(Bytes(next++, 2)) : default;
            ReadOnlyMemory<byte>[] carried = [.. Enumerable.Range(0, properties?.Length ?? 1).Select(n => Bytes(next + n, 3 + n))];
            customer.Events.Capacity = amounts.Length;
            for (var i = 0; i < amounts.Length; i++)
            {
                _ = types.MoveNext() | channels.MoveNext();
                customer.Events.Add(new CustomerEvent
                {
                    CustomerKey = customer.Key,
                    Id = "",
                    OccurredAt = Epoch.AddTicks(BinaryPrimitives.ReadInt64BigEndian(times.Span[(i * sizeof(long))..]) * TimeSpan.TicksPerMicrosecond),
                    Type = Known(types.Current),
                    Amount = amounts[i],
                    Channel = events.Channel && !channels.IsNull ? Known(channels.Current) : null,
                    Properties = Parse(carried),
                    Customer = customer,
                });
            }
        }

        // What one row's column has is read before the next row's is.
        ReadOnlyMemory<byte> Bytes(int column, int buffer)
        {
            var length = (int)reader.GetBytes(column, 0, null, 0, 0);
            var bytes = length <= buffers[buffer].Length ? buffers[buffer] : new byte[length + (length / 8)];
            if (length <= BufferBytes)
            {
                buffers[buffer] = bytes;
            }

            reader.GetBytes(column, 0, bytes, 0, length);
            return bytes.AsMemory(0, length);
        }

        // Types and channels: there are few, and they are short.
        string Known(ReadOnlySpan<byte> utf8)
        {
            text.ResetWrittenCount();
            Encoding.UTF8.GetChars(utf8, text);
            if (!texts.TryGetValue(text.WrittenSpan, out var same))
            {
                same = text.WrittenSpan.ToString();
                if (texts.Set.Count < KnownAtOnce)
                {
                    texts.Set.Add(same);
                }
            }

            return same;
        }

        // All that the event carries, or an object of those properties that it has.
        JsonElement? Parse(ReadOnlyMemory<byte>[] carried)
        {
            text.ResetWrittenCount();
            for (var n = 0; n < carried.Length; n++)
            {
                var end = carried[n].Span.IndexOf(Separator) is >= 0 and var at ? at : carried[n].Length;
                var value = carried[n].Span[..end];
                carried[n] = carried[n][Math.Min(end + 1, carried[n].Length)..];
                if (!value.IsEmpty)
                {
                    if (properties is not null)
                    {
                        text.Write(text.WrittenCount == 0 ? "{" : ",");
                        text.Write(labels[n]);
                    }

                    Encoding.UTF8.GetChars(value, text);
                }
            }

            if (text.WrittenCount == 0)
            {
                return null;
            }

            if (properties is not null)
            {
                text.Write("}");
            }

            if (!parsed.TryGetValue(text.WrittenSpan, out var element))
            {
                element = JsonElement.Parse(text.WrittenSpan);
                if (parsed.Dictionary.Count < KnownAtOnce && text.WrittenCount <= KnownLength)
                {
                    parsed[text.WrittenSpan] = element;
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
}
