using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Data;
using Segmentation.Api.History;
using Segmentation.Api.Http;
using Segmentation.Api.Insight;

namespace Segmentation.Api.Endpoints;

/// <summary>How a segment does.</summary>
[ApiController]
[Route("api/v1/segments/{key}/performance")]
[Tags("Insight")]
[RequiresScope(Scopes.MembershipRead)]
[Produces(MediaTypes.Json)]
public sealed class PerformanceController(PerformanceReader performances) : ControllerBase
{
    /// <summary>How a segment's members do by a metric, hour by hour, day by day, by weeks or by months, beside others.</summary>
    /// <remarks>Buckets are as in <c>/trend</c>, at most 400. Of each: how many members there were, what the metric adds up to, how many
    /// had such an event (<c>conversion</c>), and what each has on average; with 95 % intervals, the difference to those that they are
    /// compared with, and the <c>index</c>: how many times everyone's. By default a bucket counts who was a member at its first instant,
    /// whatever they did later: a segment such as "has not ordered for 90 days" is left by ordering, and among those who are still in it
    /// nobody would ever order. Everyone is all customers there are, as <c>total</c> in count. Before <c>keptSince</c> nobody knows who was
    /// in (<c>membership=kept</c>): values are null.</remarks>
    /// <param name="metric">A metric's key; the segment's <c>goalMetric</c> when left out, or else <c>revenue</c>.</param>
    /// <param name="from">Where to begin; 30 days before <c>to</c>, at the beginning of an interval, when left out.</param>
    /// <param name="to">Where to end; <c>asOf</c> when left out.</param>
    /// <param name="interval">How long the buckets are; a day when left out, or a month where that makes more than 400.</param>
    /// <param name="population"><c>start</c> (the default): who was a member at the bucket's first instant. <c>during</c>: an event counts
    /// if the customer was a member just before it. <c>now</c>: the members of now, in every bucket.</param>
    /// <param name="compare"><c>others</c> (the default: everyone else), <c>everyone</c>, or a segment's key.</param>
    /// <param name="membership"><c>kept</c> (the default): the stays that are stored. <c>rule</c>: the rule evaluated as of each bucket's
    /// beginning, at most 400 evaluations.</param>
    /// <param name="asOf">The instant after which nothing counts; now when left out. A bucket that it cuts is not <c>complete</c>.</param>
    [HttpGet]
    [CountsEvents]
    [Work(WorkClass.Heavy)]
    [ProducesResponseType<Performance>(StatusCodes.Status200OK)]
    public Task<Performance> Performance(
        string key,
        string? metric,
        Instant? from,
        Instant? to,
        CalendarUnit? interval,
        Population? population,
        string? compare,
        MembershipSource? membership,
        Instant? asOf,
        CancellationToken cancellation) =>
        performances.ReadAsync(
            key,
            new PerformanceRequest(
                metric, from?.Value, to?.Value, interval, population ?? Population.Start, compare, membership ?? MembershipSource.Kept,
                asOf?.Value),
            cancellation);
}
