using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Customers;
using Segmentation.Api.Experiments;

namespace Segmentation.Api.Endpoints;

/// <summary>Visitors: browsers and devices, of which nothing is held but what they have seen.</summary>
[ApiController]
[Route("api/v1/visitors")]
[Tags("Playbooks")]
[Produces("application/json")]
public sealed class VisitorsController(ExposureErasure erasure) : ControllerBase
{
    /// <summary>Erases what is held of a visitor: its exposures, impressions and link. Repeatable.</summary>
    /// <remarks>What it is linked to, the customer, stays: <c>DELETE /customers/{id}</c> erases that, with all visitors that are linked to
    /// it.</remarks>
    /// <param name="id">The visitor's id, as it was sent.</param>
    [HttpDelete("{id}")]
    [RequiresScope(Scopes.CustomersWrite)]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    public async Task<IActionResult> Erase(string id, CancellationToken cancellation)
    {
        await erasure.EraseVisitorAsync(CustomerIds.CheckStored(id), cancellation);
        return NoContent();
    }
}
