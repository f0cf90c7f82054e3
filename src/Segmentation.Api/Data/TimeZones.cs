using Npgsql;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Data;

/// <summary>
/// The time zones that both .NET and PostgreSQL have: one that either lacks could fail a whole query because of one customer.
/// </summary>
public sealed class TimeZones
{
    /// <summary>The zone of a segment or rule that names none.</summary>
    public const string Default = "UTC";

    /// <summary>The error for a segment's or rule's zone that there is not.</summary>
    public const string Rule = "A time zone is an IANA name: \"Europe/Berlin\".";

    private readonly Dictionary<string, string> names;

    private TimeZones(IEnumerable<string> serverNames) => names = serverNames
        .Where(n => LocalTime.TryFind(n, out _))
        .DistinctBy(n => n, StringComparer.OrdinalIgnoreCase)
        .ToDictionary(n => n, StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads the zones of this database's server.</summary>
    public static async Task<TimeZones> ReadAsync(NpgsqlDataSource database, CancellationToken cancellation)
    {
        await using var command = database.CreateCommand("SELECT name FROM pg_timezone_names ORDER BY name");
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        List<string> serverNames = [];
        while (await reader.ReadAsync(cancellation))
        {
            serverNames.Add(reader.GetString(0));
        }

        return new TimeZones(serverNames);
    }

    /// <summary>The zone's own spelling of a name given in any case; null when there is no such zone.</summary>
    public string? Canonical(string name) => names.GetValueOrDefault(name);

    /// <summary>
    /// The zone of a segment or rule: <see cref="Default"/> for a blank name, else its own spelling; null when there is no such zone.
    /// </summary>
    public string? Resolve(string? name) => string.IsNullOrWhiteSpace(name) ? Default : Canonical(name.Trim());
}
