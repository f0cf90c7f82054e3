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
public sealed class HeadingController(
    SegmentQuery query, ClockReader clock, ForecastReader forecasts, BriefReader briefs, SensitiveReads sensitive) : ControllerBase
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
        return movers with { Items = Show(movers.Items) };
    }

    /// <summary>A segment's size in the days to come.</summary>
    /// <remarks>`items` is what is expected from the daily sizes so far: of four methods, for each day ahead the one that erred least in
    /// the past, with intervals from its errors; `backtest` says how good that was. At least 56 daily sizes are needed, at most 730 are
    /// read. `clock` is exact, no expectation: the rule as of the beginning of each seventh day from today, over the data of now, if nobody
    /// does anything.</remarks>
    /// <param name="days">How many days ahead: 1 to 366; 30 when left out. Below 7 there is no week to come, and `clock` is empty.</param>
    /// <param name="membership"><c>kept</c> (the default): the stays that are stored. <c>rule</c>: the rule evaluated as of the beginning
    /// of each of the last 120 days, so that a segment made today has a past.</param>
    /// <param name="asOf">The instant after which nothing exists; now when left out.</param>
    [HttpGet("forecast")]
    [Work(WorkClass.Heavy)]
    [ActionName("Forecast")]
    [ProducesResponseType<Forecast>(StatusCodes.Status200OK)]
    public async Task<Forecast> Forecast(
        string key, int? days, MembershipSource? membership, Instant? asOf, CancellationToken cancellation)
    {
        var ahead = ClockReader.CheckDays(days);
        var (all, segment) = await query.FindAsync(key, cancellation);
        return await forecasts.ReadAsync(all, segment, ahead, membership ?? MembershipSource.Kept, asOf?.Value, cancellation);
    }

    /// <summary>A segment on one page, for people.</summary>
    /// <remarks>Its goal, its rule in words, size and trend, what marks its members (by the newest `profile`), how they do by its
    /// `goalMetric`, where it is heading, who is about to leave, and what is not known. Nothing of its own: it is what `/count`, `/trend`,
    /// `/performance`, `/forecast` and `/movers` answer, together. `Accept: text/markdown` gives the page, JSON its figures.</remarks>
    /// <param name="format"><c>json</c> or <c>markdown</c>. Left out, Accept says it, and JSON is meant by <c>*/*</c>.</param>
    /// <param name="membership"><c>kept</c> (the default): the stays that are stored. <c>rule</c>: the rule evaluated as of each instant,
    /// 124 times: a segment made today has a past.</param>
    /// <param name="asOf">The instant after which nothing exists; now when left out.</param>
    [HttpGet("brief")]
    [Work(WorkClass.Heavy)]
    [ActionName("Brief")]
    [Produces(MediaTypes.Json, MediaTypes.Markdown)]
    [ProducesResponseType<Brief>(StatusCodes.Status200OK)]
    public async Task<IActionResult> Brief(
        string key, BriefFormat? format, MembershipSource? membership, Instant? asOf, CancellationToken cancellation)
    {
        var form = format
            ?? (Request.Negotiate(MediaTypes.Json, MediaTypes.Markdown) == MediaTypes.Markdown ? BriefFormat.Markdown : BriefFormat.Json);
        var hidden = await sensitive.FindHiddenAsync(cancellation);
        var brief = await briefs.ReadAsync(key, membership ?? MembershipSource.Kept, asOf?.Value, hidden, cancellation);
        brief = brief.Leaving is { } leaving ? brief with { Leaving = leaving with { Soonest = Show(leaving.Soonest) } } : brief;
        return form == BriefFormat.Markdown
            ? Content(BriefText.Write(brief), $"{MediaTypes.Markdown}; charset=utf-8")
            : new JsonResult(brief);
    }

    // What single customers are worth needs a scope of its own.
    private IReadOnlyList<Mover> Show(IReadOnlyList<Mover> movers) => HttpContext.Caller.Has(Scopes.CustomersRead)
        ? movers
        : [.. movers.Select(m => m with { LifetimeValue = null, ChurnRisk = null })];
}

/// <summary>In which form a brief is.</summary>
public enum BriefFormat { Json, Markdown }
