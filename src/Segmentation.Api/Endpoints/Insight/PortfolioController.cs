using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Insight;

namespace Segmentation.Api.Endpoints;

/// <summary>All active segments in one table.</summary>
[ApiController]
[Route("api/v1/portfolio")]
[Tags("Insight")]
[RequiresScope(Scopes.MembershipRead)]
[Produces(MediaTypes.Json)]
public sealed class PortfolioController(PortfolioReader portfolios) : ControllerBase
{
    /// <summary>Every active segment in one table, to decide where effort goes: how large it is, how it grows, what it is worth.</summary>
    /// <remarks><c>value</c> is what those were worth in the last <c>days</c> who were in when these began, whatever they did later;
    /// <c>index</c> is how many times everyone's it is, a member each. Segments overlap, so that shares add up to more than 1. Of a segment
    /// whose stays are not stored that long, growth and value are null; <c>membership=rule</c> evaluates its rule instead.
    /// <c>predicted</c>, <c>position</c> and <c>atRisk</c> without a segment need a model of lifetime value; its scores stand as they are,
    /// whatever <c>asOf</c> says.</remarks>
    /// <param name="metric">A metric's key; <c>revenue</c> when left out.</param>
    /// <param name="days">How many days to look back: 1 to 3,660; 90 when left out, or as many as events are kept.</param>
    /// <param name="sort"><c>value</c> (the default), <c>perMember</c>, <c>growth</c> (by <c>net</c>), <c>predicted</c> or <c>atRisk</c>:
    /// the largest first, what is not known last.</param>
    /// <param name="tag">Only segments with this tag.</param>
    /// <param name="atRisk">The key of the segment of those who are likely to be lost; left out, they are those of whom
    /// <c>predicted.aliveProbability</c> is below 0.5 and whose last order is within 365 days.</param>
    /// <param name="membership"><c>kept</c> (the default): the stays that are stored. <c>rule</c>: the rules, evaluated at the beginning
    /// and the end, at most 400 evaluations.</param>
    /// <param name="asOf">The last instant of the period; now when left out.</param>
    [HttpGet]
    [Work(WorkClass.Heavy)]
    [ProducesResponseType<Portfolio>(StatusCodes.Status200OK)]
    public Task<Portfolio> Get(
        string? metric,
        int? days,
        PortfolioSort? sort,
        string? tag,
        string? atRisk,
        MembershipSource? membership,
        Instant? asOf,
        int? limit,
        string? cursor,
        CancellationToken cancellation) =>
        portfolios.ReadAsync(
            new PortfolioRequest(
                metric, days, sort ?? PortfolioSort.Value, tag is null ? null : Paging.Text(tag, nameof(tag)), atRisk,
                membership ?? MembershipSource.Kept, asOf?.Value, Paging.Limit(limit), cursor),
            cancellation);
}
