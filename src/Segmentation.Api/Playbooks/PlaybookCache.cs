using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Experiments;
using Segmentation.Api.Segments;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Playbooks;

/// <summary>Caches placements, active playbooks and experiments in memory; their version in the database says whether they still hold.
/// </summary>
public sealed class PlaybookCache(DefinitionCache definitions, RuleLimits limits, TimeProvider time)
{
    /// <summary>Reads the versions of segments and attributes, and of all else that decisions read.</summary>
    internal const string StampSql = "SELECT d.stamp, p.stamp FROM definition_stamp d, decision_stamp p";

    private static readonly TimeSpan MaxAge = TimeSpan.FromMilliseconds(750), Idle = TimeSpan.FromMinutes(1);

    // A change that this process makes is seen from its commit on: until then, and a while, everybody looks.
    private static readonly TimeSpan Unrest = TimeSpan.FromSeconds(2);

    private readonly Lock gate = new();
    private volatile PlaybookSet? latest;
    private (PlaybookSet? Set, long At) confirmed;
    private long asked;

    /// <summary>Those read last; null before the first.</summary>
    public PlaybookSet? Latest => latest;

    /// <summary>Whether anybody has asked lately.</summary>
    internal bool IsInUse => Volatile.Read(ref asked) is var last and not 0 && time.GetElapsedTime(last) < Idle;

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
            await ExperimentSet.LoadAsync(db, cancellation),
            limits);

        // Inside a transaction that changes them they are nobody else's yet.
        if (db.Database.CurrentTransaction is null)
        {
            latest = read;
        }

        return read;
    }

    /// <summary>Whether definitions were seen to hold an instant ago, so that nobody has to look again.</summary>
    internal bool IsFresh(PlaybookSet set)
    {
        Volatile.Write(ref asked, time.GetTimestamp());
        lock (gate)
        {
            return ReferenceEquals(confirmed.Set, set) && time.GetElapsedTime(confirmed.At) < MaxAge
                && DefinitionCache.SinceChange > Unrest;
        }
    }

    /// <summary>Tells what versions there were.</summary>
    /// <param name="at">A timestamp from before they were read.</param>
    internal void Confirm(long definitionStamp, long decisionStamp, long at)
    {
        if (latest is { } set && set.Stamp == decisionStamp && set.Definitions.Version == definitionStamp)
        {
            lock (gate)
            {
                confirmed = (set, at);
            }
        }
    }
}
