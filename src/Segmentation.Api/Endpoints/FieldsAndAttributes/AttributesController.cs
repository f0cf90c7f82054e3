using FluentValidation;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints;

/// <summary>The user's own fields of customers.</summary>
[ApiController]
[Route("api/v1/attributes")]
[Tags("Fields")]
[Produces("application/json")]
[TakesData]
public sealed class AttributesController(SegmentationDb db, AttributeStore store) : ControllerBase
{
    /// <summary>Lists all registered attributes, by name.</summary>
    [HttpGet]
    [RequiresScope(Scopes.SegmentsRead)]
    public async Task<Page<AttributeResource>> List(int? limit, string? cursor, CancellationToken cancellation)
    {
        var size = Paging.Limit(limit);
        var after = Paging.TextCursor(cursor) ?? "";
        var attributes = db.Attributes.AsNoTracking().Where(a => string.Compare(a.Name, after) > 0);
        return await Paging.ReadAsync(attributes.OrderBy(a => a.Name), size, AttributeResource.From, a => [a.Name], cancellation);
    }

    /// <summary>One registered attribute.</summary>
    [HttpGet("{name}")]
    [RequiresScope(Scopes.SegmentsRead)]
    [ProducesResponseType<AttributeResource>(StatusCodes.Status200OK)]
    public async Task<AttributeResource> Get(string name, CancellationToken cancellation)
    {
        var attribute = await db.Attributes.AsNoTracking().SingleOrDefaultAsync(a => a.Name == name, cancellation);
        return AttributeResource.From(attribute ?? throw ApiProblem.NotFound("attribute"));
    }

    /// <summary>Registers an attribute, or changes one. It then appears among the fields.</summary>
    /// <remarks>The type can't change while customers have values, or a segment in whatever status or a playbook that is not archived uses
    /// it: a 409 names them.</remarks>
    [HttpPut("{name}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<AttributeResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<AttributeResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Put(string name, AttributeResource body, CancellationToken cancellation)
    {
        var (attribute, created) = await store.SaveAsync(name, body, HttpContext.Caller, Request.CheckIfMatch, cancellation);
        var resource = AttributeResource.From(attribute);
        return created ? Created($"/api/v1/attributes/{name}", resource) : Ok(resource);
    }

    /// <summary>Deletes an attribute and every customer's value of it. Repeatable.</summary>
    /// <remarks>A 409 names the active segments that use it, or the playbooks that are not archived. Drafts of segments that do become
    /// invalid.</remarks>
    [HttpDelete("{name}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [Work(WorkClass.Bulk)]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Delete(string name, CancellationToken cancellation)
    {
        await store.DeleteAsync(name, HttpContext.Caller, cancellation);
        return NoContent();
    }
}
