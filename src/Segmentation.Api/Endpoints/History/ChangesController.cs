using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Changes;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.History;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Endpoints;

/// <summary>Who joined and who left, when and why.</summary>
[ApiController]
[Route("api/v1")]
[Tags("History")]
[Produces("application/json")]
public sealed class ChangesController(SegmentationDb db, SegmentQuery query) : ControllerBase
{
    private const short Joined = 0, Left = 1;

    /// <summary>Who joined and who left a segment, when and why; the newest first.</summary>
    /// <remarks>Of a customer that was erased nothing is told but in the numbers of <c>trend</c>.</remarks>
    /// <param name="change">Only this kind of change.</param>
    /// <param name="from">Only changes at or after this instant.</param>
    /// <param name="to">Only changes before this instant.</param>
    /// <param name="cause">Only changes with this cause.</param>
    [HttpGet("segments/{key}/changes")]
    public async Task<Page<SegmentChange>> OfSegment(
        string key, MembershipChange? change, Instant? from, Instant? to, MembershipCause? cause, int? limit, string? cursor, CancellationToken cancellation)
    {
        var (size, after, (first, last)) = (Paging.Limit(limit), Paging.NumbersCursor(cursor, 3) ?? [long.MaxValue, 0, 0], Period(from, to));
        var (_, segment) = await query.FindAsync(key, cancellation);
        var batches = await MembershipHistory.FirstBatchesAsync(db, [first, last], cancellation);

        // Each half in its index's order, (batch, customer), from where the cursor is in the order of both: (batch, kind, customer).
        long Below(short kind) => kind < after[1] ? long.MaxValue : kind > after[1] ? long.MinValue : after[2];
        var rows = await db.Database.SqlQuery<ChangeRow>(
            $"""
            SELECT h.batch AS "Batch", h.kind AS "Kind", h.customer_key AS "Key", c.id AS "Subject", b.at AS "At", h.cause AS "Cause", h.event AS "EventId", b.version AS "Version"
            FROM (
                (SELECT joined_batch AS batch, {Joined} AS kind, customer_key, joined_cause AS cause, joined_event AS event FROM memberships
                 WHERE segment_id = {segment.Id} AND joined_batch >= {batches[0]} AND joined_batch < {batches[1]} AND (joined_batch, customer_key) < ({after[0]}, {Below(Joined)})
                     AND {change != MembershipChange.Left} AND ({cause == null} OR joined_cause = {(short)cause.GetValueOrDefault()})
                 ORDER BY joined_batch DESC, customer_key DESC LIMIT {size + 1})
                UNION ALL
                (SELECT left_batch, {Left}, customer_key, left_cause, left_event FROM memberships
                 WHERE segment_id = {segment.Id} AND left_batch >= {batches[0]} AND left_batch < {batches[1]} AND (left_batch, customer_key) < ({after[0]}, {Below(Left)})
                     AND {change != MembershipChange.Joined} AND ({cause == null} OR left_cause = {(short)cause.GetValueOrDefault()})
                 ORDER BY left_batch DESC, customer_key DESC LIMIT {size + 1})
                ORDER BY batch DESC, kind DESC, customer_key DESC LIMIT {size + 1}
            ) h
            JOIN membership_batches b ON b.id = h.batch
            LEFT JOIN customers c ON c.key = h.customer_key
            ORDER BY h.batch DESC, h.kind DESC, h.customer_key DESC
            """).ToListAsync(cancellation);
        var page = Paging.Create(rows, size, r => r, r => [r.Batch, r.Kind, r.Key]);

        // One that has just been erased is still in its stays for a moment.
        return new Page<SegmentChange>([.. page.Items.Where(r => r.Subject is not null).Select(r => new SegmentChange(r.Subject!, r.Change, r.At, r.Cause, r.EventId, r.DefinitionVersion))], page.NextCursor);
    }

    /// <summary>Which segments a customer joined and left, when and why; the newest first.</summary>
    /// <remarks>Segments that were deleted are left out.</remarks>
    /// <param name="change">Only this kind of change.</param>
    /// <param name="from">Only changes at or after this instant.</param>
    /// <param name="to">Only changes before this instant.</param>
    /// <param name="cause">Only changes with this cause.</param>
    [HttpGet("customers/{id}/changes")]
    public async Task<Page<CustomerChange>> OfCustomer(
        string id, MembershipChange? change, Instant? from, Instant? to, MembershipCause? cause, int? limit, string? cursor, CancellationToken cancellation)
    {
        var (size, after, (first, last)) = (Paging.Limit(limit), Paging.NumbersCursor(cursor, 2) ?? [long.MaxValue, 0], Period(from, to));
        CustomerIds.Check(id);
        var key = await db.FindCustomerKeyAsync(id, cancellation);

        // A batch is of one segment: with the kind it names a customer's change.
        var rows = await db.Database.SqlQuery<ChangeRow>(
            $"""
            SELECT h.batch AS "Batch", h.kind AS "Kind", {key} AS "Key", s.key AS "Subject", b.at AS "At", h.cause AS "Cause", h.event AS "EventId", b.version AS "Version"
            FROM (
                SELECT segment_id, joined_batch AS batch, {Joined} AS kind, joined_cause AS cause, joined_event AS event FROM memberships WHERE customer_key = {key} AND left_batch IS NULL AND {change != MembershipChange.Left}
                UNION ALL
                SELECT segment_id, joined_batch, {Joined}, joined_cause, joined_event FROM memberships WHERE customer_key = {key} AND left_batch IS NOT NULL AND {change != MembershipChange.Left}
                UNION ALL
                SELECT segment_id, left_batch, {Left}, left_cause, left_event FROM memberships WHERE customer_key = {key} AND left_batch IS NOT NULL AND {change != MembershipChange.Joined}
            ) h
            JOIN segments s ON s.id = h.segment_id
            JOIN membership_batches b ON b.id = h.batch
            WHERE b.at >= {first} AND b.at < {last} AND ({cause == null} OR h.cause = {(short)cause.GetValueOrDefault()}) AND (h.batch, h.kind) < ({after[0]}, {after[1]})
            ORDER BY h.batch DESC, h.kind DESC LIMIT {size + 1}
            """).ToListAsync(cancellation);
        return Paging.Create(rows, size, r => new CustomerChange(r.Subject!, r.Change, r.At, r.Cause, r.EventId, r.DefinitionVersion), r => [r.Batch, r.Kind]);
    }

    private static (DateTimeOffset From, DateTimeOffset To) Period(Instant? from, Instant? to) => from?.Value > to?.Value
        ? throw ApiProblem.Invalid("from", "from lies after to.")
        : (from?.Value ?? LocalTime.Earliest, to?.Value ?? LocalTime.Latest);

    private sealed record ChangeRow(long Batch, short Kind, long Key, string? Subject, DateTimeOffset At, MembershipCause Cause, string? EventId, int Version)
    {
        public MembershipChange Change => Kind == Joined ? MembershipChange.Joined : MembershipChange.Left;

        public int? DefinitionVersion => Cause == MembershipCause.Definition ? Version : null;
    }
}

public enum MembershipChange { Joined, Left }

/// <summary>A customer's joining or leaving.</summary>
/// <param name="EventId">Of the event that caused it, where one did.</param>
/// <param name="Version">The segment's version that caused it, where the cause is <c>definition</c>.</param>
public sealed record SegmentChange(string CustomerId, MembershipChange Change, DateTimeOffset At, MembershipCause Cause, string? EventId, int? Version);

/// <summary>A segment that a customer joined or left.</summary>
/// <param name="Segment">The segment's key.</param>
/// <param name="EventId">Of the event that caused it, where one did.</param>
/// <param name="Version">The segment's version that caused it, where the cause is <c>definition</c>.</param>
public sealed record CustomerChange(string Segment, MembershipChange Change, DateTimeOffset At, MembershipCause Cause, string? EventId, int? Version);
