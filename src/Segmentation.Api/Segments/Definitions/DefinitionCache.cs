using System.Diagnostics;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Privacy;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Segments;

/// <summary>Caches the definitions in memory; their version in the database says whether they still hold.</summary>
public sealed class DefinitionCache(CustomerFields fields, RuleLimits limits, IScoreSources sources)
{
    private static long changed;
    private volatile DefinitionSet? latest;

    /// <summary>Those read last; null before the first.</summary>
    public DefinitionSet? Latest => latest;

    /// <summary>The definitions as they stand now.</summary>
    public async Task<DefinitionSet> GetAsync(SegmentationDb db, CancellationToken cancellation)
    {
        var cached = latest;
        var version = await ReadVersionAsync(db, cancellation);
        if (cached?.Version == version)
        {
            return cached;
        }

        // Read after the version: what is newer than it is read again next time, what is older can't be.
        var segments = await db.Segments.AsNoTracking()
            .Select(s => new SegmentDefinition(s.Id, s.Key, s.Name, s.Kind, s.Status, s.Rule, s.TimeZone, s.Version, s.RequiresConsent))
            .ToListAsync(cancellation);
        var attributes = await db.Attributes.AsNoTracking().OrderBy(a => a.Name).ToListAsync(cancellation);
        var rfm = new RfmHistory(await db.RfmThresholds.AsNoTracking().OrderBy(t => t.Id).ToListAsync(cancellation));
        var models = await db.Models.AsNoTracking().OrderBy(m => m.Key).ToListAsync(cancellation);

        // Where nothing is sensitive, it is all the same.
        var scored = fields.SensitiveNames.Count > 0 || attributes.Exists(a => a.Sensitive)
            ? await sources.ListFieldsAsync(db, cancellation)
            : Array.Empty<string>().ToLookup(f => f);
        var propensities = models.Select(m => (m.Key, Settings: m.Settings.Deserialize<ModelSettings>(Json.Options)!))
            .Where(m => m.Settings.Type == PropensityType.TypeName)
            .Select(m => new PropensityName(m.Key, m.Settings.Name!, [.. m.Settings.ListFields(), .. scored[m.Key]]));
        var expiries = await db.Purposes.Where(p => p.ExpiresAfterDays != null)
            .ToDictionaryAsync(p => p.Name, p => p.ExpiresAfterDays!.Value, StringComparer.Ordinal, cancellation);
        var read = new DefinitionSet(version, segments, attributes, fields, limits, cached, rfm, [.. propensities], expiries);

        // Inside a transaction that changes definitions they are nobody else's yet.
        if (db.Database.CurrentTransaction is null)
        {
            latest = read;
        }

        return read;
    }

    /// <summary>Begins a change of a definition: nobody else changes one until the transaction ends.</summary>
    public static async Task<IDbContextTransaction> BeginAsync(SegmentationDb db, CancellationToken cancellation)
    {
        var transaction = await db.BeginAsync(cancellation);
        try
        {
            await LockAsync(db, cancellation);
            return transaction;
        }
        catch
        {
            await transaction.DisposeAsync();
            throw;
        }
    }

    /// <summary>Lets one definition change at a time, until the transaction ends, so that two can't make a cycle between them.</summary>
    public static Task LockAsync(SegmentationDb db, CancellationToken cancellation)
    {
        Volatile.Write(ref changed, Stopwatch.GetTimestamp());
        return db.Database.ExecuteSqlRawAsync("SELECT 1 FROM definition_stamp FOR UPDATE", cancellation);
    }

    /// <summary>Lets the definitions be read anew, where what belongs to them is no table of theirs.</summary>
    public static Task MarkChangedAsync(SegmentationDb db, CancellationToken cancellation) =>
        db.Database.ExecuteSqlRawAsync("UPDATE definition_stamp SET stamp = stamp + 1", cancellation);

    /// <summary>How long ago this process last began to change a definition.</summary>
    internal static TimeSpan SinceChange => Stopwatch.GetElapsedTime(Volatile.Read(ref changed));

    private static async Task<long> ReadVersionAsync(SegmentationDb db, CancellationToken cancellation) =>
        (await db.QueryAsync("SELECT stamp FROM definition_stamp", r => r.GetInt64(0), cancellation)).Single();
}
