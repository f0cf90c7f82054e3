using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Segments;

/// <summary>Puts customers into manual segments, and takes them out.</summary>
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

        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);

        // It can't be deleted while members are on their way in.
        if (await db.Database.SqlQuery<int>($"SELECT id AS \"Value\" FROM segments WHERE id = {segment.Id} FOR KEY SHARE").ToListAsync(cancellation) is [])
        {
            throw ApiProblem.NotFound("segment");
        }

        string[] both = [.. add, .. remove];
        var known = await db.Customers.Where(c => add.Contains(c.Id) || remove.Contains(c.Id)).Select(c => c.Id).ToListAsync(cancellation);
        var now = LocalTime.Truncate(time.GetUtcNow());
        var added = await db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO manual_members (segment_id, customer_key, added_at) SELECT {segment.Id}, key, {now} FROM customers WHERE id = ANY ({add})
            ORDER BY key FOR KEY SHARE ON CONFLICT DO NOTHING
            """, cancellation);
        var removed = await db.ManualMembers.Where(m => m.SegmentId == segment.Id && remove.Contains(m.Customer.Id)).ExecuteDeleteAsync(cancellation);
        await ChangeLog.AppendManualAsync(db, segment.Id, both, cancellation);
        await transaction.CommitAsync(cancellation);
        return (added, removed, [.. both.Distinct(StringComparer.Ordinal).Except(known, StringComparer.Ordinal)]);
    }
}
