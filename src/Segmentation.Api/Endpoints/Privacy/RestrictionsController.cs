using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;

namespace Segmentation.Api.Endpoints;

/// <summary>Restricting the processing of a customer (GDPR 18, 21).</summary>
[ApiController]
[Route("api/v1/customers/{id}/restriction")]
[Tags("Privacy")]
[Produces("application/json")]
public sealed class RestrictionsController(RestrictionStore store) : ControllerBase
{
    /// <summary>Restricts a customer: all of it is kept, and it is a member of nothing.</summary>
    /// <remarks>It leaves its segments within a second (cause <c>restriction</c>); whoever was not told yet that it joined is not told any
    /// more. It shows as <c>"restricted": true</c>. Its data can still be read, written, exported and erased.</remarks>
    /// <param name="id">The customer's id.</param>
    [HttpPut]
    [RequiresScope(Scopes.Privacy)]
    [ProducesResponseType<RestrictionResource>(StatusCodes.Status200OK)]
    public async Task<RestrictionResource> PutRestriction(
        string id, [FromBody] RestrictionRequest body, CancellationToken cancellation)
    {
        var customer = await store.RestrictAsync(id, body.Reason, cancellation);
        return RestrictionResource.From(customer)!;
    }

    /// <summary>Ends the restriction of a customer: it is again in the segments whose rules it satisfies. Repeatable.</summary>
    /// <param name="id">The customer's id.</param>
    [HttpDelete]
    [RequiresScope(Scopes.Privacy)]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    public async Task<IActionResult> DeleteRestriction(string id, CancellationToken cancellation)
    {
        await store.LiftAsync(id, cancellation);
        return NoContent();
    }
}

/// <summary>Why a customer is restricted.</summary>
/// <param name="Reason">1 to 1,000 characters. Only <c>/data</c> shows it.</param>
public sealed record RestrictionRequest([property: Needed] string? Reason);
