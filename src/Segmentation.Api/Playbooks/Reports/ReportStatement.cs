using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Insight;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Playbooks;

/// <summary>What was counted of a group; null as the group is all impressions.</summary>
/// <param name="Units">Viewers whose window has passed.</param>
/// <param name="Converted">Those of them with an event of the metric.</param>
/// <param name="Total">The metric of all of them.</param>
/// <param name="By">Of a ratio, what it is by.</param>
/// <param name="Cap">What larger values were lowered to.</param>
internal sealed record ReportRow(
    string? Group, long Impressions, long Viewers, long Clickers, long Units, long Converted, double Total, double By, double? Cap);

/// <summary>Counts impressions, clicks and a metric of a playbook's viewers, in one statement.</summary>
/// <param name="start">Impressions from here on.</param>
/// <param name="end">Impressions before here.</param>
/// <param name="asOf">The instant that windows have passed by.</param>
/// <param name="clickTypes">Types of event that are clicks.</param>
internal sealed class ReportStatement(
    string playbook, DateTimeOffset start, DateTimeOffset end, DateTimeOffset asOf, string[] clickTypes)
{
    /// <summary>Groups by segment.</summary>
    public const string Inside = "in", Outside = "out", Unknown = "unknown";

    // Of a visitor: whom it is linked to, and whoever has its id.
    private const string Owners =
        """
        owners AS MATERIALIZED (
            SELECT v.visitor_id, c.key FROM (SELECT DISTINCT visitor_id FROM shown) AS v
            CROSS JOIN LATERAL (
                SELECT l.customer_id FROM visitor_links l WHERE l.visitor_id = v.visitor_id UNION SELECT v.visitor_id) AS o (id)
            JOIN customers c ON c.id = o.id)
        """;

    // A click is one on the last impression of its text before it: the next one's clicks are not this one's.
    private const string Clicked =
        """
        clicked AS MATERIALIZED (
            SELECT DISTINCT s.id FROM (
                SELECT o.visitor_id, e.occurred_at AS at, e.properties ->> 'exposure' AS text
                FROM owners o JOIN events e ON e.customer_key = o.key
                WHERE e.type = ANY (@clicks) AND e.occurred_at >= @start AND e.occurred_at <= @asOf) AS k
            JOIN shown s ON s.visitor_id = k.visitor_id AND s.text = k.text AND s.at <= k.at AND k.at < s.next)
        """;

    /// <summary>The first instants of the days to count by; empty for not by day.</summary>
    public IReadOnlyList<DateTimeOffset> Days { get; init; } = [];

    /// <summary>The segment to count by, and from when on it is known who was in it; null for none.</summary>
    public (int Id, DateTimeOffset Since)? Segment { get; init; }

    /// <summary>The metric, its events from the start on, and its window; null for none.</summary>
    public (MetricResource Metric, MetricSource Source, MetricWindow Window)? Metric { get; init; }

    /// <summary>Counts: a row for each group that has impressions, and one for all.</summary>
    public Task<List<ReportRow>> ReadAsync(SegmentationDb db, CancellationToken cancellation)
    {
        List<NpgsqlParameter> parameters =
        [
            new("playbook", playbook), new("start", start), new("end", end), new("asOf", asOf), new("clicks", clickTypes),
        ];
        if (Days.Count > 0)
        {
            parameters.Add(new NpgsqlParameter("days", Days.ToArray()));
        }

        if (Segment is { } segment)
        {
            parameters.AddRange([new("segment", segment.Id), new("since", segment.Since)]);
        }

        if (Metric is { } metric)
        {
            parameters.AddRange(metric.Source.Parameters);
            parameters.Add(new NpgsqlParameter("window", ToTimeSpan(metric.Window).TotalSeconds));
            if ((metric.Metric.Cap?.Value ?? metric.Metric.Cap?.Percentile / 100) is { } cap)
            {
                parameters.Add(new NpgsqlParameter("cap", cap));
            }
        }

        return db.QueryAsync(
            $"""
            WITH shown AS MATERIALIZED (
                SELECT * FROM (
                    SELECT id, visitor_id, at, play, 'play:' || placement || '/' || playbook || '@' || version || '/' || play AS text,
                        lead(at, 1, 'infinity') OVER (PARTITION BY visitor_id, placement, version, play ORDER BY at, id) AS next
                    FROM impressions WHERE playbook = @playbook AND at >= @start) AS i
                WHERE at < @end),
            {Owners},
            {Clicked},
            grouped AS MATERIALIZED (
                SELECT i.visitor_id, i.at, i.clicked, g.name FROM (
                    SELECT s.*, c.id IS NOT NULL AS clicked, min(s.at) OVER (PARTITION BY s.visitor_id) AS first
                    FROM shown s LEFT JOIN clicked c ON c.id = s.id) AS i
                CROSS JOIN LATERAL (VALUES (NULL), ({Group()})) AS g (name)),
            counts AS (
                SELECT name, count(*) AS impressions, count(DISTINCT visitor_id) AS viewers,
                    count(DISTINCT visitor_id) FILTER (WHERE clicked) AS clickers
                FROM grouped GROUP BY name){Values()}
            SELECT c.name, c.impressions, c.viewers, c.clickers, {(Metric is null
                ? "0::bigint, 0::bigint, 0::float8, 0::float8, NULL::float8"
                : "coalesce(s.units, 0), coalesce(s.converted, 0), coalesce(s.y, 0)::float8, coalesce(s.x, 0)::float8, s.cap::float8")}
            FROM counts c {(Metric is null ? "" : "LEFT JOIN sums s ON s.name IS NOT DISTINCT FROM c.name")}
            """,
            r => new ReportRow(
                r.IsDBNull(0) ? null : r.GetString(0), r.GetInt64(1), r.GetInt64(2), r.GetInt64(3), r.GetInt64(4), r.GetInt64(5),
                r.GetDouble(6), r.GetDouble(7), r.IsDBNull(8) ? null : r.GetDouble(8)),
            cancellation,
            [.. parameters]);
    }

    private string Group() => Days.Count > 0 ? "width_bucket(i.at, @days)::text"
        : Segment is null ? "i.play::text"
        : $"""
          CASE WHEN i.first < @since THEN '{Unknown}' WHEN EXISTS (
              SELECT FROM owners o JOIN memberships m ON m.segment_id = @segment AND m.customer_key = o.key
              JOIN membership_batches j ON j.id = m.joined_batch LEFT JOIN membership_batches l ON l.id = m.left_batch
              WHERE o.visitor_id = i.visitor_id AND j.at <= i.first AND (l.at IS NULL OR l.at > i.first)) THEN '{Inside}'
          ELSE '{Outside}' END
          """;

    // Each viewer of a group is a unit once its window has passed, by the events of all its customers in it.
    private string Values()
    {
        if (Metric is not { } metric)
        {
            return "";
        }

        var (source, cap) = (metric.Source, metric.Metric.Cap);
        var x = source.IsRatio ? "x" : "0";
        var limit = cap is null ? "NULL::numeric"
            : cap.Value is not null ? "@cap::numeric"
            : "(SELECT percentile_cont(@cap::float8) WITHIN GROUP (ORDER BY y) FROM valued WHERE name IS NULL AND y <> 0)::numeric";
        return $"""
            ,
            units AS MATERIALIZED (
                SELECT name, visitor_id, min(at) AS first FROM grouped GROUP BY name, visitor_id
                HAVING min(at) + make_interval(secs => @window) <= @asOf),
            e AS MATERIALIZED ({source.Text}),
            valued AS MATERIALIZED (
                SELECT u.name, u.visitor_id, coalesce(v.c, 0) AS c, coalesce(v.y, 0)::numeric AS y, coalesce(v.x, 0)::numeric AS x
                FROM units u LEFT JOIN (
                    SELECT name, visitor_id, sum(c) AS c, sum(y) AS y, sum(x) AS x FROM (
                        SELECT name, visitor_id, c, {source.Value("name, visitor_id")} AS y, {x} AS x FROM (
                            SELECT u.name, u.visitor_id, e.* FROM units u JOIN owners o ON o.visitor_id = u.visitor_id
                            JOIN e ON e.key = o.key AND e.at >= u.first AND e.at < u.first + make_interval(secs => @window)) AS e) AS e
                    GROUP BY name, visitor_id) AS v ON v.visitor_id = u.visitor_id AND v.name IS NOT DISTINCT FROM u.name),
            cap AS MATERIALIZED (SELECT {limit} AS cap),
            sums AS (
                SELECT name, count(*) AS units, count(*) FILTER (WHERE c > 0) AS converted,
                    {(metric.Metric.Kind == MetricKind.Conversion ? "count(*) FILTER (WHERE c > 0)" : "sum(least(y, cap.cap))")} AS y,
                    sum(x) AS x, min(cap.cap) AS cap
                FROM valued CROSS JOIN cap GROUP BY name)
            """;
    }

    private static TimeSpan ToTimeSpan(MetricWindow window) => window.Unit switch
    {
        MetricUnit.Minute => TimeSpan.FromMinutes(window.Amount!.Value),
        MetricUnit.Hour => TimeSpan.FromHours(window.Amount!.Value),
        _ => TimeSpan.FromDays(window.Amount!.Value),
    };
}
