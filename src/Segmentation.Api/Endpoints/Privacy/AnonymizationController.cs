using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Endpoints;

/// <summary>Taking out of a customer what tells who it is.</summary>
[ApiController]
[Route("api/v1/customers/{id}/anonymize")]
[Tags("Privacy")]
[Produces(MediaTypes.Json)]
public sealed class AnonymizationController(CustomerAnonymization anonymization) : ControllerBase
{
    /// <summary>Makes a customer anonymous: what it did still counts, and nobody can tell who it was.</summary>
    /// <remarks>It gets a new id, which is answered here and stored nowhere beside the old one: this can't be undone, nor asked again
    /// (404). Gone are email, names, postal code, the place of the time zone (`Europe/Berlin` becomes `Etc/GMT-1`), texts of attributes
    /// without `"keepAnonymous": true` and of sensitive ones, consents, a restriction, the ids of its events, and their properties but for
    /// `Privacy:KeepProperties`. A birth date becomes the first of its year's January, a place is rounded to a tenth of a degree. What was
    /// added up stays, and it is a member by what is left; whoever follows a segment is told that it left, cause `erased`, by its old id
    /// alone. Where the old id stood is erased as by `DELETE /customers/{id}`, and does not come back. 1,000 events are changed at once,
    /// more within a minute (`remaining` of the receipt). It is a 409 while a manual segment with it has 5 members or fewer.</remarks>
    /// <param name="id">The customer's id.</param>
    [HttpPost]
    [RefusesBody]
    [RequiresScope(Scopes.Privacy)]
    [Work(WorkClass.Bulk)]
    [ProducesResponseType<AnonymizedResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<AnonymizedResource> Anonymize(string id, CancellationToken cancellation)
    {
        var (receipt, anonymous) = await anonymization.AnonymizeAsync(id, cancellation);
        return new AnonymizedResource(receipt, anonymous);
    }
}

/// <summary>A customer that became anonymous.</summary>
/// <param name="Receipt">To ask for what is left: <c>GET /erasures/{receipt}</c>. It does not say whose it is.</param>
/// <param name="Id">The customer's id from now on: <c>anon_</c> and 22 random characters.</param>
public sealed record AnonymizedResource(string Receipt, string Id);
