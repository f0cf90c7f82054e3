using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Endpoints;

/// <summary>Segments: their definitions.</summary>
[ApiController]
[Route("api/v1/segments")]
[Tags("Segments")]
[Produces("application/json")]
public sealed class SegmentsController(SegmentationDb db, SegmentQuery query, MembershipReader memberships, SegmentStore store, SegmentStates states) : ControllerBase
{
    /// <summary>Creates a segment.</summary>
    /// <remarks>The rule is checked whole: a 400 names every fault by JSON Pointer. Its members can be asked for at once.</remarks>
    [HttpPost]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Create(SegmentResource body, CancellationToken cancellation)
    {
        if (body.Key is null)
        {
            throw ApiProblem.Invalid("/key", "A segment needs a key.");
        }

        store.Check(body);
        await using var transaction = await store.BeginAsync(cancellation);
        return await SaveAsync(await store.NewAsync(body.Key, cancellation), body, transaction, cancellation);
    }

    /// <summary>Lists segments, by key.</summary>
    /// <param name="tag">Only those with this tag.</param>
    /// <param name="status">Only those of this status.</param>
    /// <param name="q">Only those whose key, name, description or goal contains this, whatever its case.</param>
    [HttpGet]
    public async Task<Page<SegmentResource>> List(string? tag, SegmentStatus? status, string? q, int? limit, string? cursor, CancellationToken cancellation)
    {
        var (size, after) = (Paging.Limit(limit), Paging.TextCursor(cursor));
        var segments = db.Segments.AsNoTracking();
        segments = tag is null ? segments : segments.Where(s => s.Tags.Contains(Paging.Text(tag, "tag")));
        segments = status is null ? segments : segments.Where(s => s.Status == status);
        if (q is not null)
        {
            var pattern = $"%{Paging.Text(q, "q").Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal)}%";
            segments = segments.Where(s => EF.Functions.ILike(s.Key, pattern, "\\") || EF.Functions.ILike(s.Name, pattern, "\\") || EF.Functions.ILike(s.Description!, pattern, "\\") || EF.Functions.ILike(s.Goal!, pattern, "\\"));
        }

        segments = after is null ? segments : segments.Where(s => string.Compare(s.Key, after) > 0);
        var rows = await segments.OrderBy(s => s.Key).Take(size + 1).ToListAsync(cancellation);
        var all = await query.DefinitionsAsync(cancellation);
        var known = await states.ReadAsync(rows, cancellation);
        var keptUntil = await db.MembershipLeaders.Select(l => l.KeptUntil).SingleAsync(cancellation);
        return Paging.Create(rows, size, Show, s => [s.Key]);

        SegmentResource Show(Segment segment)
        {
            var shown = SegmentResource.From(segment, ErrorsOf(all, segment)) with { State = known.GetValueOrDefault(segment.Id) };
            return shown is { State: { Status: MembershipStatus.Ready } state } ? shown with { MemberCount = state.Kept, EvaluatedAt = keptUntil } : shown;
        }
    }

    /// <summary>One segment, with the count of its members as of now.</summary>
    /// <remarks>Where counting takes too long, the last count stands, with the time it was made.</remarks>
    [HttpGet("{key}")]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status200OK)]
    public async Task<SegmentResource> Get(string key, CancellationToken cancellation)
    {
        var segment = await FindAsync(key, cancellation);
        var all = await query.DefinitionsAsync(cancellation);
        if (all.Segments.TryGetValue(key, out var definition))
        {
            try
            {
                var count = await memberships.CountAsync(all, definition, null, null, cancellation);
                (segment.MemberCount, segment.EvaluatedAt) = (count.Count, count.EvaluatedAt);
            }
            catch (Exception slow) when ((slow is InvalidOperationException { InnerException: { } inner } ? inner : slow) is NpgsqlException { InnerException: TimeoutException } or PostgresException { SqlState: PostgresErrorCodes.QueryCanceled } && !cancellation.IsCancellationRequested)
            {
                // The definition is what was asked for; evaluatedAt tells how old the count is.
            }
        }

        Response.SetETag(segment.Version);
        return SegmentResource.From(segment, ErrorsOf(all, segment)) with { State = await states.ReadAsync(segment, cancellation) };
    }

    /// <summary>Creates or replaces a segment.</summary>
    /// <remarks>Honours <c>If-Match</c>. A changed definition is a new version; the old ones are kept.</remarks>
    [HttpPut("{key}")]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status412PreconditionFailed)]
    public async Task<IActionResult> Put(string key, SegmentResource body, CancellationToken cancellation)
    {
        if (body.Key is not null && body.Key != key)
        {
            throw ApiProblem.Invalid("/key", "The key is that of the address; a segment can't be renamed.");
        }

        body = body with { Key = key };
        store.Check(body);
        await using var transaction = await store.BeginAsync(cancellation);
        var segment = await db.Segments.SingleOrDefaultAsync(s => s.Key == key, cancellation);
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
        var segment = await FindAsync(key, cancellation);
        Request.CheckIfMatch(segment.Version);
        var body = MergePatch.Apply(SegmentResource.Definition(segment) with { Key = key }, patch);
        if (body.Key != key)
        {
            throw ApiProblem.Invalid("/key", "A segment can't be renamed.");
        }

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
        var segment = await db.Segments.SingleOrDefaultAsync(s => s.Key == key, cancellation);
        Request.CheckIfMatch(segment?.Version);
        if (segment is not null)
        {
            var users = (await query.DefinitionsAsync(cancellation)).UsersOf(key);
            if (users.Count > 0)
            {
                throw ApiProblem.Conflict($"Other segments use \"{key}\": {string.Join(", ", users)}.");
            }

            db.Segments.Remove(segment);
            await db.SaveChangesAsync(cancellation);
            await transaction.CommitAsync(cancellation);
        }

        return NoContent();
    }

    /// <summary>Every definition that a segment has had, newest first.</summary>
    [HttpGet("{key}/versions")]
    [ProducesResponseType<Page<SegmentVersionResource>>(StatusCodes.Status200OK)]
    public async Task<Page<SegmentVersionResource>> Versions(string key, int? limit, string? cursor, CancellationToken cancellation)
    {
        var (size, before) = (Paging.Limit(limit), Paging.NumberCursor(cursor) ?? int.MaxValue);
        var segment = await FindAsync(key, cancellation);
        var rows = await db.SegmentVersions.AsNoTracking().Where(v => v.SegmentId == segment.Id && v.Version < before)
            .OrderByDescending(v => v.Version).Take(size + 1).ToListAsync(cancellation);
        return Paging.Create(rows, size, v => new SegmentVersionResource(v.Version, v.Definition, v.ChangedBy, v.ChangedAt), v => [v.Version]);
    }

    /// <summary>Makes an earlier definition the present one, as a new version.</summary>
    [HttpPost("{key}/versions/{version:int}/restore")]
    [ProducesResponseType<SegmentResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status412PreconditionFailed)]
    public async Task<IActionResult> Restore(string key, int version, CancellationToken cancellation)
    {
        await using var transaction = await store.BeginAsync(cancellation);
        var segment = await FindAsync(key, cancellation);
        Request.CheckIfMatch(segment.Version);
        var old = await db.SegmentVersions.AsNoTracking().SingleOrDefaultAsync(v => v.SegmentId == segment.Id && v.Version == version, cancellation)
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
        if (body.Key is null)
        {
            throw ApiProblem.Invalid("/key", "A copy needs a key.");
        }

        await using var transaction = await store.BeginAsync(cancellation);
        var segment = await FindAsync(key, cancellation);
        var copy = SegmentResource.Definition(segment) with { Key = body.Key, Name = body.Name ?? segment.Name, Status = SegmentStatus.Draft };
        store.Check(copy);
        var made = await store.NewAsync(body.Key, cancellation);
        return await SaveAsync(made, copy, transaction, cancellation, () => db.Database.ExecuteSqlAsync(
            $"INSERT INTO manual_members (segment_id, customer_key, added_at) SELECT {made.Id}, customer_key, {made.UpdatedAt} FROM manual_members WHERE segment_id = {segment.Id}", cancellation));
    }

    private async Task<Segment> FindAsync(string key, CancellationToken cancellation) =>
        await db.Segments.SingleOrDefaultAsync(s => s.Key == key, cancellation) ?? throw ApiProblem.NotFound("segment");

    private async Task<IActionResult> SaveAsync(
        Segment segment, SegmentResource body, IDbContextTransaction transaction, CancellationToken cancellation, Func<Task>? members = null)
    {
        var created = await store.SaveAsync(segment, body, User, transaction, cancellation, members);
        Response.SetETag(segment.Version);
        var resource = SegmentResource.From(segment, []);
        return created ? CreatedAtAction(nameof(Get), new { key = segment.Key }, resource) : Ok(resource);
    }

    private static IReadOnlyList<RuleError> ErrorsOf(DefinitionSet all, Segment segment) =>
        all.Segments.TryGetValue(segment.Key, out var definition) ? all.Compile(definition, historical: false).Errors : [];
}

/// <summary>One definition that a segment has had.</summary>
public sealed record SegmentVersionResource(int Version, JsonElement Definition, string ChangedBy, DateTimeOffset ChangedAt);

/// <summary>The key of a segment's copy.</summary>
/// <param name="Name">Defaults to the name of the original.</param>
public sealed record CloneRequest(string? Key, string? Name = null);
