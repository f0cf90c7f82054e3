using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.History;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Endpoints;

/// <summary>A segment's size over time.</summary>
[ApiController]
[Route("api/v1/segments/{key}/trend")]
[Tags("History")]
[Produces("application/json")]
public sealed class TrendController(SegmentationDb db, SegmentQuery query, TimeProvider time) : ControllerBase
{
    /// <summary>Intervals in one answer, at most.</summary>
    public const int MaxIntervals = 1_000;

    private static readonly TimeSpan DefaultPeriod = TimeSpan.FromDays(30);

    /// <summary>A segment's size, and how many joined and left, hour by hour, day by day, by weeks or by months.</summary>
    /// <remarks>Intervals begin where the clock of the segment's time zone begins an hour, day, week (on Monday) or month; the first begins at <c>from</c> and the
    /// last ends at <c>to</c>. <c>size</c> is that at the interval's end: the size before the first, plus all that joined, minus all that left. Customers erased
    /// since then are counted. Of a time whose history is no longer kept, the sum of its changes stands at the next one kept.</remarks>
    /// <param name="from">Where to begin; 30 days before <c>to</c>, at the beginning of an interval, when left out.</param>
    /// <param name="to">Where to end; now when left out.</param>
    /// <param name="interval">How long the intervals are; a day when left out, or a month where that makes more than 1,000.</param>
    [HttpGet]
    [ProducesResponseType<Trend>(StatusCodes.Status200OK)]
    public async Task<Trend> Get(string key, Instant? from, Instant? to, CalendarUnit? interval, CancellationToken cancellation)
    {
        var (_, segment) = await query.FindAsync(key, cancellation);
        var calendar = new Calendar(segment.TimeZone);
        var end = to?.Value ?? LocalTime.Truncate(time.GetUtcNow());
        var start = from?.Value ?? calendar.Floor(end - LocalTime.Earliest > DefaultPeriod ? end - DefaultPeriod : LocalTime.Earliest, interval ?? CalendarUnit.Day);
        if (start >= end)
        {
            throw ApiProblem.Invalid("from", "from takes an instant before to.");
        }

        var unit = interval ?? (calendar.Between(start, end, CalendarUnit.Day).Skip(MaxIntervals).Any() ? CalendarUnit.Month : CalendarUnit.Day);
        DateTimeOffset[] bounds = [start, .. calendar.Between(start, end, unit).Take(MaxIntervals + 1)];
        if (bounds.Length > MaxIntervals + 1)
        {
            throw ApiProblem.Invalid("interval", $"That is more than {MaxIntervals} intervals: take longer ones, or a shorter period.");
        }

        var batches = (await MembershipHistory.FirstBatchesAsync(db, bounds, cancellation)).ToArray();
        var rows = await db.Database.SqlQuery<Row>(
            $"""
            SELECT s.joined AS "Joined", s."left" AS "Left", e.size AS "Size"
            FROM unnest({batches[..^1]}, {batches[1..]}) WITH ORDINALITY AS i(first, after, n)
            CROSS JOIN LATERAL (SELECT coalesce(sum(joined), 0) AS joined, coalesce(sum("left"), 0) AS "left" FROM membership_batches WHERE segment_id = {segment.Id} AND id >= i.first AND id < i.after) s
            LEFT JOIN LATERAL (SELECT size FROM membership_batches WHERE segment_id = {segment.Id} AND id < i.after ORDER BY id DESC LIMIT 1) e ON true
            ORDER BY i.n
            """).ToListAsync(cancellation);
        var size = await db.Database.SqlQuery<int>(
            $"""
            SELECT coalesce(
                (SELECT size FROM membership_batches WHERE segment_id = {segment.Id} AND id < {batches[0]} ORDER BY id DESC LIMIT 1),
                (SELECT size - joined + "left" FROM membership_batches WHERE segment_id = {segment.Id} ORDER BY id LIMIT 1), 0) AS "Value"
            """).SingleAsync(cancellation);
        List<TrendInterval> items = [];
        foreach (var (row, i) in rows.Select((r, i) => (r, i)))
        {
            // What was purged is missing from the sums, never from the sizes.
            var (before, purged) = (size, (row.Size ?? size) - size - (row.Joined - row.Left));
            size = row.Size ?? before;
            items.Add(new TrendInterval(bounds[i], bounds[i + 1], size, row.Joined + Math.Max(purged, 0), row.Left + Math.Max(-purged, 0)));
        }

        return new Trend(items, unit, segment.TimeZone);
    }

    private sealed record Row(long Joined, long Left, int? Size);
}

/// <param name="Items">In the order of time, without a gap.</param>
/// <param name="Interval">How long the intervals are.</param>
/// <param name="TimeZone">The segment's, in which intervals begin.</param>
public sealed record Trend(IReadOnlyList<TrendInterval> Items, CalendarUnit Interval, string TimeZone);

/// <param name="Start">The interval's first instant.</param>
/// <param name="End">The next interval's first instant.</param>
/// <param name="Size">Members at the end.</param>
/// <param name="Joined">How often a customer joined.</param>
/// <param name="Left">How often a customer left.</param>
public sealed record TrendInterval(DateTimeOffset Start, DateTimeOffset End, int Size, long Joined, long Left);
