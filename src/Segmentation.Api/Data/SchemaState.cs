using Microsoft.EntityFrameworkCore;

namespace Segmentation.Api.Data;

/// <summary>Whether the database's tables are those that this version of the service knows.</summary>
internal sealed class SchemaState
{
    private const string Behind = "The database's migrations are not applied: start once with --migrate (./run --migrate).";
    private const string Ahead = "The database is that of a newer version of the service: start that version, or name another database.";

    private volatile bool found;

    /// <summary>Whether it was found right once. Newer versions may migrate on under a running one, which goes on.</summary>
    public bool WasRight => found;

    /// <summary>What is wrong, and what to do; null when nothing is.</summary>
    public async Task<string?> FindFaultAsync(SegmentationDb db, CancellationToken cancellation)
    {
        var applied = (await db.Database.GetAppliedMigrationsAsync(cancellation)).ToHashSet();
        var known = db.Database.GetMigrations().ToList();
        var fault = !known.TrueForAll(applied.Contains) ? Behind : !found && applied.Count > known.Count ? Ahead : null;
        found |= fault is null;
        return fault;
    }
}
