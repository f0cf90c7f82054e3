namespace Segmentation.Api.Segments;

/// <summary>
/// The events that came last, read by index: what is in events is found by a look at these, since there are millions of them.
/// </summary>
internal static class RecentEvents
{
    /// <summary>Events looked at.</summary>
    public const int MaxItems = 100_000;

    // Of types in alphabetical order; the more there are, the fewer events of each.
    private const int MaxTypes = 1000;

    /// <summary>
    /// Begins a statement: <c>types</c> are the types of events, <c>recent</c> the last events, of each type an equal share, so that what a
    /// rare type has is found beside what a frequent one has.
    /// </summary>
    public static readonly string With =
        $"""
        WITH RECURSIVE hops AS (
            (SELECT type FROM events ORDER BY type LIMIT 1)
            UNION ALL
            SELECT (SELECT e.type FROM events e WHERE e.type > h.type ORDER BY e.type LIMIT 1) FROM hops h WHERE h.type IS NOT NULL
        ), types AS MATERIALIZED (SELECT type FROM hops WHERE type IS NOT NULL LIMIT {MaxTypes}
        ), recent AS (
            SELECT e.channel, coalesce(e.channel_sent, e.channel) AS channel_sent, e.amount, e.properties,
                coalesce(e.properties_sent, e.properties) AS properties_sent
            FROM types t CROSS JOIN LATERAL (
                SELECT * FROM events WHERE type = t.type ORDER BY occurred_at DESC LIMIT (SELECT {MaxItems} / count(*) FROM types)) e
        )
        """;
}
