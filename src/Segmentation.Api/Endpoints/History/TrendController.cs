using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Data;
using Segmentation.Api.History;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints;

/// <summary>A segment's size over time.</summary>
[ApiController]
[Route("api/v1/segments/{key}/trend")]
[Tags("History")]
[RequiresScope(Scopes.MembershipRead)]
[Produces(MediaTypes.Json)]
public sealed class TrendController(SegmentQuery query, TrendReader trends) : ControllerBase
{
    /// <summary>A segment's size, and how many joined and left, hour by hour, day by day, by weeks or by months.</summary>
    /// <remarks>Intervals begin where the clock of the segment's time zone begins an hour, day, week (on Monday) or month; the first begins
    /// at <c>from</c> and the last ends at <c>to</c>. <c>size</c> is that at the interval's end: the size before the first, plus all that
    /// joined, minus all that left. Customers erased since then are counted. Where an interval ends before the history begins
    /// (<c>historySince</c>), <c>size</c>, <c>joined</c> and <c>left</c> are null: nothing was stored then, or it is no longer kept. The
    /// interval in which it begins counts from there. A segment that was deleted and made anew under the same key begins
    /// anew.</remarks>
    /// <param name="from">Where to begin; 30 days before <c>to</c>, at the beginning of an interval, when left out.</param>
    /// <param name="to">Where to end; now when left out.</param>
    /// <param name="interval">How long the intervals are; a day when left out, or a month where that makes more than 1,000.</param>
    [HttpGet]
    [Work(WorkClass.Heavy)]
    [ProducesResponseType<Trend>(StatusCodes.Status200OK)]
    public async Task<Trend> Trend(string key, Instant? from, Instant? to, CalendarUnit? interval, CancellationToken cancellation)
    {
        var (_, segment) = await query.FindAsync(key, cancellation);
        return await trends.ReadAsync(segment, from?.Value, to?.Value, interval, cancellation);
    }
}
