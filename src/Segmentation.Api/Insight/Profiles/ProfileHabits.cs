using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Customers;

namespace Segmentation.Api.Insight;

/// <summary>
/// When and where customers are active: each customer's own shares of its events, averaged over those with any, so that the busy don't
/// drown the rest.
/// </summary>
internal sealed class ProfileHabits(ProfileSides sides, ProfileEvents events, SensitiveFields sensitive, int minimumGroup)
{
    private const int HoursOfWeek = 168;
    private const int MaxListed = 20;
    private const string Country = "geographic.country", TimeZone = "geographic.timeZone";

    public async Task<HabitsResult> ReadAsync(CancellationToken cancellation)
    {
        await sides.ExecuteAsync(
            $"""
            CREATE TEMPORARY TABLE profile_active ON COMMIT DROP AS
            SELECT key, member, sum(n)::float8 AS n FROM {ProfileEvents.Table} GROUP BY key, member
            """,
            cancellation);
        var (members, others) = await CountAsync(cancellation);
        var (hours, days) = await ReadClockAsync(members, others, cancellation);
        var channels = await ReadNamesAsync(
            $"""
            SELECT e.channel, sum(e.n / a.n) FILTER (WHERE a.member), sum(e.n / a.n) FILTER (WHERE NOT a.member), count(*) FROM (
                SELECT key, channel, sum(n) AS n FROM {ProfileEvents.Table} WHERE channel IS NOT NULL GROUP BY key, channel) e
            JOIN profile_active a ON a.key = e.key GROUP BY e.channel
            """,
            members, others, cancellation);
        var countries = await ReadNamesAsync(
            $"""
            SELECT c.geographic_country, count(*) FILTER (WHERE a.member)::float8, count(*) FILTER (WHERE NOT a.member)::float8, count(*)
            FROM profile_active a JOIN customers c ON c.key = a.key
            WHERE c.geographic_country IS NOT NULL AND {(sensitive.Includes(Country) ? "false" : "true")}
            GROUP BY c.geographic_country
            """,
            members, others, cancellation);
        return new HabitsResult(
            members, others, Unnamed(hours), Unnamed(days),
            [.. channels.Listed.Select(c => new HabitResult(c.Name, null, c.Members, c.Others))],
            [.. countries.Listed.Select(c => new HabitResult(null, c.Name, c.Members, c.Others))],
            [.. new[] { Country, TimeZone }.Where(f => !sensitive.Includes(f))],
            members == 0 || others == 0
                ? new HabitDistances(null, null, null, null)
                : new HabitDistances(Measure(hours), Measure(days), channels.Distance, countries.Distance));
    }

    private string Zone => sensitive.Includes(TimeZone) ? "NULL::text" : "c.geographic_time_zone";

    private async Task<(long Members, long Others)> CountAsync(CancellationToken cancellation)
    {
        await using var command = sides.Create(
            "SELECT count(*) FILTER (WHERE member), count(*) FILTER (WHERE NOT member) FROM profile_active");
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        await reader.ReadAsync(cancellation);
        return (reader.GetInt64(0), reader.GetInt64(1));
    }

    // 1 January 1970 was a Thursday, the fourth day.
    private async Task<((double, double)[] Hours, (double, double)[] Days)> ReadClockAsync(
        long members, long others, CancellationToken cancellation)
    {
        await using var command = sides.Create(
            $"""
            SELECT hour, sum(1 / n) FILTER (WHERE member), sum(1 / n) FILTER (WHERE NOT member) FROM (
                SELECT a.member, a.n, ((floor(extract(epoch FROM
                    e.occurred_at AT TIME ZONE coalesce({Zone}, $3)) / 3600)::bigint + 72) % {HoursOfWeek} + {HoursOfWeek})
                    % {HoursOfWeek} AS hour
                FROM events e JOIN profile_active a ON a.key = e.customer_key JOIN customers c ON c.key = a.key
                WHERE e.occurred_at >= $1 AND e.occurred_at <= $2) h
            GROUP BY hour
            """);
        events.AddWindow(command);
        command.Parameters.Add(new() { Value = sides.At.ZoneId, NpgsqlDbType = NpgsqlDbType.Text });
        var (hours, days) = (new (double, double)[24], new (double, double)[7]);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            var hour = (int)reader.GetInt64(0);
            var (m, o) = ReadShares(reader, members, others);
            hours[hour % 24] = (hours[hour % 24].Item1 + m, hours[hour % 24].Item2 + o);
            days[hour / 24] = (days[hour / 24].Item1 + m, days[hour / 24].Item2 + o);
        }

        return (hours, days);
    }

    private async Task<(IReadOnlyList<(string Name, double Members, double Others)> Listed, double Distance)> ReadNamesAsync(
        string sql, long members, long others, CancellationToken cancellation)
    {
        await using var command = sides.Create(sql);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        List<(string Name, double Members, double Others)> listed = [];
        var rest = (Members: 0.0, Others: 0.0);
        while (await reader.ReadAsync(cancellation))
        {
            var (m, o) = ReadShares(reader, members, others);
            if (reader.GetInt64(3) >= minimumGroup)
            {
                listed.Add((reader.GetString(0), m, o));
            }
            else
            {
                rest = (rest.Members + m, rest.Others + o);
            }
        }

        listed = [.. listed.OrderByDescending(l => l.Members + l.Others).ThenBy(l => l.Name, StringComparer.Ordinal)];
        rest = listed.Skip(MaxListed).Aggregate(rest, (sum, l) => (sum.Members + l.Members, sum.Others + l.Others));
        if (listed.Count > MaxListed)
        {
            listed.RemoveRange(MaxListed, listed.Count - MaxListed);
        }

        if (rest.Members + rest.Others > 0)
        {
            listed.Add(("other", rest.Members, rest.Others));
        }

        return (listed, Measure([.. listed.Select(l => (l.Members, l.Others))]));
    }

    private static (double Members, double Others) ReadShares(NpgsqlDataReader reader, long members, long others)
    {
        double Read(int column, long of) => reader.IsDBNull(column) || of == 0 ? 0 : reader.GetDouble(column) / of;
        return (Read(1, members), Read(2, others));
    }

    private static HabitResult[] Unnamed((double, double)[] shares) =>
        Array.ConvertAll(shares, s => new HabitResult(null, null, s.Item1, s.Item2));

    private static double Measure((double Members, double Others)[] shares) => shares.Sum(s => Math.Abs(s.Members - s.Others)) / 2;
}
