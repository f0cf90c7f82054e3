using Npgsql;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Data;

/// <summary>
/// The time zones that .NET and PostgreSQL both know: one that either did not know could fail a whole query for one customer's sake.
/// </summary>
public sealed class TimeZones
{
    /// <summary>What is said of a segment's or rule's zone that is none.</summary>
    public const string Rule = "A time zone is an IANA name: \"Europe/Berlin\".";

    private readonly Dictionary<string, string> names;

    private TimeZones(IEnumerable<string> known) =>
        names = known.Where(n => LocalTime.TryFind(n, out _)).DistinctBy(n => n, StringComparer.OrdinalIgnoreCase).ToDictionary(n => n, StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads the zones that this database's server knows.</summary>
    public static async Task<TimeZones> ReadAsync(NpgsqlDataSource database, CancellationToken cancellation)
    {
        await using var command = database.CreateCommand("SELECT name FROM pg_timezone_names ORDER BY name");
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        List<string> known = [];
        while (await reader.ReadAsync(cancellation))
        {
            known.Add(reader.GetString(0));
        }

        return new TimeZones(known);
    }

    /// <summary>The zone's own spelling of a name given in any case; null when it is no known zone.</summary>
    public string? Canonical(string name) => names.GetValueOrDefault(name);
}
