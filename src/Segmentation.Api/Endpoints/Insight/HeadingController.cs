using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Insight;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints;

/// <summary>Where a segment is heading.</summary>
[ApiController]
[Route("api/v1/segments/{key}")]
[Tags("Insight")]
[RequiresScope(Scopes.MembershipRead)]
[Produces(MediaTypes.Json)]
public sealed class HeadingController(SegmentQuery query, ClockReader clock) : ControllerBase
{
    /// <summary>Who will leave a segment, or join it, if nobody does anything.</summary>
    /// <remarks>No guess: it is the rule of tomorrow and the days after, over the data of now. Each customer that is a member now and won't
    /// be at the beginning of one of the next days (with `change=join`: is none now and will be), by id, with the first such day. What only
    /// customers can do is not in it: a customer that would leave on Friday stays by ordering on Thursday. A segment whose rule doesn't
    /// read the clock moves nobody. Where few of those that the clock may move do move, a page has fewer than `limit`, or none, and a
    /// `nextCursor`: go on while there is one.</remarks>
    /// <param name="days">How many days ahead: 1 to 366; 30 when left out.</param>
    /// <param name="change">Who leaves, or who joins; `leave` when left out.</param>
    [HttpGet("movers")]
    [Work(WorkClass.Heavy)]
    [ActionName("Movers")]
    [ProducesResponseType<Movers>(StatusCodes.Status200OK)]
    public async Task<Movers> Movers(
        string key, int? days, ClockMove? change, int? limit, string? cursor, CancellationToken cancellation)
    {
        var (ahead, size, after) = (ClockReader.CheckDays(days), Paging.Limit(limit), Paging.TextCursor(cursor));
        var (all, segment) = await query.FindAsync(key, cancellation);
        var movers = await clock.ReadMoversAsync(all, segment, change ?? ClockMove.Leave, ahead, size, after, cancellation);
        return HttpContext.Caller.Has(Scopes.CustomersRead)
            ? movers
            : movers with { Items = [.. movers.Items.Select(m => m with { LifetimeValue = null, ChurnRisk = null })] };
    }

    /// <summary>A segment's size in the weeks to come, if nobody does anything.</summary>
    /// <remarks>`clock` is exact: the rule as of the beginning of each seventh day from today, over the data of now. Expected sizes with
    /// intervals, from the sizes so far, are not given yet: the answer has the clock alone.</remarks>
    /// <param name="days">How many days ahead: 1 to 366; 30 when left out. Below 7 there is no week to come, and `clock` is empty.</param>
    [HttpGet("forecast")]
    [Work(WorkClass.Heavy)]
    [ActionName("Forecast")]
    [ProducesResponseType<Forecast>(StatusCodes.Status200OK)]
    public async Task<Forecast> Forecast(string key, int? days, CancellationToken cancellation)
    {
        var ahead = ClockReader.CheckDays(days);
        var (all, segment) = await query.FindAsync(key, cancellation);
        return await clock.ReadSizesAsync(all, segment, ahead, cancellation);
    }
}
