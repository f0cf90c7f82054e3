using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.History;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Endpoints;

/// <summary>Where those who left a segment went, and where those who joined it came from.</summary>
[ApiController]
[Route("api/v1/segments/{key}/flows")]
[Tags("History")]
[Produces("application/json")]
public sealed class FlowsController(SegmentationDb db, SegmentQuery query, TimeProvider time) : ControllerBase
{
    /// <summary>Segments in each list, at most: those with the most customers.</summary>
    public const int MaxFlows = 100;

    private static readonly TimeSpan DefaultPeriod = TimeSpan.FromDays(30);

    /// <summary>Where those who left a segment in a period went, and where those who joined it came from.</summary>
    /// <remarks>A customer that left the segment in the period went to each other segment that it joined at that instant or later, within the period; one that left more
    /// than once counts from the first time. A customer that joined the segment in the period came from each other segment that it left at that instant or before, within
    /// the period; of one that joined more than once the last time counts. Customers are counted, each once a segment, so that the shares of those that went to several add up to more
    /// than 1; <c>none</c> went nowhere, <c>new</c> came from nowhere. Segments that were deleted, and customers that were erased, are left out.</remarks>
    /// <param name="to">The key of another segment: only the flows between the two are listed.</param>
    /// <param name="since">Where the period begins; 30 days before <c>until</c> when left out.</param>
    /// <param name="until">Where it ends; now when left out.</param>
    [HttpGet]
    [ProducesResponseType<Flows>(StatusCodes.Status200OK)]
    public async Task<Flows> Get(string key, string? to, Instant? since, Instant? until, CancellationToken cancellation)
    {
        var (all, segment) = await query.FindAsync(key, cancellation);
        var end = until?.Value ?? LocalTime.Truncate(time.GetUtcNow());
        var start = since?.Value ?? (end - LocalTime.Earliest > DefaultPeriod ? end - DefaultPeriod : LocalTime.Earliest);
        if (start >= end)
        {
            throw ApiProblem.Invalid("since", "since takes an instant before until.");
        }

        int? other = to is null ? null : all.Segments.TryGetValue(to, out var named) && named.Id != segment.Id ? named.Id : throw ApiProblem.Invalid("to", "to takes the key of another segment.");
        var batches = await MembershipHistory.FirstBatchesAsync(db, [start, end], cancellation);
        var (left, none, went) = await ReadAsync(Sql("left", "joined", "min", ">="));
        var (joined, fresh, came) = await ReadAsync(Sql("joined", "left", "max", "<="));
        return new Flows(left, joined, went, none, came, fresh, start, end);

        async Task<(long Moved, long Alone, IReadOnlyList<Flow> Flows)> ReadAsync(string sql)
        {
            var rows = await db.Database.SqlQueryRaw<Row>(
                sql, new NpgsqlParameter("segment", segment.Id), new NpgsqlParameter("first", batches[0]), new NpgsqlParameter("after", batches[1]),
                new NpgsqlParameter("other", NpgsqlTypes.NpgsqlDbType.Integer) { Value = (object?)other ?? DBNull.Value }, new NpgsqlParameter("max", MaxFlows)).ToListAsync(cancellation);
            var total = rows[0].Moved;
            return (total, total - rows[0].Found, [.. rows.Where(r => r.Key is not null).Select(r => new Flow(r.Key!, r.Name!, r.Customers, Math.Round((decimal)r.Customers / total, 6)))]);
        }
    }

    // A stay ends here and begins there, or the other way round: the columns of either end. Stays of now and of before have an index by customer each.
    private static string Sql(string here, string there, string which, string comparison) =>
        $"""
        WITH moved AS MATERIALIZED (
            SELECT m.customer_key, {which}(b.at) AS at
            FROM memberships m JOIN membership_batches b ON b.id = m.{here}_batch
            WHERE m.segment_id = @segment AND m.{here}_batch >= @first AND m.{here}_batch < @after
            GROUP BY m.customer_key
        ), flows AS MATERIALIZED (
            {string.Join(" UNION ", StaysWith(there).Select(stays => $"""
                SELECT DISTINCT m.segment_id, m.customer_key
                FROM moved JOIN memberships m ON m.customer_key = moved.customer_key AND m.left_batch {stays} JOIN membership_batches b ON b.id = m.{there}_batch
                WHERE m.segment_id <> @segment AND m.{there}_batch >= @first AND m.{there}_batch < @after AND b.at {comparison} moved.at
                    AND m.segment_id IN (SELECT id FROM segments)
                """))}
        )
        SELECT t.moved AS "Moved", t.found AS "Found", s.key AS "Key", s.name AS "Name", coalesce(f.customers, 0) AS "Customers"
        FROM (SELECT (SELECT count(*) FROM moved) AS moved, (SELECT count(DISTINCT customer_key) FROM flows) AS found) t
        LEFT JOIN (SELECT segment_id, count(*) AS customers FROM flows WHERE @other IS NULL OR segment_id = @other GROUP BY segment_id) f ON true
        LEFT JOIN segments s ON s.id = f.segment_id
        ORDER BY f.customers DESC, s.key LIMIT @max
        """;

    private static string[] StaysWith(string end) => end == "left" ? ["IS NOT NULL"] : ["IS NULL", "IS NOT NULL"];

    private sealed record Row(long Moved, long Found, string? Key, string? Name, long Customers);
}

/// <param name="Left">Customers that left.</param>
/// <param name="Joined">Customers that joined.</param>
/// <param name="To">Where those who left went, most first.</param>
/// <param name="None">How many of those who left joined no other segment.</param>
/// <param name="From">Where those who joined came from, most first.</param>
/// <param name="New">How many of those who joined left no other segment.</param>
/// <param name="Since">Where the period begins.</param>
/// <param name="Until">Where it ends, itself not in it.</param>
public sealed record Flows(long Left, long Joined, IReadOnlyList<Flow> To, long None, IReadOnlyList<Flow> From, long New, DateTimeOffset Since, DateTimeOffset Until);

/// <param name="Key">The other segment's.</param>
/// <param name="Name">The other segment's.</param>
/// <param name="Share">0 to 1, of all who left or joined.</param>
public sealed record Flow(string Key, string Name, long Customers, decimal Share);
