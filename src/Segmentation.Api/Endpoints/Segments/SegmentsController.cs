using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints;

/// <summary>Segments: their definitions.</summary>
[ApiController]
[Route("api/v1/segments")]
[Tags("Segments")]
[Produces("application/json")]
public sealed class SegmentsController(
    SegmentationDb db, SegmentReader reader, SegmentStore store, ManualMembership members) : ControllerBase
{
    /// <summary>Creates a segment.</summary>
    /// <remarks>The rule is checked whole: a 400 names every fault by JSON Pointer. Its members can be asked for at once.</remarks>
    [HttpPost]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Create(SegmentResource body, CancellationToken cancellation)
    {
        var key = body.Key ?? throw ApiProblem.Invalid("/key", "A segment needs a key.");
        store.Check(body);
        await using var transaction = await store.BeginAsync(cancellation);
        return await SaveAsync(await store.NewAsync(key, cancellation), body, transaction, cancellation);
    }

    /// <summary>Lists segments, by key.</summary>
    /// <param name="tag">Only those with this tag.</param>
    /// <param name="status">Only those of this status.</param>
    /// <param name="q">Only those whose key, name, description or goal contains this, whatever its case.</param>
    [HttpGet]
    public async Task<Page<SegmentResource>> List(
        string? tag, SegmentStatus? status, string? q, int? limit, string? cursor, CancellationToken cancellation)
    {
        var size = Paging.Limit(limit);
        var after = Paging.TextCursor(cursor);
        var segments = db.Segments.AsNoTracking().Filter(tag, status, q);
        segments = after is null ? segments : segments.Where(s => string.Compare(s.Key, after) > 0);
        var rows = await segments.OrderBy(s => s.Key).Take(size + 1).ToListAsync(cancellation);
        return Paging.Create(rows, size, await reader.CreateViewAsync(rows, cancellation), s => [s.Key]);
    }

    /// <summary>One segment, with the count of its members as of now.</summary>
    /// <remarks>Where counting takes too long, the last count stands, with the time it was made.</remarks>
    [HttpGet("{key}")]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status200OK)]
    public async Task<SegmentResource> Get(string key, CancellationToken cancellation)
    {
        var segment = await reader.ReadAsync(key, cancellation);
        Response.SetETag(segment.Version!.Value);
        return segment;
    }

    /// <summary>Creates or replaces a segment.</summary>
    /// <remarks>Honours <c>If-Match</c>. A changed definition is a new version; the old ones are kept.</remarks>
    [HttpPut("{key}")]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status412PreconditionFailed)]
    public async Task<IActionResult> Put(string key, SegmentResource body, CancellationToken cancellation)
    {
        CheckKey(body.Key ?? key, key);
        body = body with { Key = key };
        store.Check(body);
        await using var transaction = await store.BeginAsync(cancellation);
        var segment = await db.Segments.FindByKeyAsync(key, cancellation);
        Request.CheckIfMatch(segment?.Version);
        return await SaveAsync(segment ?? store.New(key), body, transaction, cancellation);
    }

    /// <summary>Changes a segment by JSON Merge Patch (RFC 7396).</summary>
    [HttpPatch("{key}")]
    [Consumes("application/merge-patch+json", "application/json")]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status412PreconditionFailed)]
    public async Task<IActionResult> Patch(string key, JsonElement patch, CancellationToken cancellation)
    {
        await using var transaction = await store.BeginAsync(cancellation);
        var segment = await db.Segments.GetByKeyAsync(key, cancellation);
        Request.CheckIfMatch(segment.Version);
        var body = MergePatch.Apply(SegmentResource.Definition(segment) with { Key = key }, patch);
        CheckKey(body.Key, key);
        store.Check(body);
        return await SaveAsync(segment, body, transaction, cancellation);
    }

    /// <summary>Deletes a segment. Repeatable.</summary>
    [HttpDelete("{key}")]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Delete(string key, CancellationToken cancellation)
    {
        await using var transaction = await store.BeginAsync(cancellation);
        var segment = await db.Segments.FindByKeyAsync(key, cancellation);
        Request.CheckIfMatch(segment?.Version);
        if (segment is not null)
        {
            await store.DeleteAsync(segment, transaction, cancellation);
        }

        return NoContent();
    }

    /// <summary>Every definition that a segment has had, newest first.</summary>
    [HttpGet("{key}/versions")]
    [ProducesResponseType<Page<SegmentVersionResource>>(StatusCodes.Status200OK)]
    public async Task<Page<SegmentVersionResource>> Versions(string key, int? limit, string? cursor, CancellationToken cancellation)
    {
        var size = Paging.Limit(limit);
        var before = Paging.NumberCursor(cursor) ?? int.MaxValue;
        var segment = await db.Segments.AsNoTracking().GetByKeyAsync(key, cancellation);
        var rows = await db.SegmentVersions.AsNoTracking().Where(v => v.SegmentId == segment.Id && v.Version < before)
            .OrderByDescending(v => v.Version).Take(size + 1).ToListAsync(cancellation);
        return Paging.Create(
            rows, size, v => new SegmentVersionResource(v.Version, v.Definition, v.ChangedBy, v.ChangedAt), v => [v.Version]);
    }

    /// <summary>Makes an earlier definition the present one, as a new version.</summary>
    [HttpPost("{key}/versions/{version:int}/restore")]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status412PreconditionFailed)]
    public async Task<IActionResult> Restore(string key, int version, CancellationToken cancellation)
    {
        await using var transaction = await store.BeginAsync(cancellation);
        var segment = await db.Segments.GetByKeyAsync(key, cancellation);
        Request.CheckIfMatch(segment.Version);
        var old = await db.SegmentVersions.AsNoTracking()
            .SingleOrDefaultAsync(v => v.SegmentId == segment.Id && v.Version == version, cancellation)
            ?? throw ApiProblem.NotFound("version");
        var body = old.Definition.Deserialize<SegmentResource>(Json.Options)! with { Key = key };
        return await SaveAsync(segment, body, transaction, cancellation);
    }

    /// <summary>Copies a segment under a new key, as a draft. A manual segment's members are copied with it.</summary>
    [HttpPost("{key}/clone")]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Clone(string key, CloneRequest body, CancellationToken cancellation)
    {
        var newKey = body.Key ?? throw ApiProblem.Invalid("/key", "A copy needs a key.");
        await using var transaction = await store.BeginAsync(cancellation);
        var segment = await db.Segments.GetByKeyAsync(key, cancellation);
        var definition = SegmentResource.Definition(segment) with
        {
            Key = newKey,
            Name = body.Name ?? segment.Name,
            Status = SegmentStatus.Draft,
        };
        store.Check(definition);
        var copy = await store.NewAsync(newKey, cancellation);
        return await SaveAsync(copy, definition, transaction, cancellation, () => members.CopyAsync(segment, copy, cancellation));
    }

    private static void CheckKey(string? requested, string key)
    {
        if (requested != key)
        {
            throw ApiProblem.Invalid("/key", "The key is that of the address; a segment can't be renamed.");
        }
    }

    private async Task<IActionResult> SaveAsync(
        Segment segment,
        SegmentResource body,
        IDbContextTransaction transaction,
        CancellationToken cancellation,
        Func<Task>? addMembers = null)
    {
        var created = await store.SaveAsync(segment, body, User, transaction, cancellation, addMembers);
        Response.SetETag(segment.Version);
        var resource = SegmentResource.From(segment, []);
        return created ? CreatedAtAction(nameof(Get), new { key = segment.Key }, resource) : Ok(resource);
    }
}

/// <summary>One definition that a segment has had.</summary>
public sealed record SegmentVersionResource(int Version, JsonElement Definition, string ChangedBy, DateTimeOffset ChangedAt);

/// <summary>The key of a segment's copy.</summary>
/// <param name="Name">Defaults to the name of the original.</param>
public sealed record CloneRequest(string? Key, string? Name = null);
