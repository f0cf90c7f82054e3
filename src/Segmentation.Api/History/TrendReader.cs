using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules.Values;

namespace Segmentation.Api.History;

/// <summary>Reads a segment's size over time.</summary>
public sealed class TrendReader(SegmentationDb db, TimeProvider time)
{
    /// <summary>Intervals in one answer, at most.</summary>
    public const int MaxIntervals = 1_000;

    /// <summary>The size at the end of each interval, and how many joined and left in it.</summary>
    /// <param name="from">Where to begin; 30 days before the end, at the beginning of an interval, when null.</param>
    /// <param name="to">Where to end; now when null.</param>
    /// <param name="interval">A day when null, or a month where days would be too many.</param>
    /// <exception cref="ApiProblem">400: the period is empty, or has more intervals than one answer.</exception>
    public async Task<Trend> ReadAsync(
        SegmentDefinition segment, DateTimeOffset? from, DateTimeOffset? to, CalendarUnit? interval, CancellationToken cancellation)
    {
        var (unit, bounds) = CalendarBuckets.Divide(
            new Calendar(segment.TimeZone), from, to, interval, LocalTime.Truncate(time.GetUtcNow()), MaxIntervals);
        var since = await HistoryStart.ReadAsync(db, segment.Id, cancellation);
        if (since is null)
        {
            return new Trend([.. bounds.Zip(bounds.Skip(1), TrendInterval.Unknown)], unit, segment.TimeZone, null);
        }

        var revisions = await RevisionRange.ReadFirstAsync(db, Array.ConvertAll(bounds, b => b > since ? b : since.Value), cancellation);
        var rows = await ReadSumsAsync(segment.Id, [.. revisions], cancellation);
        var size = await ReadSizeBeforeAsync(segment.Id, revisions[0], cancellation);
        List<TrendInterval> items = [];
        foreach (var (i, row) in rows.Index())
        {
            size = row.Size ?? size;
            items.Add(
                bounds[i + 1] > since
                    ? new TrendInterval(bounds[i], bounds[i + 1], size, row.Joined, row.Left)
                    : TrendInterval.Unknown(bounds[i], bounds[i + 1]));
        }

        return new Trend(items, unit, segment.TimeZone, since);
    }

    private Task<List<TrendRow>> ReadSumsAsync(int segmentId, long[] revisions, CancellationToken cancellation) =>
        db.Database.SqlQuery<TrendRow>(
            $"""
            SELECT s.joined AS "Joined", s."left" AS "Left", e.size AS "Size"
            FROM unnest({revisions[..^1]}, {revisions[1..]}) WITH ORDINALITY AS i(first, after, n)
            CROSS JOIN LATERAL (SELECT coalesce(sum(joined), 0) AS joined, coalesce(sum("left"), 0) AS "left"
                FROM membership_batches WHERE segment_id = {segmentId} AND id >= i.first AND id < i.after) s
            LEFT JOIN LATERAL (SELECT size
                FROM membership_batches WHERE segment_id = {segmentId} AND id < i.after ORDER BY id DESC LIMIT 1) e ON true
            ORDER BY i.n
            """).ToListAsync(cancellation);

    private Task<int> ReadSizeBeforeAsync(int segmentId, long revision, CancellationToken cancellation) => db.Database.SqlQuery<int>(
        $"""
        SELECT coalesce(
            (SELECT size FROM membership_batches WHERE segment_id = {segmentId} AND id < {revision} ORDER BY id DESC LIMIT 1),
            (SELECT size - joined + "left" FROM membership_batches WHERE segment_id = {segmentId} ORDER BY id LIMIT 1), 0) AS "Value"
        """).SingleAsync(cancellation);

    private sealed record TrendRow(long Joined, long Left, int? Size);
}
