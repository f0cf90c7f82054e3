using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Segments;

/// <summary>Adds customers to manual segments, and removes them.</summary>
public sealed class ManualMembership(SegmentationDb db, SegmentQuery query, TimeProvider time)
{
    /// <summary>Changes who is in a segment.</summary>
    /// <returns>How many were added and removed, and the ids that no customer has.</returns>
    /// <exception cref="ApiProblem">404; 409: the segment is made by its rule.</exception>
    public async Task<(int Added, int Removed, IReadOnlyList<string> Unknown)> ChangeAsync(
        string key, string[] add, string[] remove, CancellationToken cancellation)
    {
        var (_, segment) = await query.FindAsync(key, cancellation);
        if (segment.Kind != SegmentKind.Manual)
        {
            throw ApiProblem.Conflict($"\"{key}\" is made by its rule; only a manual segment's members are changed by hand.");
        }

        await using var transaction = await db.BeginAsync(cancellation);
        await LockAsync(segment.Id, cancellation);
        string[] both = [.. add, .. remove];
        var existing = await db.Customers.Where(c => add.Contains(c.Id) || remove.Contains(c.Id))
            .Select(c => c.Id)
            .ToListAsync(cancellation);
        var now = LocalTime.Truncate(time.GetUtcNow());
        var added = await db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO manual_members (segment_id, customer_key, added_at)
            SELECT {segment.Id}, key, {now} FROM customers WHERE id = ANY ({add})
            ORDER BY key FOR KEY SHARE ON CONFLICT DO NOTHING
            """, cancellation);
        var removed =
            await db.ManualMembers.Where(m => m.SegmentId == segment.Id && remove.Contains(m.Customer.Id)).ExecuteDeleteAsync(cancellation);
        await ChangeLog.AppendManualAsync(db, segment.Id, both, cancellation);
        await transaction.CommitAsync(cancellation);
        return (added, removed, [.. both.Distinct(StringComparer.Ordinal).Except(existing, StringComparer.Ordinal)]);
    }

    /// <summary>Copies one segment's members to another, new one; in the caller's transaction.</summary>
    public Task CopyAsync(Segment from, Segment to, CancellationToken cancellation) => db.Database.ExecuteSqlAsync(
        $"""
        INSERT INTO manual_members (segment_id, customer_key, added_at)
        SELECT {to.Id}, customer_key, {to.UpdatedAt} FROM manual_members WHERE segment_id = {from.Id}
        """, cancellation);

    /// <summary>Makes customers the members of a new segment, and counts them; in the caller's transaction.</summary>
    /// <param name="members">Their keys.</param>
    public async Task FillAsync(Segment segment, long[] members, DateTimeOffset evaluatedAt, CancellationToken cancellation)
    {
        // Locked, so that none is erased before it is inserted; by key, so that no two transactions wait for each other.
        segment.MemberCount = await db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO manual_members (segment_id, customer_key, added_at)
            SELECT {segment.Id}, key, {segment.UpdatedAt} FROM customers WHERE key = ANY ({members}) ORDER BY key FOR KEY SHARE
            """, cancellation);
        segment.EvaluatedAt = evaluatedAt;
        await db.SaveChangesAsync(cancellation);
    }

    // It can't be deleted while members are being added.
    private async Task LockAsync(int segment, CancellationToken cancellation)
    {
        var found = await db.Database.SqlQuery<int>($"SELECT id AS \"Value\" FROM segments WHERE id = {segment} FOR KEY SHARE")
            .ToListAsync(cancellation);
        if (found.Count == 0)
        {
            throw SegmentLookup.NotFound();
        }
    }
}
