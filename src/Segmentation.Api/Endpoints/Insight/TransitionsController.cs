using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Insight;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints;

/// <summary>How customers move between segments.</summary>
[ApiController]
[Route("api/v1/segments/transitions")]
[Tags("Insight")]
[RequiresScope(Scopes.MembershipRead)]
[Produces(MediaTypes.Json)]
public sealed class TransitionsController(SegmentQuery query, TransitionReader transitions) : ControllerBase
{
    /// <summary>How customers move between segments, and what that comes to.</summary>
    /// <remarks>At each instant a customer's state is the first of the segments that it is in, else `none`; before it was first seen,
    /// signed up or created it is `absent`. Counted is which state was followed by which from one instant to the next, of all customers
    /// that are held now. `homogeneous` tests whether the first half moved as the second: only then one matrix is worth following `ahead`,
    /// and `backtest` says how well that would have gone. `kept` knows nothing before `keptSince`.</remarks>
    [HttpPost]
    [Work(WorkClass.Heavy)]
    [ActionName("Transitions")]
    [ProducesResponseType<Transitions>(StatusCodes.Status200OK)]
    public async Task<Transitions> Transitions(TransitionsRequest body, CancellationToken cancellation) =>
        await transitions.ReadAsync(await query.DefinitionsAsync(cancellation), body, cancellation);
}
