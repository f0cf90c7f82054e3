using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Rules;

namespace Segmentation.Api.Customers;

/// <summary>
/// The time zones that customers and segments may name: those that both .NET and PostgreSQL know, since a rule is worked out by either, and
/// one name that PostgreSQL doesn't know would fail a whole query.
/// </summary>
public sealed class TimeZones(IServiceScopeFactory scopes)
{
    // PostgreSQL lists these, but they are files of the machine, no zones.
    private static readonly string[] NoZones = ["Factory", "localtime", "posixrules", "leapseconds"];

    // Publication only: a failure (the database is away) is not kept. It is read once a process, so nobody waits for it asynchronously.
    private readonly Lazy<FrozenDictionary<string, string>> names = new(() => Read(scopes), LazyThreadSafetyMode.PublicationOnly);

    /// <summary>Whether a name, spelled exactly, is such a zone.</summary>
    public bool IsKnown(string name) => TryFind(name, out var canonical) && canonical == name;

    /// <summary>Finds a zone by its name, without regard to case.</summary>
    /// <param name="canonical">The name as the tz database spells it.</param>
    public bool TryFind(string name, [NotNullWhen(true)] out string? canonical) =>
        names.Value.TryGetValue(name, out canonical) && LocalTime.TryFind(canonical, out _);

    private static FrozenDictionary<string, string> Read(IServiceScopeFactory scopes)
    {
        using var scope = scopes.CreateScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
        return db.Database.SqlQueryRaw<string>("SELECT name FROM pg_timezone_names").AsEnumerable()
            .Where(name => !NoZones.Contains(name) && !name.StartsWith("posix/", StringComparison.Ordinal))
            .DistinctBy(Fold.Text)
            .ToFrozenDictionary(name => name, StringComparer.OrdinalIgnoreCase);
    }
}
