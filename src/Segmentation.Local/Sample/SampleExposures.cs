using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Endpoints.OpenApi;
using Segmentation.Api.Http;
using Segmentation.Api.Playbooks;

namespace Segmentation.Local;

/// <summary>What the sample's customers have seen of its playbooks in the last weeks, while they viewed pages, and where they clicked.
/// </summary>
internal static class SampleExposures
{
    public static Task AddAsync(SegmentationDb db, DateTimeOffset now, CancellationToken cancellation)
    {
        string[] playbooks =
            [.. PlaybookExamples.Playbooks.Select(p => JsonSerializer.Deserialize<PlaybookResource>(p, Json.Options)!.Key!)];
        var click = new ExposureOptions().ClickTypes[0];
        return db.Database.ExecuteSqlAsync(
            $$"""
            WITH plays AS (
                SELECT p.key AS playbook, p.version, play ->> 'placement' AS placement, play ->> 'key' AS play
                FROM playbooks p CROSS JOIN json_array_elements(p.definition -> 'plays') AS play WHERE p.key = ANY ({{playbooks}})),
            views AS MATERIALIZED (
                SELECT customer_key, id, occurred_at, row_number() OVER (PARTITION BY customer_key ORDER BY occurred_at DESC) AS n
                FROM events
                WHERE type = 'page_viewed' AND occurred_at BETWEEN {{now.AddDays(-28)}} AND {{now.AddMinutes(-1)}}),
            seen AS (
                INSERT INTO impressions (visitor_id, customer_id, visit_id, at, placement, playbook, version, play)
                SELECT 'browser-' || c.id, c.id, v.id, v.occurred_at, p.placement, p.playbook, p.version, p.play
                FROM views v JOIN customers c ON c.key = v.customer_key AND starts_with(c.id, {{SampleGenerator.IdPrefix}})
                JOIN plays p ON abs(hashtext(c.id || p.playbook || p.play)) % 10 < 2
                WHERE v.n <= 3
                RETURNING *),
            linked AS (
                INSERT INTO visitor_links (visitor_id, customer_id, at) SELECT visitor_id, customer_id, min(at) FROM seen GROUP BY 1, 2),
            clicked AS (
                INSERT INTO events (customer_key, id, type, occurred_at, channel, properties)
                SELECT c.key, 'click-' || s.id, {{click}}, s.at + interval '9 seconds', 'web', jsonb_build_object(
                    'exposure', 'play:' || s.placement || '/' || s.playbook || '@' || s.version || '/' || s.play)
                FROM seen s JOIN customers c ON c.id = s.customer_id
                WHERE abs(hashtext('click' || c.id || s.playbook || s.visit_id)) % 10 = 0
                RETURNING customer_key, occurred_at)
            UPDATE customers c SET event_count = c.event_count + k.events,
                last_event_at = greatest(c.last_event_at, k.last), last_seen_at = greatest(c.last_seen_at, k.last)
            FROM (SELECT customer_key, count(*)::integer AS events, max(occurred_at) AS last FROM clicked GROUP BY customer_key) AS k
            WHERE c.key = k.customer_key
            """,
            cancellation);
    }
}
