using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Insight;

namespace Segmentation.Api.Endpoints;

/// <summary>RFM: customers by how recent, how many and how valuable their orders are.</summary>
[ApiController]
[Route("api/v1/rfm")]
[Tags("Insight")]
[RequiresScope(Scopes.MembershipRead)]
[Produces(MediaTypes.Json)]
public sealed class RfmController(RfmReader rfm) : ControllerBase
{
    /// <summary>How many customers there are in each cell and each group of RFM.</summary>
    /// <remarks>Among customers with an order: recency by `lastOrderAt`, frequency by `orderCount`, monetary value by
    /// `lifetimeValue`, 1 to 5 each. A score is 1 + ⌊5 × (how many have less) / (all of them)⌋, so that equal values have equal
    /// scores. The values from which on a score is reached are fixed by an analysis `rfm`, each day (setting
    /// `Predictions:ScoreAt`) and when asked for (`POST /analyses`); until the next, a customer's scores follow its own orders
    /// at once. Rules read them as `value.rfmRecency`, `value.rfmFrequency`, `value.rfmMonetary` and `value.rfmGroup`; a
    /// group's `rule` can be saved as a segment's.</remarks>
    /// <param name="asOf">The instant to look at, with its offset; now when left out. In the past, the thresholds are those that were in
    /// force then, and orders those up to then.</param>
    [HttpGet]
    [Work(WorkClass.Heavy)]
    [ActionName("Get")]
    [ProducesResponseType<Rfm>(StatusCodes.Status200OK)]
    public Task<Rfm> Get(Instant? asOf, CancellationToken cancellation) => rfm.ReadAsync(asOf?.Value, cancellation);
}
