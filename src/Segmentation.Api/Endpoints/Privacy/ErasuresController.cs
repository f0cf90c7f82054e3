using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Http;
using Segmentation.Api.Rights;

namespace Segmentation.Api.Endpoints;

/// <summary>Receipts of erasures.</summary>
[ApiController]
[Route("api/v1/erasures")]
[Tags("Privacy")]
[RequiresScope(Scopes.Privacy)]
[Produces(MediaTypes.Json)]
public sealed class ErasuresController(ErasureReader reader) : ControllerBase
{
    /// <summary>Lists the receipts of all erasures, the newest first.</summary>
    /// <remarks>A receipt says what went and what is left, and not whose it was: whoever asked for the erasure got its number, in the
    /// header <c>Erasure-Receipt</c>.</remarks>
    [HttpGet]
    [ProducesResponseType<Page<ErasureResource>>(StatusCodes.Status200OK)]
    public Task<Page<ErasureResource>> List(int? limit, string? cursor, CancellationToken cancellation) =>
        reader.ListAsync(limit, cursor, cancellation);

    /// <summary>One receipt, with what is left to do of the erasure.</summary>
    /// <param name="receipt">As the header <c>Erasure-Receipt</c> said it.</param>
    [HttpGet("{receipt}")]
    [ProducesResponseType<ErasureResource>(StatusCodes.Status200OK)]
    public Task<ErasureResource> Get(string receipt, CancellationToken cancellation) => reader.FindAsync(receipt, cancellation);
}
