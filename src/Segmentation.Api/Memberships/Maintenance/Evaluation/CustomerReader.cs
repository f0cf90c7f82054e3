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

/// <summary>Reads sets of customers with what rules read of them and no more: one statement, a row a customer.</summary>
internal sealed class CustomerReader(NpgsqlDataSource source, CustomerRowReaders readers)
{
    // Beyond that many, reading all properties of an event is cheaper.
    private const int MaxProperties = 3;

    // Between JSON values, which contain no control characters. Joined strings are cheaper to send than arrays.
    private const byte Separator = 1;

    // Times, types, channels, sources of sentiments and properties of one row are in memory at the same time.
    private const int MaxArrays = 4 + MaxProperties;

    private static readonly DateTimeOffset Epoch = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    // Events often have equal properties, which are then parsed once. The cache is bounded, and long ones stay out of it.
    private const int MaxCached = 5_000;
    private const int MaxCachedLength = 1024;
    private const int BufferBytes = 1024 * 1024;

    private const string SegmentsOfCustomer =
        "ARRAY(SELECT m.segment_id FROM memberships m WHERE m.customer_key = c.key AND m.left_batch IS NULL)";

    /// <summary>
    /// The customers of these keys that exist, one after the other: the events of a thousand may take more memory than is good.
    /// </summary>
    /// <param name="scope">
    /// The segments that they are evaluated for: what their rules read is loaded. All else is as in a new customer, but for the key and the
    /// number of events; of a customer with more than <see cref="CustomerSnapshots.MaxEvents"/> no events are loaded.
    /// </param>
    /// <param name="cached">The segments whose stored membership contains a customer, by its key, where that need not be read.</param>
    /// <returns>Each customer, and the segments whose stored membership contains it.</returns>
    public async IAsyncEnumerable<(Customer Customer, SegmentSet Stored)> ReadAsync(
        SegmentationDb db,
        long[] keys,
        MembershipPlan plan,
        SegmentSet scope,
        IReadOnlyDictionary<long, SegmentSet> cached,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        var (members, events) = (plan.MembersRead(scope), plan.EventsRead(scope));
        string[] columnMembers = [.. members, nameof(Customer.Key), nameof(Customer.EventCount)];
        var row = readers.Get(db).Customers.Select(columnMembers.ToHashSet(StringComparer.Ordinal), "c");
        await using var connection = await source.OpenConnectionAsync(cancellation);
        await using var command = new NpgsqlCommand { Connection = connection };
        string Texts(IEnumerable<string> texts) => Parameter(SqlParameter.Create(texts.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Text));
        string Keys(long[] values) => Parameter(SqlParameter.Create(values, NpgsqlDbType.Array | NpgsqlDbType.Bigint));
        long[] uncached = [.. keys.Where(k => !cached.ContainsKey(k))];
        var sql = new StringBuilder($"SELECT {row.Columns}, ")
            .Append(uncached.Length == 0
                ? "NULL::bytea"
                : $"CASE WHEN c.key = ANY ({Keys(uncached)}) THEN array_send({SegmentsOfCustomer}) END")
            .Append(", ")
            .Append(members.Contains(nameof(Customer.ManualMemberships))
                ? "ARRAY(SELECT m.segment_id FROM manual_members m WHERE m.customer_key = c.key)"
                : "'{}'::integer[]");
        var scores = members.Contains(nameof(Customer.Scores)) ? readers.Get(db).Scores.Select(ScoreColumns(members), "s") : null;
        if (scores is not null)
        {
            sql.Append(", ").Append(scores.Columns);
        }

        var first = row.Count + 2 + (scores?.Count ?? 0);
        var joined = scores is null ? "" : " LEFT JOIN customer_scores s ON s.customer_key = c.key";
        string[]? properties = events?.Properties is { Count: <= MaxProperties } few ? [.. few] : null;
        if (events is not null)
        {
            // Properties are expensive to send and to parse, and few rules read many of them.
            var isRead = events.PropertyTypes is { Count: > 0 } some ? $"e.type = ANY ({Texts(some)})" : "true";
            IEnumerable<string> values = properties is null
                ? ["e.properties"]
                : properties.Select(p => $"e.properties -> {Parameter(SqlParameter.Create(p, NpgsqlDbType.Text))}");
            IEnumerable<string> columns =
            [
                "array_agg(e.amount)",
                "string_agg(timestamptz_send(e.occurred_at), '')",
                "array_send(array_agg(e.type))",
                .. events.Channel ? ["array_send(array_agg(e.channel))"] : Array.Empty<string>(),
                .. events.Sentiment ? ["array_agg(e.sentiment)", "array_send(array_agg(e.sentiment_source))"] : Array.Empty<string>(),
                .. values.Select(v => $"string_agg(CASE WHEN {isRead} THEN coalesce(({v})::text, '') ELSE '' END, chr({Separator}))"),
            ];
            sql.Append(", e.* FROM customers c").Append(joined).Append(" CROSS JOIN LATERAL (SELECT ").AppendJoin(", ", columns)
                .Append(" FROM events e WHERE e.customer_key = c.key AND c.event_count <= ").Append(CustomerSnapshots.MaxEvents)
                .Append(events.Types is { } types ? $" AND e.type = ANY ({Texts(types)})" : "").Append(") e");
        }
        else
        {
            sql.Append(" FROM customers c").Append(joined);
        }

        command.CommandText = sql.Append(" WHERE c.key = ANY (").Append(Keys(keys)).Append(')').ToString();
        string[] labels = [.. (properties ?? []).Select(p => $"\"{JsonEncodedText.Encode(p)}\":")];
        var texts = new HashSet<string>(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
        var parsed = new Dictionary<string, JsonElement>(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
        var text = new ArrayBufferWriter<char>();
        byte[][] buffers = [.. Enumerable.Repeat<byte[]>([], MaxArrays)];
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            var customer = row.Read(reader);
            if (!cached.TryGetValue(customer.Key, out var stored))
            {
                stored = new SegmentSet(plan.Segments.Count);
                foreach (var segment in new PostgresArray(Bytes(row.Count, 0)))
                {
                    if (plan.ById.TryGetValue(BinaryPrimitives.ReadInt32BigEndian(segment), out var member))
                    {
                        stored.Set(member.Ordinal, true);
                    }
                }
            }

            foreach (var ordinal in plan.Referenced)
            {
                if (stored.Contains(ordinal))
                {
                    customer.MemberOf.Add(plan.Segments[ordinal].Segment.Id);
                }
            }

            foreach (var segment in reader.GetFieldValue<int[]>(row.Count + 1))
            {
                customer.ManualMemberships.Add(new ManualMember { SegmentId = segment, CustomerKey = customer.Key });
            }

            customer.Scores = scores?.Read(reader, row.Count + 2);
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
            var sentiments = events.Sentiment ? reader.GetFieldValue<decimal?[]>(next++) : null;
            var sources = events.Sentiment ? new PostgresArray(Bytes(next++, 3)) : default;
            ReadOnlyMemory<byte>[] values = [.. Enumerable.Range(0, properties?.Length ?? 1).Select(n => Bytes(next + n, 4 + n))];
            customer.Events.Capacity = amounts.Length;
            for (var i = 0; i < amounts.Length; i++)
            {
                _ = types.MoveNext() | channels.MoveNext() | sources.MoveNext();
                customer.Events.Add(new CustomerEvent
                {
                    CustomerKey = customer.Key,
                    Id = "",
                    OccurredAt = ReadTime(times.Span[(i * sizeof(long))..]),
                    Type = Intern(types.Current),
                    Amount = amounts[i],
                    Channel = events.Channel && !channels.IsNull ? Intern(channels.Current) : null,
                    Sentiment = sentiments?[i],
                    SentimentSource = events.Sentiment && !sources.IsNull ? Intern(sources.Current) : null,
                    Properties = Parse(values),
                    Customer = customer,
                });
            }
        }

        // A buffer is used again for the same column of the next row.
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

        // For types and channels: there are few, and they are short.
        string Intern(ReadOnlySpan<byte> utf8)
        {
            text.ResetWrittenCount();
            Encoding.UTF8.GetChars(utf8, text);
            if (!texts.TryGetValue(text.WrittenSpan, out var same))
            {
                same = text.WrittenSpan.ToString();
                if (texts.Set.Count < MaxCached)
                {
                    texts.Set.Add(same);
                }
            }

            return same;
        }

        // All properties of the event, or an object of those that are read and that it has.
        JsonElement? Parse(ReadOnlyMemory<byte>[] values)
        {
            text.ResetWrittenCount();
            for (var n = 0; n < values.Length; n++)
            {
                var end = values[n].Span.IndexOf(Separator) is >= 0 and var at ? at : values[n].Length;
                var value = values[n].Span[..end];
                values[n] = values[n][Math.Min(end + 1, values[n].Length)..];
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
                if (parsed.Dictionary.Count < MaxCached && text.WrittenCount <= MaxCachedLength)
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

    private static HashSet<string> ScoreColumns(IReadOnlySet<string> members)
    {
        const string prefix = nameof(Customer.Scores) + ".";
        return [.. members.Where(m => m.StartsWith(prefix, StringComparison.Ordinal)).Select(m => m[prefix.Length..])];
    }

    private static DateTimeOffset ReadTime(ReadOnlySpan<byte> microseconds) =>
        Epoch.AddTicks(BinaryPrimitives.ReadInt64BigEndian(microseconds) * TimeSpan.TicksPerMicrosecond);
}
