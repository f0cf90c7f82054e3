using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Idempotency;
using Segmentation.Api.Playbooks;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Endpoints;

/// <summary>Playbooks: what a group of customers gets, and when.</summary>
[ApiController]
[Route("api/v1/playbooks")]
[Tags("Playbooks")]
[Produces("application/json")]
public sealed class PlaybooksController(
    SegmentationDb db, PlaybookStore store, PlaybookPreviewer previewer, PlaybookReporter reporter, QuestionCheck check,
    SensitiveReads sensitive) : ControllerBase
{
    /// <summary>Creates a playbook.</summary>
    /// <remarks>It is checked whole: a 400 names every fault by JSON Pointer.</remarks>
    [HttpPost]
    [Idempotent]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<PlaybookResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Create(PlaybookResource body, CancellationToken cancellation)
    {
        var key = body.Key ?? throw ApiProblem.Invalid("/key", "A playbook needs a key.");
        CheckForm(key);
        await using var transaction = await store.BeginAsync(cancellation);
        return await SaveAsync(await store.NewAsync(key, cancellation), body, transaction, cancellation);
    }

    /// <summary>Checks a playbook without saving it.</summary>
    [HttpPost("validate")]
    [RequiresScope(Scopes.SegmentsRead)]
    [ProducesResponseType<PlaybookValidation>(StatusCodes.Status200OK)]
    public async Task<PlaybookValidation> Validate(PlaybookResource body, CancellationToken cancellation)
    {
        var errors = await store.FindErrorsAsync(body, cancellation);
        return new PlaybookValidation(errors.Count == 0, ApiProblem.Invalid(errors).Errors!);
    }

    /// <summary>Counts who of all customers would get what, now and in a context.</summary>
    /// <remarks>In competition with the active playbooks, caps and earlier visits aside. The playbook counts as active and in its time,
    /// in place of the stored one of its key.</remarks>
    [HttpPost("preview")]
    [Work(WorkClass.Heavy)]
    [RequiresScope(Scopes.SegmentsRead)]
    [ProducesResponseType<PlaybookPreview>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status400BadRequest)]
    public async Task<PlaybookPreview> Preview(PlaybookPreviewRequest body, CancellationToken cancellation)
    {
        var question = check.Check(new DecisionRequest { VisitorId = "anyone", Context = body.Context });
        return await previewer.CountAsync(
            await store.PrepareAsync(body, cancellation),
            question,
            body.Consents == PreviewConsents.Granted,
            HttpContext.Caller.Has(Scopes.CustomersRead),
            cancellation);
    }

    /// <summary>Lists playbooks, by key.</summary>
    /// <param name="placement">Only those with plays for this placement.</param>
    /// <param name="status">Only those of this status.</param>
    /// <param name="tag">Only those with this tag.</param>
    /// <param name="q">Only those whose key, name, description, goal or a tag contains this, whatever its case.</param>
    [HttpGet]
    [RequiresScope(Scopes.SegmentsRead)]
    public async Task<Page<PlaybookResource>> List(
        string? placement, PlaybookStatus? status, string? tag, string? q, int? limit, string? cursor, CancellationToken cancellation)
    {
        var size = Paging.Limit(limit);
        var after = Paging.TextCursor(cursor) ?? "";
        var playbooks = PlaybookQueries.Filter(
            db,
            placement is null ? null : Paging.Text(placement, nameof(placement)),
            status,
            tag is null ? null : Paging.Text(tag, nameof(tag)));
        playbooks = playbooks.Where(p => string.Compare(p.Key, after) > 0).OrderBy(p => p.Key);
        var view = await store.CreateViewAsync(cancellation);
        if (q is null)
        {
            return await Paging.ReadAsync(playbooks, size, view, p => [p.Key], cancellation);
        }

        var search = CaseNormalizer.Normalize(Paging.Text(q, nameof(q)));
        List<Playbook> found = [];
        await foreach (var playbook in playbooks.AsAsyncEnumerable().WithCancellation(cancellation))
        {
            if (PlaybookQueries.Has(playbook, search))
            {
                found.Add(playbook);
            }

            if (found.Count > size)
            {
                break;
            }
        }

        return Paging.Create(found, size, view, p => [p.Key]);
    }

    /// <summary>One playbook.</summary>
    [HttpGet("{key}")]
    [RequiresScope(Scopes.SegmentsRead)]
    [ProducesResponseType<PlaybookResource>(StatusCodes.Status200OK)]
    public async Task<PlaybookResource> Get(string key, CancellationToken cancellation)
    {
        var playbook = await store.GetAsync(key, cancellation);
        Response.SetETag(playbook.Version);
        return (await store.CreateViewAsync(cancellation))(playbook);
    }

    /// <summary>Creates or replaces a playbook.</summary>
    /// <remarks>Honors <c>If-Match</c>. A changed definition is a new version; the old ones are kept. A playbook of which something has
    /// gone can be put back as it was read, but not made active.</remarks>
    [HttpPut("{key}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<PlaybookResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<PlaybookResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status412PreconditionFailed)]
    public async Task<IActionResult> Put(string key, PlaybookResource body, CancellationToken cancellation)
    {
        CheckKey(body.Key ?? key, key);
        CheckForm(key);
        await using var transaction = await store.BeginAsync(cancellation);
        var playbook = await store.FindAsync(key, cancellation);
        Request.CheckIfMatch(playbook?.Version);
        return await SaveAsync(playbook ?? store.New(key), body, transaction, cancellation);
    }

    /// <summary>Changes a playbook by JSON Merge Patch (RFC 7396); <c>audience</c> and <c>plays</c> replace the whole.</summary>
    /// <remarks>A playbook of which something has gone can be renamed, tagged and archived as it is, but not made active.</remarks>
    [HttpPatch("{key}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [Consumes("application/merge-patch+json", "application/json")]
    [ProducesResponseType<PlaybookResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status412PreconditionFailed)]
    public async Task<IActionResult> Patch(string key, JsonElement patch, CancellationToken cancellation)
    {
        await using var transaction = await store.BeginAsync(cancellation);
        var playbook = await store.GetAsync(key, cancellation);
        Request.CheckIfMatch(playbook.Version);
        var body = MergePatch.Apply(PlaybookQueries.Read(playbook), patch, whole: "audience");
        CheckKey(body.Key, key);
        return await SaveAsync(playbook, body, transaction, cancellation);
    }

    /// <summary>Deletes a playbook. Repeatable.</summary>
    [HttpDelete("{key}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    public async Task<IActionResult> Delete(string key, CancellationToken cancellation)
    {
        await using var transaction = await store.BeginAsync(cancellation);
        var playbook = await store.FindAsync(key, cancellation);
        Request.CheckIfMatch(playbook?.Version);
        if (playbook is not null)
        {
            await store.DeleteAsync(playbook, transaction, cancellation);
        }

        return NoContent();
    }

    /// <summary>Counts what was shown of a playbook, and what its viewers did then.</summary>
    /// <remarks>
    /// A viewer is a visitor. A click is an event of a type in the setting <c>Playbooks:ClickTypes</c> (<c>content_clicked</c>) whose
    /// <c>properties.exposure</c> is an impression's text, of the customer that the visitor is linked to or of one with its id; it counts
    /// for the last impression of that text before it. A viewer counts for the metric once the metric's <c>window</c> after its first
    /// impression has passed (7 days where the metric has none), with the events in it. It describes: what a playbook causes only its
    /// <c>holdout</c> says.
    /// </remarks>
    /// <param name="from">Impressions from here on; 30 days before <c>to</c>, at the beginning of a day, when left out.</param>
    /// <param name="to">Impressions before here; now when left out.</param>
    /// <param name="metric">A metric's key; none when left out.</param>
    /// <param name="by"><c>play</c> (the default); <c>day</c>, by the playbook's time zone; or <c>segment:KEY</c>: whether a viewer was in
    /// that segment at the first impression, by the membership that is stored.</param>
    [HttpGet("{key}/report")]
    [CountsEvents]
    [Work(WorkClass.Heavy)]
    [RequiresScope(Scopes.MembershipRead)]
    [ProducesResponseType<PlaybookReport>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status400BadRequest)]
    public Task<PlaybookReport> Report(
        string key, Instant? from, Instant? to, string? metric, string? by, CancellationToken cancellation) =>
        reporter.ReadAsync(key, new PlaybookReportRequest(from?.Value, to?.Value, metric, by), cancellation);

    /// <summary>The definitions that a playbook has had, newest first: the last 500.</summary>
    [HttpGet("{key}/versions")]
    [RequiresScope(Scopes.SegmentsRead)]
    [ProducesResponseType<Page<PlaybookVersionResource>>(StatusCodes.Status200OK)]
    public async Task<Page<PlaybookVersionResource>> Versions(string key, int? limit, string? cursor, CancellationToken cancellation)
    {
        var size = Paging.Limit(limit);
        var before = Paging.NumberCursor(cursor) ?? int.MaxValue;
        var playbook = await store.GetAsync(key, cancellation);
        return await Paging.ReadAsync(
            PlaybookQueries.ListVersions(db, playbook, before), size,
            v => new PlaybookVersionResource(v.Version, v.Definition, v.ChangedBy, v.ChangedAt), v => [v.Version], cancellation);
    }

    /// <summary>Makes an earlier definition the present one, as a new version.</summary>
    /// <remarks>A 400 where what it names has gone since.</remarks>
    [HttpPost("{key}/versions/{version:int}/restore")]
    [Idempotent]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<PlaybookResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status400BadRequest)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status412PreconditionFailed)]
    public async Task<IActionResult> Restore(string key, int version, CancellationToken cancellation)
    {
        await using var transaction = await store.BeginAsync(cancellation);
        var playbook = await store.GetAsync(key, cancellation);
        Request.CheckIfMatch(playbook.Version);
        var old = await PlaybookQueries.ListVersions(db, playbook, int.MaxValue)
            .SingleOrDefaultAsync(v => v.Version == version, cancellation) ?? throw ApiProblem.NotFound("version");
        await sensitive.CheckRestoredAsync(old.Definition, cancellation);
        return await SaveAsync(playbook, old.Definition.Deserialize<PlaybookResource>(Json.Options)!, transaction, cancellation);
    }

    /// <summary>Copies a playbook under a new key, as a draft.</summary>
    /// <remarks>The copy of an invalid playbook is as invalid, until it is repaired.</remarks>
    [HttpPost("{key}/clone")]
    [Idempotent]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<PlaybookResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Clone(string key, CloneRequest body, CancellationToken cancellation)
    {
        var newKey = body.Key ?? throw ApiProblem.Invalid("/key", "A copy needs a key.");
        CheckForm(newKey);
        await using var transaction = await store.BeginAsync(cancellation);
        var playbook = await store.GetAsync(key, cancellation);
        var definition = PlaybookQueries.Read(playbook);
        definition = definition with { Key = newKey, Name = body.Name ?? definition.Name, Status = PlaybookStatus.Draft };
        var copy = await store.NewAsync(newKey, cancellation);
        return await SaveAsync(copy, definition, transaction, cancellation, playbook);
    }

    private static void CheckKey(string? requested, string key)
    {
        if (requested != key)
        {
            throw ApiProblem.Invalid("/key", "The key is that of the address; a playbook can't be renamed.");
        }
    }

    // A key with a NUL can't even be looked for.
    private static void CheckForm(string key)
    {
        if (PlaybookQueries.FindKeyFault(key) is { } fault)
        {
            throw ApiProblem.Invalid("/key", fault);
        }
    }

    private async Task<IActionResult> SaveAsync(
        Playbook playbook,
        PlaybookResource body,
        IDbContextTransaction transaction,
        CancellationToken cancellation,
        Playbook? original = null)
    {
        var (created, saved) = await store.SaveAsync(playbook, body, User, transaction, cancellation, original);
        Response.SetETag(saved.Version!.Value);
        return created ? Created($"/api/v1/playbooks/{playbook.Key}", saved) : Ok(saved);
    }
}

/// <summary>One definition that a playbook has had.</summary>
/// <param name="Version">Its number; the first is 1.</param>
/// <param name="Definition">The definition as it was, without the key.</param>
/// <param name="ChangedBy">Who saved it.</param>
/// <param name="ChangedAt">When it was saved.</param>
public sealed record PlaybookVersionResource(int Version, JsonElement Definition, string ChangedBy, DateTimeOffset ChangedAt);

/// <summary>Whether a playbook is valid.</summary>
/// <param name="Valid">Whether it could be saved.</param>
/// <param name="Errors">What is wrong, by JSON Pointer; empty when it is valid.</param>
public sealed record PlaybookValidation(bool Valid, IReadOnlyDictionary<string, string[]> Errors);
