using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Access;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Privacy;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints;

/// <summary>What data of customers is used for.</summary>
[ApiController]
[Route("api/v1/purposes")]
[Tags("Privacy")]
[Produces("application/json")]
public sealed class PurposesController(SegmentationDb db, PurposeStore store) : ControllerBase
{
    /// <summary>Lists all registered purposes, by name.</summary>
    [HttpGet]
    [RequiresScope(Scopes.SegmentsRead)]
    public async Task<Page<PurposeResource>> List(int? limit, string? cursor, CancellationToken cancellation)
    {
        var size = Paging.Limit(limit);
        var after = Paging.TextCursor(cursor) ?? "";
        var purposes = db.Purposes.AsNoTracking().Where(p => string.Compare(p.Name, after) > 0);
        return await Paging.ReadAsync(purposes.OrderBy(p => p.Name), size, PurposeResource.From, p => [p.Name], cancellation);
    }

    /// <summary>One registered purpose.</summary>
    [HttpGet("{name}")]
    [RequiresScope(Scopes.SegmentsRead)]
    [ProducesResponseType<PurposeResource>(StatusCodes.Status200OK)]
    public async Task<PurposeResource> Get(string name, CancellationToken cancellation)
    {
        var purpose = CustomerNames.IsValid(name)
            ? await db.Purposes.AsNoTracking().SingleOrDefaultAsync(p => p.Name == name, cancellation)
            : null;
        return PurposeResource.From(purpose ?? throw ApiProblem.NotFound("purpose"));
    }

    /// <summary>Registers a purpose, or changes one.</summary>
    /// <remarks>A name is <c>^[a-z][a-z0-9_]{0,62}$</c>. Those that customers had consents for before there was a register are in it as
    /// they are.</remarks>
    [HttpPut("{name}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<PurposeResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<PurposeResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Put(string name, PurposeResource body, CancellationToken cancellation)
    {
        var (purpose, created) = await store.SaveAsync(name, body, Request.CheckIfMatch, cancellation);
        var resource = PurposeResource.From(purpose);
        return created ? Created($"/api/v1/purposes/{name}", resource) : Ok(resource);
    }

    /// <summary>Takes a purpose off the register. What customers consented to stays on record. Repeatable.</summary>
    /// <remarks>A 409 names the active segments whose rules read its consent, or the playbooks that are not archived.</remarks>
    [HttpDelete("{name}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Delete(string name, CancellationToken cancellation)
    {
        await store.DeleteAsync(name, cancellation);
        return NoContent();
    }
}
