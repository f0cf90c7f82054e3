using System.Globalization;
using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Benchmarks;

namespace KillTests;

/// <summary>What must be true after a kill, once membership has settled.</summary>
internal sealed class KillChecks(NpgsqlDataSource source, KillLoad load, KillReceiver receiver, KillFailures failures)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly HashSet<string> seen = [];

    public long Memberships { get; private set; }

    /// <summary>Memberships that differed and then did not, which the passing of time alone may do.</summary>
    public int ByTime { get; private set; }

    public long Messages { get; private set; }

    /// <summary>Waits until all that was written before is in stored membership.</summary>
    public async Task<bool> SettleAsync(ApiProcess api)
    {
        var (since, until) = (DateTime.UtcNow, DateTimeOffset.UtcNow);
        var state = "";
        while (DateTime.UtcNow - since < Patience)
        {
            try
            {
                using var ready = await api.Http.GetAsync(new Uri("/health/ready", UriKind.Relative));
                state = await TextAsync(
                    $"""
                    SELECT concat_ws(', ',
                        CASE WHEN l.ready_stamp IS DISTINCT FROM s.stamp
                            THEN 'definitions ' || s.stamp || ', ready ' || coalesce(l.ready_stamp::text, 'none') END,
                        CASE WHEN l.kept_until < '{until:O}' THEN 'watermark ' || l.kept_until END,
                        (SELECT count(*) || ' rows of the change log' FROM membership_work HAVING count(*) > 0))
                    FROM membership_leader l, definition_stamp s
                    """);
                if (ready.IsSuccessStatusCode && state.Length == 0)
                {
                    return true;
                }
            }
            catch (Exception notYet) when (notYet is HttpRequestException or NpgsqlException or OperationCanceledException)
            {
                state = notYet.Message;
                if (api.HasExited)
                {
                    break;
                }
            }

            await Task.Delay(50);
        }

        failures.Add(
            $"not settled after {(DateTime.UtcNow - since).TotalSeconds:0} s: {(api.HasExited ? "the API has ended; " : "")}{state}");
        return false;
    }

    /// <param name="all">All events that were ever acknowledged; else those since the last time.</param>
    public async Task RunAsync(ApiProcess api, bool all)
    {
        await NoneAsync(
            "customers acknowledged that are not there",
            "SELECT a.id FROM unnest($1) AS a (id) WHERE NOT EXISTS (SELECT FROM customers c WHERE c.id = a.id)",
            [.. load.Customers.Keys]);
        string[] events = [.. load.Events.Keys.Where(id => seen.Add(id) || all)];
        await NoneAsync(
            "events acknowledged that are not there once", "SELECT a.id || ' ' || count(e.id) FROM unnest($1) AS a (id) "
                + "LEFT JOIN customers c ON c.id = split_part(a.id, '-', 1) LEFT JOIN events e ON e.customer_key = c.key AND e.id = a.id "
                + "GROUP BY a.id HAVING count(e.id) <> 1", events);
        await NoneAsync("events twice", "SELECT id || ' ' || count(*) FROM events WHERE id LIKE 'k%' GROUP BY id HAVING count(*) > 1");
        await NoneAsync(
            "events of nobody", "SELECT id FROM events e WHERE NOT EXISTS (SELECT FROM customers c WHERE c.key = e.customer_key)");
        await NoneAsync("customers whose counters are not what their events add up to",
            """
            SELECT concat_ws(' ', c.id, c.event_count, c.order_count, c.lifetime_value, c.order_amount,
                'but', e.events, e.orders, e.ordered - e.refunded, e.ordered) FROM customers c
            LEFT JOIN (SELECT customer_key, count(*) AS events, max(occurred_at) AS last,
                    count(*) FILTER (WHERE type = 'order_completed') AS orders,
                    coalesce(sum(amount) FILTER (WHERE type = 'order_completed'), 0) AS ordered,
                    coalesce(sum(abs(amount)) FILTER (WHERE type = 'order_refunded'), 0) AS refunded
                FROM events GROUP BY customer_key) e ON e.customer_key = c.key
            WHERE (c.event_count, c.order_count, c.lifetime_value, c.order_amount)
                    <> (coalesce(e.events, 0), coalesce(e.orders, 0), coalesce(e.ordered - e.refunded, 0), coalesce(e.ordered, 0))
                OR c.last_event_at IS DISTINCT FROM e.last
            """);
        await NoneAsync("two membership periods at a time", "SELECT segment_id || ' ' || customer_key FROM memberships "
            + "WHERE left_batch IS NULL GROUP BY segment_id, customer_key HAVING count(*) > 1");
        await NoneAsync(
            "membership periods of nobody, or of no segment",
            "SELECT segment_id || ' ' || customer_key FROM memberships m WHERE NOT EXISTS (SELECT FROM customers c "
                + "WHERE c.key = m.customer_key) OR NOT EXISTS (SELECT FROM segments s WHERE s.id = m.segment_id)");
        await NoneAsync("segments whose size is not the number of their members, or not what joined less what left",
            """
            SELECT concat_ws(' ', s.key, st.status, st.size, m.members, b.difference)
            FROM segments s LEFT JOIN membership_states st ON st.segment_id = s.id,
                LATERAL (SELECT count(*) AS members FROM memberships m WHERE m.segment_id = s.id AND m.left_batch IS NULL) m,
                LATERAL (SELECT coalesce(sum(joined - "left"), 0) AS difference FROM membership_batches b WHERE b.segment_id = s.id) b
            WHERE m.members <> b.difference
                OR (s.status = 'Active' AND (st.status IS DISTINCT FROM 'Ready' OR st.size <> m.members))
                OR (s.status <> 'Active' AND m.members > 0)
            """);
        await MembershipAsync(api);
        await MessagesAsync();
    }

    private async Task MembershipAsync(ApiProcess api)
    {
        var differ = await DifferencesAsync(api, await ActiveAsync());
        if (differ.Count == 0)
        {
            return;
        }

        // Each was evaluated at an instant of its own, and a window may have ended in between; then a moment later nothing differs.
        for (var again = 0; again < 3 && differ.Count > 0; again++)
        {
            await Task.Delay(1000);
            if (!await SettleAsync(api))
            {
                return;
            }

            var still = await DifferencesAsync(api, differ.Keys);
            ByTime += differ.Values.Sum(d => d.Count) - still.Values.Sum(d => d.Count);
            differ = still;
        }

        foreach (var (key, customers) in differ)
        {
            failures.Add($"{key}: stored membership is not the rule's for {customers.Count}: {string.Join(' ', customers.Take(20))}");
        }
    }

    private async Task<Dictionary<string, HashSet<string>>> DifferencesAsync(ApiProcess api, IEnumerable<string> segments)
    {
        var differ = new Dictionary<string, HashSet<string>>();
        foreach (var key in segments)
        {
            var stored = await ListAsync("SELECT c.id FROM memberships m JOIN segments s ON s.id = m.segment_id "
                + "JOIN customers c ON c.key = m.customer_key WHERE s.key = $1 AND m.left_batch IS NULL", key);
            using var request = new HttpRequestMessage(HttpMethod.Get, $"segments/{key}/members?fields=id&live=true");
            request.Headers.Accept.ParseAdd("application/x-ndjson");
            using var response = await api.Http.SendAsync(request);
            var text = await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync();
            var live = text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(l => JsonSerializer.Deserialize<JsonElement>(l).GetProperty("id").GetString()!)
                .ToHashSet();
            Memberships += live.Count;
            var difference = stored.Where(id => !live.Contains(id))
                .Select(id => $"-{id}")
                .Concat(live.Except(stored).Select(id => $"+{id}"))
                .ToHashSet();
            if (difference.Count > 0)
            {
                differ.Add(key, difference);
            }
        }

        return differ;
    }

    // For each who joined or left since the webhook was made, and is still there, a message has come.
    private async Task MessagesAsync()
    {
        if (receiver.Since is not { } since)
        {
            return;
        }

        // These first: what the passing of time changes after this is not waited for.
        var expected = await ListAsync(
            """
            SELECT concat_ws(' ', CASE WHEN x.joined THEN 'segment.joined' ELSE 'segment.left' END, s.key, c.id,
                (extract(epoch FROM b.at) * 1000000)::bigint)
            FROM membership_batches b JOIN segments s ON s.id = b.segment_id CROSS JOIN LATERAL (
                SELECT customer_key, true FROM memberships WHERE segment_id = b.segment_id AND joined_batch = b.id
                UNION ALL SELECT customer_key, false FROM memberships WHERE segment_id = b.segment_id AND left_batch = b.id)
                AS x (customer_key, joined)
            JOIN customers c ON c.key = x.customer_key WHERE b.id > $1::bigint AND s.key = ANY (string_to_array($2, ','))
            """, since.ToString(CultureInfo.InvariantCulture), string.Join(',', KillReceiver.Segments));

        var deadline = DateTime.UtcNow + Patience;
        while (await TextAsync("SELECT count(*)::text FROM webhook_deliveries WHERE state = 0") is not "0" and var pending)
        {
            if (DateTime.UtcNow > deadline)
            {
                failures.Add($"{pending} messages are not delivered after {Patience.TotalSeconds:0} s");
                return;
            }

            await Task.Delay(100);
        }

        Messages = expected.Count;
        Report("changes of which no message came", [.. expected.Where(e => !receiver.Messages.ContainsKey(e))]);
    }

    private async Task<List<string>> ActiveAsync() => await ListAsync("SELECT key FROM segments WHERE status = 'Active' ORDER BY key");

    private async Task NoneAsync(string what, string sql, string[]? ids = null)
    {
        await using var command = source.CreateCommand(sql);
        if (ids is not null)
        {
            command.Parameters.Add(
                new NpgsqlParameter<string[]> { TypedValue = ids, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        }

        Report(what, await ReadAsync(command));
    }

    private void Report(string what, List<string> found)
    {
        if (found.Count > 0)
        {
            failures.Add($"{found.Count} {what}: {string.Join("; ", found.Take(10))}");
        }
    }

    private async Task<List<string>> ListAsync(string sql, params string[] values)
    {
        await using var command = source.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Text });
        }

        return await ReadAsync(command);
    }

    private static async Task<List<string>> ReadAsync(NpgsqlCommand command)
    {
        var found = new List<string>();
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            found.Add(reader.GetString(0));
        }

        return found;
    }

    public async Task<string> TextAsync(string sql)
    {
        await using var command = source.CreateCommand(sql);
        return await command.ExecuteScalarAsync() as string ?? "";
    }
}
