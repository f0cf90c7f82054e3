using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;

namespace Segmentation.Api.History;

/// <summary>Lists who joined and who left, the newest first.</summary>
public sealed class ChangeReader(SegmentationDb db, SegmentQuery query)
{
    // The kinds in the order of the lists: within a revision, those who left come before those who joined.
    private const short Joined = 0, Left = 1;

    // What an anonymous customer joined as it became that is not told: the instant would say who it was.
    private const short Untold = (short)MembershipCause.Erased;

    /// <summary>Changes of a segment.</summary>
    /// <exception cref="ApiProblem">400: the cursor is none of this list. 404: there is no such segment.</exception>
    public async Task<Page<SegmentChange>> ListForSegmentAsync(
        string key, ChangeFilter filter, int limit, string? cursor, CancellationToken cancellation)
    {
        var after = Paging.NumbersCursor(cursor, 3) ?? [long.MaxValue, 0, 0];
        var (_, segment) = await query.FindAsync(key, cancellation);
        var period = await RevisionRange.ReadAsync(db, filter.From, filter.To, cancellation);
        var cause = filter.Cause;

        // Each half in its index's order, (revision, customer), from where the cursor is in the order of both: (revision, kind, customer).
        long Below(short kind) => kind < after[1] ? long.MaxValue : kind > after[1] ? long.MinValue : after[2];
        var rows = await db.Database.SqlQuery<ChangeRow>(
            $"""
            SELECT h.batch AS "Revision", h.kind AS "Kind", h.customer_key AS "Key", c.id AS "Subject",
                b.at AS "At", h.cause AS "Cause", h.event AS "EventId", b.version AS "Version"
            FROM (
                (SELECT joined_batch AS batch, {Joined} AS kind, customer_key, joined_cause AS cause, joined_event AS event FROM memberships
                 WHERE segment_id = {segment.Id} AND joined_batch >= {period.First} AND joined_batch < {period.After}
                     AND (joined_batch, customer_key) < ({after[0]}, {Below(Joined)})
                     AND {filter.Change != MembershipChange.Left} AND ({cause == null} OR joined_cause = {(short)cause.GetValueOrDefault()})
                     AND joined_cause <> {Untold}
                 ORDER BY joined_batch DESC, customer_key DESC LIMIT {limit + 1})
                UNION ALL
                (SELECT left_batch, {Left}, customer_key, left_cause, left_event FROM memberships
                 WHERE segment_id = {segment.Id} AND left_batch >= {period.First} AND left_batch < {period.After}
                     AND (left_batch, customer_key) < ({after[0]}, {Below(Left)})
                     AND {filter.Change != MembershipChange.Joined} AND ({cause == null} OR left_cause = {(short)cause.GetValueOrDefault()})
                 ORDER BY left_batch DESC, customer_key DESC LIMIT {limit + 1})
                ORDER BY batch DESC, kind DESC, customer_key DESC LIMIT {limit + 1}
            ) h
            JOIN membership_batches b ON b.id = h.batch
            LEFT JOIN customers c ON c.key = h.customer_key
            ORDER BY h.batch DESC, h.kind DESC, h.customer_key DESC
            """).ToListAsync(cancellation);
        var page = Paging.Create(rows, limit, r => r, r => [r.Revision, r.Kind, r.Key]);

        // A customer that has just been erased still has its membership periods for a moment.
        var items = page.Items.Where(r => r.Subject is not null)
            .Select(r => new SegmentChange(r.Subject!, r.Change, r.At, r.Cause, r.EventId, r.DefinitionVersion));
        return new Page<SegmentChange>([.. items], page.NextCursor);
    }

    /// <summary>Changes of a customer.</summary>
    /// <exception cref="ApiProblem">400: the cursor is none of this list, or the id can't be one. 404: there is no such
    /// customer.</exception>
    public async Task<Page<CustomerChange>> ListForCustomerAsync(
        string id, ChangeFilter filter, int limit, string? cursor, CancellationToken cancellation)
    {
        var after = Paging.NumbersCursor(cursor, 2) ?? [long.MaxValue, 0];
        var key = await db.FindCustomerKeyAsync(CustomerIds.CheckStored(id), cancellation);
        var (change, cause) = (filter.Change, filter.Cause);

        // A revision is of one segment: with the kind it identifies a customer's change.
        var rows = await db.Database.SqlQuery<ChangeRow>(
            $"""
            SELECT h.batch AS "Revision", h.kind AS "Kind", {key} AS "Key", s.key AS "Subject",
                b.at AS "At", h.cause AS "Cause", h.event AS "EventId", b.version AS "Version"
            FROM (
                SELECT segment_id, joined_batch AS batch, {Joined} AS kind, joined_cause AS cause, joined_event AS event
                    FROM memberships WHERE customer_key = {key} AND left_batch IS NULL AND {change != MembershipChange.Left}
                UNION ALL
                SELECT segment_id, joined_batch, {Joined}, joined_cause, joined_event
                    FROM memberships WHERE customer_key = {key} AND left_batch IS NOT NULL AND {change != MembershipChange.Left}
                UNION ALL
                SELECT segment_id, left_batch, {Left}, left_cause, left_event
                    FROM memberships WHERE customer_key = {key} AND left_batch IS NOT NULL AND {change != MembershipChange.Joined}
            ) h
            JOIN segments s ON s.id = h.segment_id
            JOIN membership_batches b ON b.id = h.batch
            WHERE b.at >= {filter.From} AND b.at < {filter.To} AND ({cause == null} OR h.cause = {(short)cause.GetValueOrDefault()})
                AND (h.batch, h.kind) < ({after[0]}, {after[1]}) AND (h.kind = {Left} OR h.cause <> {Untold})
            ORDER BY h.batch DESC, h.kind DESC LIMIT {limit + 1}
            """).ToListAsync(cancellation);
        return Paging.Create(
            rows, limit, r => new CustomerChange(r.Subject!, r.Change, r.At, r.Cause, r.EventId, r.DefinitionVersion),
            r => [r.Revision, r.Kind]);
    }

    private sealed record ChangeRow(
        long Revision, short Kind, long Key, string? Subject, DateTimeOffset At, MembershipCause Cause, string? EventId, int Version)
    {
        public MembershipChange Change => Kind == Joined ? MembershipChange.Joined : MembershipChange.Left;

        public int? DefinitionVersion => Cause == MembershipCause.Definition ? Version : null;
    }
}
