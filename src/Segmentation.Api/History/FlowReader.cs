using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Api.History;

/// <summary>Counts where those who left a segment went, and where those who joined it came from.</summary>
public sealed class FlowReader(SegmentationDb db, TimeProvider time)
{
    /// <summary>Segments in each list, at most: those with the most customers.</summary>
    public const int MaxFlows = 100;

    private static readonly TimeSpan DefaultPeriod = TimeSpan.FromDays(30);

    /// <summary>Flows of a period.</summary>
    /// <param name="otherId">The only other segment to list; null for all.</param>
    /// <param name="since">Where the period begins; 30 days before its end when null.</param>
    /// <param name="until">Where it ends; now when null.</param>
    /// <exception cref="ApiProblem">400: the period is empty.</exception>
    public async Task<Flows> ReadAsync(
        int segmentId, int? otherId, DateTimeOffset? since, DateTimeOffset? until, CancellationToken cancellation)
    {
        var end = until ?? LocalTime.Truncate(time.GetUtcNow());
        var start = since ?? (end - LocalTime.Earliest > DefaultPeriod ? end - DefaultPeriod : LocalTime.Earliest);
        if (start >= end)
        {
            throw ApiProblem.Invalid("since", "since must be an instant before until.");
        }

        var period = await RevisionRange.ReadAsync(db, start, end, cancellation);
        var left = await ReadAsync(Sql("left", "joined", "min", ">="), segmentId, otherId, period, cancellation);
        var joined = await ReadAsync(Sql("joined", "left", "max", "<="), segmentId, otherId, period, cancellation);
        var history = await HistoryStart.ReadAsync(db, segmentId, cancellation);
        return new Flows(
            left.Customers, joined.Customers, left.Flows, left.WithoutFlow, joined.Flows, joined.WithoutFlow, start, end, history);
    }

    private async Task<(long Customers, long WithoutFlow, IReadOnlyList<Flow> Flows)> ReadAsync(
        string sql, int segmentId, int? otherId, RevisionRange period, CancellationToken cancellation)
    {
        var rows = await db.Database.SqlQueryRaw<FlowRow>(
            sql,
            new NpgsqlParameter("segment", segmentId),
            new NpgsqlParameter("first", period.First),
            new NpgsqlParameter("after", period.After),
            new NpgsqlParameter("other", NpgsqlDbType.Integer) { Value = (object?)otherId ?? DBNull.Value },
            new NpgsqlParameter("max", MaxFlows)).ToListAsync(cancellation);
        var (moved, found) = (rows[0].Moved, rows[0].Found);
        var flows = rows.Where(r => r.Key is not null)
            .Select(r => new Flow(r.Key!, r.Name!, r.Customers, Math.Round((decimal)r.Customers / moved, 6)));
        return (moved, moved - found, [.. flows]);
    }

    // A membership period ends here and another begins there, or the other way round: the columns of either end. Current and past
    // memberships have an index by customer each.
    private static string Sql(string here, string there, string which, string comparison) =>
        $"""
        WITH moved AS MATERIALIZED (
            SELECT m.customer_key, {which}(b.at) AS at
            FROM memberships m JOIN membership_batches b ON b.id = m.{here}_batch
            WHERE m.segment_id = @segment AND m.{here}_batch >= @first AND m.{here}_batch < @after
            GROUP BY m.customer_key
        ), flows AS MATERIALIZED (
            {string.Join(" UNION ", LeftConditions(there).Select(left => $"""
                SELECT DISTINCT m.segment_id, m.customer_key
                FROM moved JOIN memberships m ON m.customer_key = moved.customer_key AND m.left_batch {left}
                    JOIN membership_batches b ON b.id = m.{there}_batch
                WHERE m.segment_id <> @segment AND m.{there}_batch >= @first AND m.{there}_batch < @after AND b.at {comparison} moved.at
                    AND m.segment_id IN (SELECT id FROM segments)
                """))}
        )
        SELECT t.moved AS "Moved", t.found AS "Found", s.key AS "Key", s.name AS "Name", coalesce(f.customers, 0) AS "Customers"
        FROM (SELECT (SELECT count(*) FROM moved) AS moved, (SELECT count(DISTINCT customer_key) FROM flows) AS found) t
        LEFT JOIN (SELECT segment_id, count(*) AS customers FROM flows WHERE @other IS NULL OR segment_id = @other
            GROUP BY segment_id) f ON true
        LEFT JOIN segments s ON s.id = f.segment_id
        ORDER BY f.customers DESC, s.key LIMIT @max
        """;

    // Who left is in the index of past memberships only; who joined may be in either.
    private static string[] LeftConditions(string end) => end == "left" ? ["IS NOT NULL"] : ["IS NULL", "IS NOT NULL"];

    private sealed record FlowRow(long Moved, long Found, string? Key, string? Name, long Customers);
}
