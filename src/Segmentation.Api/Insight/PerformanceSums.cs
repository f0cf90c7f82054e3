using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Insight;

/// <summary>What a bucket adds up to: of the population, of everyone else, of everyone, and of a segment to compare with.</summary>
internal readonly record struct BucketSums(MetricSums Segment, MetricSums Others, MetricSums Everyone, MetricSums Compared);

/// <summary>Adds up a metric over buckets and groups of customers, in one statement.</summary>
/// <param name="db">In a transaction of one snapshot.</param>
/// <param name="total">All customers.</param>
/// <param name="source">The metric's events from an instant to before another.</param>
internal sealed class PerformanceSums(SegmentationDb db, long total, Func<DateTimeOffset, DateTimeOffset, MetricSource> source)
{
    /// <summary>Of buckets in which the groups are the same.</summary>
    /// <param name="starts">The first instant of each bucket.</param>
    /// <param name="until">Where the last one ends.</param>
    /// <param name="members">The population; null where nobody knows who it is.</param>
    /// <param name="compared">A segment to compare with; null for none, or where nobody knows.</param>
    public async Task<List<BucketSums>> ReadAsync(
        DateTimeOffset[] starts, DateTimeOffset until, SqlPart? members, SqlPart? compared, CancellationToken cancellation)
    {
        var metric = source(starts[0], until);
        var x = metric.IsRatio ? ", x" : "";
        var (m, k) = (members ?? Populations.Nobody, compared);
        var sql =
            $"""
            WITH m AS MATERIALIZED (SELECT key FROM ({m.Text}) AS t(key))
            {(k is null ? "" : $", k AS MATERIALIZED (SELECT key FROM ({k.Text}) AS t(key))")}
            SELECT (SELECT count(*) FROM m)::float8, {(k is null ? "0" : "(SELECT count(*) FROM k)")}::float8, s.*
            FROM generate_series(1, {starts.Length}) AS b(n) LEFT JOIN (
                SELECT v.n, {MetricSums.Sql(metric.IsRatio, filter: "m.key IS NOT NULL")},
                    {MetricSums.Sql(metric.IsRatio, filter: "m.key IS NULL")}
                    {(k is null ? "" : $", {MetricSums.Sql(metric.IsRatio, filter: "k.key IS NOT NULL")}")}
                FROM (
                    SELECT key, n, sum(c) AS c, sum(y) AS y{(metric.IsRatio ? ", sum(x) AS x" : "")}
                    FROM (SELECT key, n, c, {metric.Value("key, n")} AS y{x} FROM ({Numbered(metric, starts)}) AS e) AS e GROUP BY key, n
                ) AS v LEFT JOIN m ON m.key = v.key {(k is null ? "" : "LEFT JOIN k ON k.key = v.key")} GROUP BY v.n
            ) AS s ON s.n = b.n
            ORDER BY b.n
            """;
        return await db.QueryAsync(
            sql,
            row =>
            {
                var (own, others) = (
                    MetricSums.Read(row, 3, 0, row.GetDouble(0)), MetricSums.Read(row, 3, 1, total - row.GetDouble(0)));
                return new BucketSums(own, others, own + others, k is null ? default : MetricSums.Read(row, 3, 2, row.GetDouble(1)));
            },
            cancellation,
            [.. metric.Parameters, .. m.CopyParameters(), .. k?.CopyParameters() ?? [], Starts(starts)]);
    }

    /// <summary>Of who was a member just before each event, by the stays that are stored.</summary>
    /// <param name="starts">The first instant of each bucket.</param>
    /// <param name="ends">Where each bucket ends, for the time that members were in.</param>
    /// <param name="until">Events before here.</param>
    /// <param name="segment">The population.</param>
    /// <param name="other">A segment to compare with; null for none.</param>
    public async Task<List<BucketSums>> ReadStaysAsync(
        DateTimeOffset[] starts, DateTimeOffset[] ends, DateTimeOffset until, SegmentDefinition segment, SegmentDefinition? other,
        CancellationToken cancellation)
    {
        var metric = source(starts[0], until);

        // A customer can have events as a member and others not: each group has sums of its own.
        List<(string Suffix, string Value, string Filter)> sides = [("m", "ym", "m"), ("o", "ym", "NOT m"), ("a", "ya", "true")];
        if (other is not null)
        {
            sides.Add(("k", "yk", "k"));
        }

        string Join(string stays) => $"LEFT JOIN {stays} ON {stays}.key = e.key AND {stays}.joined < e.at AND e.at <= {stays}.left_at";
        string Columns((string Suffix, string Value, string Filter) side) =>
            $"coalesce(sum(c) FILTER (WHERE {side.Filter}), 0) AS c{side.Suffix}, "
            + $"coalesce(sum({side.Value}) FILTER (WHERE {side.Filter}), 0) AS y{side.Suffix}"
            + (metric.IsRatio ? $", coalesce(sum(x) FILTER (WHERE {side.Filter}), 0) AS x{side.Suffix}" : "");
        string Time(string stays) =>
            $"""
            (SELECT coalesce(sum(extract(epoch FROM least({stays}.left_at, b.until) - greatest({stays}.joined, b.start))), 0)
                / extract(epoch FROM b.until - b.start)
            FROM {stays} WHERE {stays}.joined < b.until AND {stays}.left_at > b.start)::float8
            """;
        var sql =
            $"""
            WITH p AS MATERIALIZED ({Stays("segment")}){(other is null ? "" : $", q AS MATERIALIZED ({Stays("other")})")}, e AS (
                SELECT e.*, p.key IS NOT NULL AS m{(other is null ? "" : ", q.key IS NOT NULL AS k")}
                FROM ({Numbered(metric, starts)}) AS e {Join("p")} {(other is null ? "" : Join("q"))}
            ), v AS (
                SELECT key, n, {string.Join(", ", sides.Select(Columns))}
                FROM (
                    SELECT *, {metric.Value("key, n")} AS ya, {metric.Value("key, n, m")} AS ym
                        {(other is null ? "" : $", {metric.Value("key, n, k")} AS yk")}
                    FROM e
                ) AS e GROUP BY key, n
            )
            SELECT {Time("p")}, {(other is null ? "0::float8" : Time("q"))}, s.*
            FROM unnest(@starts, @ends) WITH ORDINALITY AS b(start, until, n) LEFT JOIN (
                SELECT n, {string.Join(", ", sides.Select(s => MetricSums.Sql(metric.IsRatio, s.Suffix)))} FROM v GROUP BY n
            ) AS s ON s.n = b.n
            ORDER BY b.n
            """;
        return await db.QueryAsync(
            sql,
            row => new BucketSums(
                MetricSums.Read(row, 3, 0, row.GetDouble(0)),
                MetricSums.Read(row, 3, 1, total - row.GetDouble(0)),
                MetricSums.Read(row, 3, 2, total),
                other is null ? default : MetricSums.Read(row, 3, 3, row.GetDouble(1))),
            cancellation,
            [
                .. metric.Parameters, Starts(starts), new NpgsqlParameter("ends", ends), new NpgsqlParameter("segment", segment.Id),
                new NpgsqlParameter("other", other?.Id ?? 0),
            ]);
    }

    // A segment's stays that touch the period.
    private static string Stays(string segment) =>
        $"""
        SELECT m.customer_key AS key, j.at AS joined, coalesce(l.at, 'infinity') AS left_at
        FROM memberships m JOIN membership_batches j ON j.id = m.joined_batch LEFT JOIN membership_batches l ON l.id = m.left_batch
        WHERE m.segment_id = @{segment} AND j.at < @until AND (m.left_batch IS NULL OR l.at >= @from)
        """;

    // With each event's bucket, from 1.
    private static string Numbered(MetricSource metric, DateTimeOffset[] starts) =>
        $"SELECT *, {(starts.Length == 1 ? "1" : "width_bucket(at, @starts)")} AS n FROM ({metric.Text}) AS s";

    private static NpgsqlParameter Starts(DateTimeOffset[] starts) => new("starts", starts);
}
