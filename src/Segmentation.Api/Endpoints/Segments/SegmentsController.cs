using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Segmentation.Api.Access;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Idempotency;
using Segmentation.Api.Memberships;
using Segmentation.Api.Playbooks;
using Segmentation.Api.Segments;
using Segmentation.Api.Webhooks;

namespace Segmentation.Api.Endpoints;

/// <summary>Segments: their definitions.</summary>
[ApiController]
[Route("api/v1/segments")]
[Tags("Segments")]
[Produces("application/json")]
public sealed class SegmentsController(
    SegmentationDb db, SegmentReader reader, SegmentStore store, SegmentQuery query, ManualMembership members,
    PlaybookReferences playbooks, SensitiveReads sensitive) : ControllerBase
{
    /// <summary>Creates a segment.</summary>
    /// <remarks>The rule is checked whole: a 400 names every fault by JSON Pointer. Its members can be asked for at once.</remarks>
    [HttpPost]
    [Idempotent]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Create(SegmentResource body, CancellationToken cancellation)
    {
        var key = body.Key ?? throw ApiProblem.Invalid("/key", "A segment needs a key.");
        await store.CheckAsync(body, cancellation);
        await using var transaction = await store.BeginAsync(cancellation);
        return await SaveAsync(await store.NewAsync(key, cancellation), body, transaction, cancellation);
    }

    /// <summary>Lists segments, by key unless <c>sort</c> says otherwise.</summary>
    /// <remarks>Each segment that keeps its place is listed once. One whose size or time of update changes between two pages may be
    /// listed twice or not at all.</remarks>
    /// <param name="tag">Only those with this tag.</param>
    /// <param name="status">Only those of this status.</param>
    /// <param name="kind">Only those made by a rule, or only those made by hand.</param>
    /// <param name="valid"><c>false</c>: only those whose rule can't be evaluated; <c>true</c>: only the others.</param>
    /// <param name="q">Only those whose key, name, description, goal or a tag contains this, whatever its case.</param>
    /// <param name="sort"><c>key</c>, <c>name</c>, <c>size</c> or <c>updated</c>; with a hyphen before it for the descending order.
    /// Segments that were never counted are the smallest.</param>
    [HttpGet]
    [RequiresScope(Scopes.SegmentsRead)]
    public Task<Page<SegmentResource>> List(
        string? tag,
        SegmentStatus? status,
        SegmentKind? kind,
        bool? valid,
        string? q,
        string? sort,
        int? limit,
        string? cursor,
        CancellationToken cancellation)
    {
        var filter = new SegmentFilter(
            tag is null ? null : Paging.Text(tag, nameof(tag)), status, kind, valid, q is null ? null : Paging.Text(q, nameof(q)));
        return reader.ListAsync(filter, SegmentSort.Parse(sort), Paging.Limit(limit), cursor, cancellation);
    }

    /// <summary>One segment, with the count of its members as of now.</summary>
    /// <remarks>Where counting takes too long, the last count stands, with the time it was made.</remarks>
    [HttpGet("{key}")]
    [RequiresScope(Scopes.SegmentsRead)]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status200OK)]
    public async Task<SegmentResource> Get(string key, CancellationToken cancellation)
    {
        var segment = await reader.ReadAsync(key, cancellation);
        Response.SetETag(segment.Version!.Value);
        return segment;
    }

    /// <summary>What uses a segment, and so would notice if it changed or went.</summary>
    /// <remarks>A segment that other segments' rules or playbooks refer to can't be deleted. Webhooks are those that name it and those of
    /// all segments.</remarks>
    [HttpGet("{key}/used-by")]
    [RequiresScope(Scopes.SegmentsRead)]
    [ProducesResponseType<SegmentUsers>(StatusCodes.Status200OK)]
    public async Task<SegmentUsers> UsedBy(string key, CancellationToken cancellation)
    {
        var (all, _) = await query.FindAsync(key, cancellation);
        var webhooks = await db.Webhooks.AsNoTracking().Where(w => w.Segments.Length == 0 || w.Segments.Contains(key))
            .OrderBy(w => w.Id).Select(w => new WebhookName(w.Id, w.Url, w.Enabled)).ToListAsync(cancellation);
        var segments = all.FindReferrers(key).Select(k => all.Segments[k]).Select(s => new SegmentUser(s.Key, s.Name, s.Status));
        return new SegmentUsers(
            [.. segments], await playbooks.ListSegmentUsersAsync(key, cancellation), [], webhooks);
    }

    /// <summary>Creates or replaces a segment.</summary>
    /// <remarks>Honors <c>If-Match</c>. A changed definition is a new version; the old ones are kept. A segment whose rule has become
    /// invalid can be put back as it was read, but not made active.</remarks>
    [HttpPut("{key}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status412PreconditionFailed)]
    public async Task<IActionResult> Put(string key, SegmentResource body, CancellationToken cancellation)
    {
        CheckKey(body.Key ?? key, key);
        body = body with { Key = key };
        await store.CheckAsync(body, cancellation);
        await using var transaction = await store.BeginAsync(cancellation);
        var segment = await db.Segments.FindByKeyAsync(key, cancellation);
        Request.CheckIfMatch(segment?.Version);
        return await SaveAsync(segment ?? store.New(key), body, transaction, cancellation);
    }

    /// <summary>Changes a segment by JSON Merge Patch (RFC 7396); a <c>rule</c> replaces the whole rule.</summary>
    /// <remarks>A segment whose rule has become invalid can be renamed, tagged and archived as it is, but not made active.</remarks>
    [HttpPatch("{key}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [Consumes("application/merge-patch+json", "application/json")]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status412PreconditionFailed)]
    public async Task<IActionResult> Patch(string key, JsonElement patch, CancellationToken cancellation)
    {
        await using var transaction = await store.BeginAsync(cancellation);
        var segment = await db.Segments.GetByKeyAsync(key, cancellation);
        Request.CheckIfMatch(segment.Version);
        var body = MergePatch.Apply(SegmentResource.Definition(segment) with { Key = key }, patch, whole: "rule");
        CheckKey(body.Key, key);
        await store.CheckAsync(body, cancellation);
        return await SaveAsync(segment, body, transaction, cancellation);
    }

    /// <summary>Deletes a segment. Repeatable.</summary>
    /// <remarks>A 409 names the segments whose rules refer to it, whatever their status, or the playbooks that are not
    /// archived.</remarks>
    [HttpDelete("{key}")]
    [RequiresScope(Scopes.SegmentsWrite)]
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

    /// <summary>The definitions that a segment has had, newest first: the last 500.</summary>
    [HttpGet("{key}/versions")]
    [RequiresScope(Scopes.SegmentsRead)]
    [ProducesResponseType<Page<SegmentVersionResource>>(StatusCodes.Status200OK)]
    public async Task<Page<SegmentVersionResource>> Versions(string key, int? limit, string? cursor, CancellationToken cancellation)
    {
        var size = Paging.Limit(limit);
        var before = Paging.NumberCursor(cursor) ?? int.MaxValue;
        var segment = await db.Segments.AsNoTracking().GetByKeyAsync(key, cancellation);
        var versions = db.SegmentVersions.AsNoTracking().Where(v => v.SegmentId == segment.Id && v.Version < before);
        return await Paging.ReadAsync(
            versions.OrderByDescending(v => v.Version), size,
            v => new SegmentVersionResource(v.Version, v.Definition, v.ChangedBy, v.ChangedAt), v => [v.Version], cancellation);
    }

    /// <summary>Makes an earlier definition the present one, as a new version.</summary>
    /// <remarks>A 400 where its rule has become invalid since.</remarks>
    [HttpPost("{key}/versions/{version:int}/restore")]
    [Idempotent]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status400BadRequest)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status412PreconditionFailed)]
    public async Task<IActionResult> Restore(string key, int version, CancellationToken cancellation)
    {
        await using var transaction = await store.BeginAsync(cancellation);
        var segment = await db.Segments.GetByKeyAsync(key, cancellation);
        Request.CheckIfMatch(segment.Version);
        var old = await db.SegmentVersions.AsNoTracking()
            .SingleOrDefaultAsync(v => v.SegmentId == segment.Id && v.Version == version, cancellation)
            ?? throw ApiProblem.NotFound("version");
        await sensitive.CheckRestoredAsync(old.Definition, cancellation);
        var body = old.Definition.Deserialize<SegmentResource>(Json.Options)! with { Key = key };
        return await SaveAsync(segment, body, transaction, cancellation);
    }

    /// <summary>Copies a segment under a new key, as a draft. A manual segment's members are copied with it.</summary>
    /// <remarks>The copy of an invalid segment is as invalid, until it is repaired.</remarks>
    [HttpPost("{key}/clone")]
    [Idempotent]
    [RequiresScope(Scopes.SegmentsWrite)]
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
        await store.CheckAsync(definition, cancellation);
        var copy = await store.NewAsync(newKey, cancellation);
        return await SaveAsync(copy, definition, transaction, cancellation, segment);
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
        Segment? original = null)
    {
        Func<Task>? copyMembers = original is null ? null : () => members.CopyAsync(original, segment, cancellation);
        var (created, errors) = await store.SaveAsync(segment, body, User, transaction, cancellation, original, copyMembers);
        Response.SetETag(segment.Version);
        var resource = SegmentResource.From(segment, await query.DefinitionsAsync(cancellation), errors);
        return created ? Created($"/api/v1/segments/{segment.Key}", resource) : Ok(resource);
    }
}

/// <summary>One definition that a segment has had.</summary>
/// <param name="Version">Its number; the first is 1.</param>
/// <param name="Definition">The definition as it was, without the key.</param>
/// <param name="ChangedBy">Who saved it.</param>
/// <param name="ChangedAt">When it was saved.</param>
public sealed record SegmentVersionResource(int Version, JsonElement Definition, string ChangedBy, DateTimeOffset ChangedAt);

/// <summary>What uses a segment.</summary>
/// <param name="Segments">Segments whose rules refer to it, whatever their status.</param>
/// <param name="Playbooks">The keys of the playbooks whose audience names it, but for archived ones.</param>
/// <param name="Experiments">None yet: the service has no experiments.</param>
/// <param name="Webhooks">Webhooks that are told who joins and leaves it.</param>
public sealed record SegmentUsers(
    IReadOnlyList<SegmentUser> Segments,
    IReadOnlyList<string> Playbooks,
    IReadOnlyList<string> Experiments,
    IReadOnlyList<WebhookName> Webhooks);

/// <summary>A segment that uses another.</summary>
/// <param name="Key">The segment's key.</param>
/// <param name="Name">The segment's name.</param>
/// <param name="Status">The segment's status.</param>
public sealed record SegmentUser(string Key, string Name, SegmentStatus Status);

/// <summary>A webhook that is told of a segment's changes.</summary>
/// <param name="Id">The webhook's id.</param>
/// <param name="Url">Where messages are posted to.</param>
/// <param name="Enabled">Whether it is enabled.</param>
public sealed record WebhookName(string Id, string Url, bool Enabled);

/// <summary>What to call a segment's copy.</summary>
/// <param name="Key">The copy's key, which must be new.</param>
/// <param name="Name">The copy's name; that of the original when left out.</param>
public sealed record CloneRequest([property: Needed] string? Key, string? Name = null);
