using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Playbooks;

/// <summary>Caches placements and active playbooks in memory; their version in the database says whether they still hold.</summary>
public sealed class PlaybookCache(DefinitionCache definitions, RuleLimits limits)
{
    private volatile PlaybookSet? latest;

    /// <summary>Those read last; null before the first.</summary>
    public PlaybookSet? Latest => latest;

    /// <summary>They as they stand now.</summary>
    public async Task<PlaybookSet> GetAsync(SegmentationDb db, CancellationToken cancellation)
    {
        var cached = latest;
        var stamp = await db.Database.SqlQueryRaw<long>("SELECT stamp AS \"Value\" FROM decision_stamp").SingleAsync(cancellation);
        var all = await definitions.GetAsync(db, cancellation);
        if (cached?.Stamp == stamp && cached.Definitions.Version == all.Version)
        {
            return cached;
        }

        // Read after the versions: what is newer than they are is read again next time, what is older can't be.
        var read = new PlaybookSet(
            stamp,
            all,
            await db.Placements.AsNoTracking().ToListAsync(cancellation),
            await db.Playbooks.AsNoTracking().Where(p => p.Status == PlaybookStatus.Active).ToListAsync(cancellation),
            limits);

        // Inside a transaction that changes them they are nobody else's yet.
        if (db.Database.CurrentTransaction is null)
        {
            latest = read;
        }

        return read;
    }
}
