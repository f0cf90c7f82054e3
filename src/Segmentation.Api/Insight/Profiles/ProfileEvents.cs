using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Data;

namespace Segmentation.Api.Insight;

/// <summary>Customers who did something, by how often.</summary>
/// <param name="Type">Folded.</param>
/// <param name="Sent">As it is mostly spelled.</param>
/// <param name="Times">For each number of events above 0, from the least: how many members and others.</param>
internal sealed record EventCounts(string Type, string Sent, List<(double Value, long Members, long Others)> Times)
{
    public long Members => Times.Sum(t => t.Members);

    public long Others => Times.Sum(t => t.Others);
}

/// <summary>Counts who did what in the last days; the events are read once, into a temporary table of customers, types and channels.
/// </summary>
internal sealed class ProfileEvents(ProfileSides sides, DateTimeOffset from)
{
    /// <summary>The temporary table.</summary>
    public const string Table = "profile_events";

    private const int MaxTypes = 100;

    /// <summary>Reads the events.</summary>
    public async Task CreateAsync(CancellationToken cancellation)
    {
        await using (var command = sides.Create(
            $"""
            CREATE TEMPORARY TABLE {Table} ON COMMIT DROP AS
            SELECT s.key, s.member, e.type, e.channel, e.n FROM (
                SELECT customer_key, type, channel, count(*) AS n FROM events WHERE occurred_at >= $1 AND occurred_at <= $2
                GROUP BY customer_key, type, channel) e
            JOIN {ProfileSides.Table} s ON s.key = e.customer_key
            """))
        {
            AddWindow(command);
            await command.ExecuteNonQueryAsync(cancellation);
        }

        await sides.ExecuteAsync($"ANALYZE {Table}", cancellation);
    }

    /// <summary>The types that most customers have, the most frequent first.</summary>
    public async Task<List<EventCounts>> CountTypesAsync(CancellationToken cancellation)
    {
        List<EventCounts> types = [];
        await using (var command = sides.Create(
            $"""
            SELECT type, n::float8, count(*) FILTER (WHERE member), count(*) FILTER (WHERE NOT member) FROM (
                SELECT type, key, member, sum(n) AS n FROM {Table} GROUP BY type, key, member) t
            GROUP BY type, n ORDER BY type, n
            """))
        await using (var reader = await command.ExecuteReaderAsync(cancellation))
        {
            while (await reader.ReadAsync(cancellation))
            {
                var type = reader.GetString(0);
                if (types.Count == 0 || types[^1].Type != type)
                {
                    Cut(types, 2 * MaxTypes);
                    types.Add(new EventCounts(type, type, []));
                }

                types[^1].Times.Add((reader.GetDouble(1), reader.GetInt64(2), reader.GetInt64(3)));
            }
        }

        Cut(types, MaxTypes);
        return await SpellAsync(types, cancellation);
    }

    /// <summary>Who did an event whose property has a value, of the 200 that most have.</summary>
    /// <returns>The value as JSON, as it is mostly spelled, with how many.</returns>
    public async Task<List<(string Kind, string Value, long Members, long Others)>> CountPropertyAsync(
        string type, string[] path, int minimumGroup, CancellationToken cancellation)
    {
        await using var command = sides.Create(
            $"""
            SELECT kind, (array_agg(sent ORDER BY n DESC, sent))[1], sum(m)::bigint, sum(n - m)::bigint FROM (
                SELECT kind, value, sent, count(*) FILTER (WHERE member) AS m, count(*) AS n FROM (
                    SELECT e.kind, e.value, min(e.sent COLLATE "C") AS sent, s.key, s.member FROM (
                        SELECT customer_key, jsonb_typeof(properties #> $4) AS kind,
                            CASE jsonb_typeof(properties #> $4) WHEN 'number' THEN trim_scale((properties #>> $4)::numeric)::text
                                ELSE properties #>> $4 END AS value,
                            coalesce(properties_sent #>> $4, properties #>> $4) AS sent
                        FROM events WHERE type = $3 AND occurred_at >= $1 AND occurred_at <= $2
                            AND jsonb_typeof(properties #> $4) IN ('string', 'number', 'boolean')) e
                    JOIN {ProfileSides.Table} s ON s.key = e.customer_key
                    GROUP BY e.kind, e.value, s.key, s.member) done
                GROUP BY kind, value, sent) spelled
            GROUP BY kind, value HAVING sum(n) >= $5 ORDER BY sum(n) DESC, kind, value LIMIT {ValueCounts.MaxValues}
            """);
        AddWindow(command);
        command.Parameters.Add(new() { Value = type, NpgsqlDbType = NpgsqlDbType.Text });
        command.Parameters.Add(new() { Value = path, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        command.Parameters.Add(new() { Value = (long)minimumGroup, NpgsqlDbType = NpgsqlDbType.Bigint });
        return await command.ReadAllAsync(
            row => (row.GetString(0), row.GetString(1), row.GetInt64(2), row.GetInt64(3)), cancellation);
    }

    /// <summary>The window's ends, as the first two parameters.</summary>
    public void AddWindow(NpgsqlCommand command)
    {
        command.Parameters.Add(new() { Value = from.UtcDateTime, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new() { Value = sides.At.AsOf.UtcDateTime, NpgsqlDbType = NpgsqlDbType.TimestampTz });
    }

    private static void Cut(List<EventCounts> types, int most)
    {
        if (types.Count >= most)
        {
            var kept = types.OrderByDescending(t => t.Members + t.Others).ThenBy(t => t.Type, StringComparer.Ordinal).Take(MaxTypes)
                .ToList();
            types.Clear();
            types.AddRange(kept);
        }
    }

    // By the last hundred of each.
    private async Task<List<EventCounts>> SpellAsync(List<EventCounts> types, CancellationToken cancellation)
    {
        await using var command = sides.Create(
            """
            SELECT t.type, (SELECT mode() WITHIN GROUP (ORDER BY coalesce(l.type_sent, l.type)) FROM (
                SELECT type, type_sent FROM events e WHERE e.type = t.type ORDER BY e.occurred_at DESC LIMIT 100) l)
            FROM unnest($1) AS t (type)
            """);
        command.Parameters.Add(
            new() { Value = types.Select(t => t.Type).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        var rows = await command.ReadAllAsync(row => (Type: row.GetString(0), Sent: row.GetString(1)), cancellation);
        var spelled = rows.ToDictionary(r => r.Type, r => r.Sent, StringComparer.Ordinal);
        return
        [
            .. types.OrderByDescending(t => t.Members + t.Others)
                .Select(t => t with { Sent = spelled.GetValueOrDefault(t.Type, t.Type) }),
        ];
    }
}
