using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Access;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Idempotency;
using Segmentation.Api.Playbooks;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Endpoints;

/// <summary>Placements: places in an application that can show different things.</summary>
[ApiController]
[Route("api/v1/placements")]
[Tags("Playbooks")]
[Produces("application/json")]
public sealed class PlacementsController(SegmentationDb db, PlacementStore store) : ControllerBase
{
    /// <summary>Creates a placement.</summary>
    [HttpPost]
    [Idempotent]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<PlacementResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Create(PlacementResource body, CancellationToken cancellation)
    {
        var key = body.Key ?? throw ApiProblem.Invalid("/key", "A placement needs a key.");
        store.Check(body);
        await using var transaction = await store.BeginAsync(cancellation);
        if (await store.FindAsync(key, cancellation) is not null)
        {
            throw ApiProblem.Conflict($"There is a placement \"{key}\" already.");
        }

        return Answer(await store.SaveAsync(null, body, transaction, cancellation), created: true);
    }

    /// <summary>Lists placements, by key.</summary>
    /// <param name="status">Only those of this status.</param>
    /// <param name="tag">Only those with this tag.</param>
    /// <param name="q">Only those whose key, name, description or a tag contains this, whatever its case.</param>
    [HttpGet]
    [RequiresScope(Scopes.SegmentsRead)]
    public async Task<Page<PlacementResource>> List(
        PlacementStatus? status, string? tag, string? q, int? limit, string? cursor, CancellationToken cancellation)
    {
        var size = Paging.Limit(limit);
        var after = Paging.TextCursor(cursor) ?? "";
        var placements = db.Placements.AsNoTracking().Where(p => string.Compare(p.Key, after) > 0);
        placements = status is null ? placements : placements.Where(p => p.Status == status);
        placements = tag is null ? placements : placements.Where(p => p.Tags.Contains(Paging.Text(tag, nameof(tag))));
        var search = q is null ? null : CaseNormalizer.Normalize(Paging.Text(q, nameof(q)));
        var found = (await placements.OrderBy(p => p.Key).ToListAsync(cancellation))
            .Where(p => TextSearch.Has(search, [p.Key, p.Name, p.Description, .. p.Tags])).Take(size + 1);
        return Paging.Create([.. found], size, PlacementResource.From, p => [p.Key]);
    }

    /// <summary>One placement.</summary>
    [HttpGet("{key}")]
    [RequiresScope(Scopes.SegmentsRead)]
    [ProducesResponseType<PlacementResource>(StatusCodes.Status200OK)]
    public async Task<PlacementResource> Get(string key, CancellationToken cancellation)
    {
        var placement = await db.Placements.AsNoTracking().SingleOrDefaultAsync(p => p.Key == key, cancellation)
            ?? throw ApiProblem.NotFound("placement");
        Response.SetETag(placement.Version);
        return PlacementResource.From(placement);
    }

    /// <summary>Creates or replaces a placement.</summary>
    /// <remarks>Honors <c>If-Match</c>. Another type is a 409 that names the playbooks, while some that are not archived name it.</remarks>
    [HttpPut("{key}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<PlacementResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<PlacementResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status412PreconditionFailed)]
    public async Task<IActionResult> Put(string key, PlacementResource body, CancellationToken cancellation)
    {
        CheckKey(body.Key ?? key, key);
        body = body with { Key = key };
        store.Check(body);
        await using var transaction = await store.BeginAsync(cancellation);
        var placement = await store.FindAsync(key, cancellation);
        Request.CheckIfMatch(placement?.Version);
        return Answer(await store.SaveAsync(placement, body, transaction, cancellation), created: placement is null);
    }

    /// <summary>Changes a placement by JSON Merge Patch (RFC 7396); a <c>fallback</c> replaces the whole fallback.</summary>
    [HttpPatch("{key}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [Consumes("application/merge-patch+json", "application/json")]
    [ProducesResponseType<PlacementResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status412PreconditionFailed)]
    public async Task<IActionResult> Patch(string key, JsonElement patch, CancellationToken cancellation)
    {
        await using var transaction = await store.BeginAsync(cancellation);
        var placement = await store.FindAsync(key, cancellation) ?? throw ApiProblem.NotFound("placement");
        Request.CheckIfMatch(placement.Version);
        var body = MergePatch.Apply(PlacementResource.From(placement), patch, whole: "fallback");
        CheckKey(body.Key, key);
        store.Check(body);
        return Answer(await store.SaveAsync(placement, body, transaction, cancellation), created: false);
    }

    /// <summary>Deletes a placement. Repeatable.</summary>
    /// <remarks>A 409 names the playbooks, other than archived ones, that name it.</remarks>
    [HttpDelete("{key}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Delete(string key, CancellationToken cancellation)
    {
        await using var transaction = await store.BeginAsync(cancellation);
        var placement = await store.FindAsync(key, cancellation);
        Request.CheckIfMatch(placement?.Version);
        if (placement is not null)
        {
            await store.DeleteAsync(placement, transaction, cancellation);
        }

        return NoContent();
    }

    private static void CheckKey(string? requested, string key)
    {
        if (requested != key)
        {
            throw ApiProblem.Invalid("/key", "The key is that of the address; a placement can't be renamed.");
        }
    }

    private IActionResult Answer(Placement placement, bool created)
    {
        Response.SetETag(placement.Version);
        var resource = PlacementResource.From(placement);
        return created ? Created($"/api/v1/placements/{placement.Key}", resource) : Ok(resource);
    }
}
