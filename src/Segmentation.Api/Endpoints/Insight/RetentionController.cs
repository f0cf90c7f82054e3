using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Insight;

namespace Segmentation.Api.Endpoints;

/// <summary>Who of a segment comes back.</summary>
[ApiController]
[Route("api/v1/segments/{key}/retention")]
[Tags("Insight")]
[RequiresScope(Scopes.MembershipRead)]
[Produces(MediaTypes.Json)]
public sealed class RetentionController(RetentionReader retentions) : ControllerBase
{
    /// <summary>Which of those who came in one week or month come back in each after it.</summary>
    /// <remarks>A cohort is the calendar period (in the segment's time zone) in which a customer's first order, signup, first sight or
    /// first joining falls; <c>active</c> is how many of them have an event of the metric in that period, in the next one, and so on. Of
    /// <c>by=joined</c> all count who were ever in, of the others the members at <c>asOf</c>. At most 60 cohorts of 60 periods.</remarks>
    /// <param name="metric">A metric's key; the segment's <c>goalMetric</c> when left out, or else <c>revenue</c>.</param>
    /// <param name="cohort"><c>week</c> or <c>month</c> (the default).</param>
    /// <param name="by">What puts a customer into a cohort: <c>firstOrder</c> (the default), <c>signedUp</c>, <c>firstSeen</c> or
    /// <c>joined</c>.</param>
    /// <param name="from">An instant in the first cohort; the last 12 when left out.</param>
    /// <param name="to">The instant at or before which the last cohort ends or which is in it; <c>asOf</c> when left out.</param>
    /// <param name="membership"><c>kept</c> (the default): the stays that are stored. <c>rule</c>: the rule, evaluated as of
    /// <c>asOf</c>.</param>
    /// <param name="asOf">The instant after which nothing counts; now when left out. A period that it cuts is not <c>complete</c>.</param>
    [HttpGet]
    [CountsEvents]
    [Work(WorkClass.Heavy)]
    [ProducesResponseType<Retention>(StatusCodes.Status200OK)]
    public Task<Retention> Retention(
        string key,
        string? metric,
        CohortUnit? cohort,
        CohortAnchor? by,
        Instant? from,
        Instant? to,
        MembershipSource? membership,
        Instant? asOf,
        CancellationToken cancellation) =>
        retentions.ReadAsync(
            key,
            new RetentionRequest(
                metric, cohort ?? CohortUnit.Month, by ?? CohortAnchor.FirstOrder, from?.Value, to?.Value,
                membership ?? MembershipSource.Kept, asOf?.Value),
            cancellation);
}
