using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Privacy;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Events;

/// <summary>An event on its way in.</summary>
/// <param name="Ordinal">Its number in the request: a line or an index.</param>
public readonly record struct IncomingEvent(string CustomerId, CustomerEvent Event, int Ordinal);

/// <summary>What became of a batch.</summary>
/// <param name="Stored">New events; those neither stored nor refused are duplicates.</param>
/// <param name="Created">Customers that were made for them.</param>
/// <param name="Refused">Events that can't be stored, each with the reason.</param>
internal sealed record StoredEvents(
    int Stored, int Created, IReadOnlyList<(IncomingEvent Event, string Pointer, string Message)> Refused);

/// <summary>
/// The only writer of events, and of what they add up to: a batch is one transaction, which adds to each customer's counters exactly what
/// it stored, whatever else is stored at the same time.
/// </summary>
public sealed class EventStore(
    SegmentationDb db, RevenueOptions revenue, FeedbackOptions feedback, Sentiments sentiments, ErasedIds erasedIds, TimeProvider time)
{
    private const string Erased = "The customer was erased: what occurred before that is not stored.";

    // What .NET reads back: 18 digits before the point and 9 after it.
    private const decimal MoneyBound = 1_000_000_000_000_000_000m;

    private readonly BulkTable<CustomerEvent> table = BulkTable<CustomerEvent>.For(db.Model);

    /// <summary>Stores events. Of those with one id for one customer the first one is stored, here and before.</summary>
    /// <param name="create">Whether unknown customers are created; else their events are refused.</param>
    internal async Task<StoredEvents> StoreAsync(IReadOnlyList<IncomingEvent> events, bool create, CancellationToken cancellation)
    {
        if (events.Count == 0)
        {
            return new StoredEvents(0, 0, []);
        }

        var customers = events.Select(e => e.CustomerId).ToHashSet(StringComparer.Ordinal);
        if (await TryStoreAsync(customers, () => new[] { events }.ToAsyncEnumerable(), create, cancellation) is { } result)
        {
            return result;
        }

        // Some customer's money grew past what can be read back: find the events that do it, and store the others.
        if (events.Count == 1)
        {
            return new StoredEvents(0, 0, [(events[0], "/amount", "amount must not bring the customer's lifetime value past 18 digits.")]);
        }

        var half = events.Count / 2;
        var first = await StoreAsync([.. events.Take(half)], create, cancellation);
        var second = await StoreAsync([.. events.Skip(half)], create, cancellation);
        return new StoredEvents(first.Stored + second.Stored, first.Created + second.Created, [.. first.Refused, .. second.Refused]);
    }

    /// <summary>The same for more events than are held in memory: all in one transaction, part by part.</summary>
    /// <param name="customers">Whose they are.</param>
    /// <param name="read">Reads them from the beginning, as often as it is asked to.</param>
    internal async Task<StoredEvents> StoreAsync(
        HashSet<string> customers, Func<IAsyncEnumerable<IReadOnlyList<IncomingEvent>>> read, bool create, CancellationToken cancellation)
    {
        if (await TryStoreAsync(customers, read, create, cancellation) is { } result)
        {
            return result;
        }

        var all = new StoredEvents(0, 0, []);
        await foreach (var part in read())
        {
            var one = await StoreAsync(part, create, cancellation);
            all = new StoredEvents(all.Stored + one.Stored, all.Created + one.Created, [.. all.Refused, .. one.Refused]);
        }

        return all;
    }

    // Null: nothing was stored, since a customer's sums would have grown too large.
    private Task<StoredEvents?> TryStoreAsync(
        HashSet<string> customers, Func<IAsyncEnumerable<IReadOnlyList<IncomingEvent>>> read, bool create,
        CancellationToken cancellation) =>
        Retry.OnDeadlockAsync(() => TryStoreOnceAsync(customers, read, create, cancellation), cancellation);

    private async Task<StoredEvents?> TryStoreOnceAsync(
        HashSet<string> customers, Func<IAsyncEnumerable<IReadOnlyList<IncomingEvent>>> read, bool create, CancellationToken cancellation)
    {
        await db.Database.OpenConnectionAsync(cancellation);
        try
        {
            var connection = (NpgsqlConnection)db.Database.GetDbConnection();
            await using var transaction = await db.BeginAsync(cancellation);
            var (keys, last) = await LockCustomersAsync(connection, customers, cancellation);
            var erased = last is { } until ? await FindErasedAsync(connection, read, until, cancellation) : [];
            var created = create
                ? await CreateCustomersAsync(connection, customers, keys, id => IsGone(erased, id), cancellation)
                : 0;
            var (stored, refused) = (0, new List<(IncomingEvent, string, string)>());
            await foreach (var part in read().WithCancellation(cancellation))
            {
                var rows = new List<CustomerEvent>(part.Count);
                foreach (var incoming in part)
                {
                    if (erased.TryGetValue(incoming.CustomerId, out var gone) && incoming.Event.OccurredAt < gone.At)
                    {
                        refused.Add((incoming, "/occurredAt", Erased));
                    }
                    else if (keys.TryGetValue(incoming.CustomerId, out var key))
                    {
                        incoming.Event.CustomerKey = key;
                        rows.Add(incoming.Event);
                    }
                    else
                    {
                        refused.Add((incoming, "/customerId", "There is no customer with this customerId."));
                    }
                }

                await sentiments.AssessAsync(connection, rows, cancellation);
                var (added, largest) = await InsertAsync(connection, rows, cancellation);
                if (largest >= MoneyBound)
                {
                    await transaction.RollbackAsync(cancellation);
                    return null;
                }

                stored += added;
            }

            await transaction.CommitAsync(cancellation);
            return new StoredEvents(stored, created, refused);
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
    }

    private static bool IsGone(Dictionary<string, (DateTimeOffset At, DateTimeOffset Latest)> erased, string id) =>
        erased.TryGetValue(id, out var gone) && gone.Latest < gone.At;

    // Who of those that something occurred to before the last erasure was erased, when, and when the latest of it occurred. What occurs
    // now costs nothing.
    private async Task<Dictionary<string, (DateTimeOffset At, DateTimeOffset Latest)>> FindErasedAsync(
        NpgsqlConnection connection, Func<IAsyncEnumerable<IReadOnlyList<IncomingEvent>>> read, DateTimeOffset until,
        CancellationToken cancellation)
    {
        var early = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var part in read().WithCancellation(cancellation))
        {
            early.UnionWith(part.Where(e => e.Event.OccurredAt < until).Select(e => e.CustomerId));
        }

        var found = (await erasedIds.FindAsync(connection, early, cancellation)).ToDictionary(
            f => f.Key, f => (At: f.Value, Latest: DateTimeOffset.MinValue), StringComparer.Ordinal);
        if (found.Count == 0)
        {
            return found;
        }

        await foreach (var part in read().WithCancellation(cancellation))
        {
            foreach (var (id, e, _) in part)
            {
                if (found.TryGetValue(id, out var gone) && e.OccurredAt > gone.Latest)
                {
                    found[id] = (gone.At, e.OccurredAt);
                }
            }
        }

        return found;
    }

    // Locked in the order of their ids, as in an import: then no two batches wait for each other. Whoever erases a customer waits too, and
    // whom others erased meanwhile the second statement sees: it tells when anybody was erased last.
    private static async Task<(Dictionary<string, long> Keys, DateTimeOffset? LastErased)> LockCustomersAsync(
        NpgsqlConnection connection, HashSet<string> ids, CancellationToken cancellation)
    {
        var keys = new Dictionary<string, long>(ids.Count, StringComparer.Ordinal);
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new NpgsqlBatchCommand(LockSql) { Parameters = { Texts([.. ids]) } }, new NpgsqlBatchCommand(ErasedIds.LastSql),
            },
        };
        await using var reader = await batch.ExecuteReaderAsync(cancellation);
        await ReadKeysAsync(reader, keys, cancellation);
        await reader.NextResultAsync(cancellation);
        await reader.ReadAsync(cancellation);
        return (keys, reader.IsDBNull(0) ? null : reader.GetFieldValue<DateTimeOffset>(0));
    }

    private const string LockSql = "SELECT id, key FROM customers WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE";

    // Those that there are not yet, but for those of whom all is refused.
    private async Task<int> CreateCustomersAsync(
        NpgsqlConnection connection, HashSet<string> ids, Dictionary<string, long> keys, Func<string, bool> isGone,
        CancellationToken cancellation)
    {
        var created = 0;
        while (true)
        {
            string[] missing = [.. ids.Where(id => !keys.ContainsKey(id) && !isGone(id))];
            if (missing is [])
            {
                return created;
            }

            var now = new NpgsqlParameter<DateTimeOffset>
            {
                TypedValue = LocalTime.Truncate(time.GetUtcNow()),
                NpgsqlDbType = NpgsqlDbType.TimestampTz
            };
            var made = await ExecuteAsync(
                $"""
                WITH created AS (
                INSERT INTO customers ({string.Join(", ", newCustomer.Select(c => c.Column))})
                SELECT {string.Join(", ", newCustomer.Select(c => c.Value))}
                FROM unnest($1, $2) AS fresh (id, id_folded) ORDER BY fresh.id ON CONFLICT (id) DO NOTHING RETURNING id, key),
                changes AS ({ChangeLog.AppendCreatedSql("created")})
                SELECT id, key FROM created
                """,
                [Texts(missing), Texts([.. missing.Select(CaseNormalizer.Normalize)!]), now]);
            created += made;
            if (made < missing.Length)
            {
                // Those that another created meanwhile.
                await ExecuteAsync(LockSql, [Texts([.. missing.Where(id => !keys.ContainsKey(id))])]);
            }
        }

        async Task<int> ExecuteAsync(string sql, NpgsqlParameter[] parameters)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            command.Parameters.AddRange(parameters);
            await using var reader = await command.ExecuteReaderAsync(cancellation);
            return await ReadKeysAsync(reader, keys, cancellation);
        }
    }

    private static async Task<int> ReadKeysAsync(NpgsqlDataReader reader, Dictionary<string, long> keys, CancellationToken cancellation)
    {
        var rows = 0;
        for (; await reader.ReadAsync(cancellation); rows++)
        {
            keys[reader.GetString(0)] = reader.GetInt64(1);
        }

        return rows;
    }

    // What a customer that was never sent starts with: every column that can't be empty.
    private readonly (string Column, string Value)[] newCustomer = [.. db.Model.FindEntityType(typeof(Customer))!.GetFlattenedProperties()
        .Where(p => !p.IsNullable && p.ValueGenerated == ValueGenerated.Never)
        .Select(p => (Column: p.GetColumnName(), p.ClrType))
        .Select(p => (p.Column, Value: p.Column switch
        {
            "id" => "fresh.id COLLATE \"C\"",
            "id_folded" => "fresh.id_folded",
            "created_at" or "updated_at" => "$3",
            "version" => "1",
            _ when p.ClrType.IsArray => "'{}'",
            _ => "0",
        }))];

    private async Task<(int Stored, decimal? Largest)> InsertAsync(
        NpgsqlConnection connection, List<CustomerEvent> rows, CancellationToken cancellation)
    {
        if (rows.Count == 0)
        {
            return (0, null);
        }

        await using var command = new NpgsqlCommand { Connection = connection };
        table.AddArrays(command.Parameters, rows);
        var arrays = string.Join(", ", Enumerable.Range(1, command.Parameters.Count).Select(i => $"${i}"));
        var first = command.Parameters.Count + 1;
        var (orders, refunds, answers) = ($"${first}", $"${first + 1}", $"${first + 2}");
        command.Parameters.Add(Texts(revenue.OrderTypes));
        command.Parameters.Add(Texts(revenue.RefundTypes));
        command.Parameters.Add(Texts(feedback.EventTypes));
        var felt = rows.Exists(r => r.Sentiment is not null);
        command.CommandText =
            $"""
            WITH stored AS (
                INSERT INTO events ({table.ColumnList}) SELECT {table.ColumnList} FROM unnest({arrays}) AS incoming ({table.ColumnList})
                ON CONFLICT DO NOTHING
                RETURNING customer_key, occurred_at, type, amount, id, sentiment),
            changes AS ({ChangeLog.AppendEventsSql("stored")}),
            unscored AS ({UnscoredCustomers.AppendSql("stored")}),
            added AS (
                SELECT customer_key, count(*)::integer AS events, min(occurred_at) AS first, max(occurred_at) AS last,
                    (count(*) FILTER (WHERE type = ANY ({orders})))::integer AS orders,
                    coalesce(sum(amount) FILTER (WHERE type = ANY ({orders})), 0) AS ordered,
                    coalesce(sum(abs(amount)) FILTER (WHERE type = ANY ({refunds})), 0) AS refunded,
                    min(occurred_at) FILTER (WHERE type = ANY ({orders})) AS first_order,
                    max(occurred_at) FILTER (WHERE type = ANY ({orders})) AS last_order,
                    max(occurred_at) FILTER (WHERE type = ANY ({answers})) AS last_feedback
                FROM stored GROUP BY customer_key),
            {(felt ? $"recent AS ({RecentSentiment.Sql(Felt)})," : "")}
            counted AS (
                UPDATE customers c SET
                    event_count = c.event_count + a.events,
                    first_event_at = least(c.first_event_at, a.first), last_event_at = greatest(c.last_event_at, a.last),
                    first_seen_at = least(c.first_seen_at, a.first), last_seen_at = greatest(c.last_seen_at, a.last),
                    order_count = c.order_count + a.orders,
                    order_amount = c.order_amount + a.ordered,
                    lifetime_value = c.lifetime_value + a.ordered - a.refunded,
                    first_order_at = least(c.first_order_at, a.first_order), last_order_at = greatest(c.last_order_at, a.last_order),
                    last_feedback_at = greatest(c.last_feedback_at, a.last_feedback)
                    {(felt ? $", {RecentSentiment.SetSql("r", "c")}" : "")}
                FROM added a {(felt ? "LEFT JOIN recent r ON r.customer_key = a.customer_key" : "")} WHERE c.key = a.customer_key
                RETURNING greatest(abs(c.order_amount), abs(c.lifetime_value)) AS money)
            SELECT (SELECT count(*) FROM stored)::integer, (SELECT max(least(money, {MoneyBound})) FROM counted)
            """;
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        await reader.ReadAsync(cancellation);
        return (reader.GetInt32(0), reader.IsDBNull(1) ? null : reader.GetDecimal(1));
    }

    // What a statement stores it does not see in the table: the latest are among these and those that were there.
    private static readonly string Felt =
        $"""
        SELECT customer_key, occurred_at, sentiment FROM stored WHERE sentiment IS NOT NULL
        UNION ALL SELECT before.* FROM (SELECT DISTINCT customer_key FROM stored WHERE sentiment IS NOT NULL) AS f
            CROSS JOIN LATERAL ({RecentSentiment.StoredSql("f.customer_key")}) AS before
        """;

    private static NpgsqlParameter<string[]> Texts(string[] texts) =>
        new() { TypedValue = texts, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text };
}
