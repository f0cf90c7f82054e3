using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.ModelBinding;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Access;
using Segmentation.Api.Data;
using Segmentation.Api.Experiments;
using Segmentation.Api.Http;
using Segmentation.Api.Idempotency;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Endpoints;

/// <summary>Experiments: variants, and who gets which.</summary>
[ApiController]
[Route("api/v1/experiments")]
[Tags("Experiments")]
[Produces("application/json")]
public sealed class ExperimentsController(SegmentationDb db, ExperimentStore store, ExperimentAssignments assignments) : ControllerBase
{
    /// <summary>Creates an experiment, as a draft.</summary>
    /// <remarks>Metrics that it names must be there. Results are not there yet: units are recorded, and nothing is worked out of
    /// them.</remarks>
    [HttpPost]
    [Idempotent]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<ExperimentResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public Task<IActionResult> Create(ExperimentResource body, CancellationToken cancellation)
    {
        var key = body.Key ?? throw ApiProblem.Invalid("/key", "An experiment needs a key.");
        return SaveAsync(key, there => there is null
            ? Task.FromResult(body)
            : throw ApiProblem.Conflict($"There is an experiment \"{key}\" already."), cancellation);
    }

    /// <summary>Lists experiments, by key.</summary>
    /// <param name="status">Only those of this status.</param>
    /// <param name="tag">Only those with this tag.</param>
    /// <param name="q">Only those whose key, name, description, hypothesis or a tag contains this, whatever its case.</param>
    [HttpGet]
    [RequiresScope(Scopes.SegmentsRead)]
    public async Task<Page<ExperimentResource>> List(
        ExperimentStatus? status, string? tag, string? q, int? limit, string? cursor, CancellationToken cancellation)
    {
        var (size, after, text) = (Paging.Limit(limit), Paging.TextCursor(cursor) ?? "", CaseNormalizer.Normalize(q));
        bool Has(string? words) => CaseNormalizer.Normalize(words)?.Contains(text!, StringComparison.Ordinal) == true;
        var found = (await store.ListAsync(cancellation))
            .Where(e => string.CompareOrdinal(e.Key, after) > 0
                && (status is null || e.Status == status)
                && (tag is null || e.Tags!.Contains(tag))
                && (text is null || Has(e.Key) || Has(e.Name) || Has(e.Description) || Has(e.Hypothesis) || e.Tags!.Any(Has)));
        return Paging.Create([.. found.Take(size + 1)], size, e => e, e => [e.Key!]);
    }

    /// <summary>One experiment.</summary>
    [HttpGet("{key}")]
    [RequiresScope(Scopes.SegmentsRead)]
    [ProducesResponseType<ExperimentResource>(StatusCodes.Status200OK)]
    public async Task<ExperimentResource> Get(string key, CancellationToken cancellation) =>
        Show(await store.ReadAsync(key, cancellation));

    /// <summary>Creates or replaces an experiment.</summary>
    /// <remarks>While it runs only <c>name</c>, <c>description</c>, <c>hypothesis</c>, <c>tags</c>, <c>coverage</c>, secondary metrics and
    /// guardrails can change: a 409 for the rest, which would change who is compared with whom.</remarks>
    [HttpPut("{key}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<ExperimentResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ExperimentResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status412PreconditionFailed)]
    public Task<IActionResult> Put(string key, ExperimentResource body, CancellationToken cancellation) => SaveAsync(key, there =>
    {
        Request.CheckIfMatch(there?.Version);
        return Task.FromResult(body);
    }, cancellation);

    /// <summary>Changes an experiment by JSON Merge Patch (RFC 7396).</summary>
    /// <remarks>While it runs, as for PUT.</remarks>
    [HttpPatch("{key}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [Consumes("application/merge-patch+json", "application/json")]
    [ProducesResponseType<ExperimentResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status412PreconditionFailed)]
    public Task<IActionResult> Patch(string key, JsonElement patch, CancellationToken cancellation) => SaveAsync(key, there =>
    {
        var experiment = there ?? throw ApiProblem.NotFound("experiment");
        Request.CheckIfMatch(experiment.Version);
        return Task.FromResult(MergePatch.Apply(ExperimentResource.Read(experiment.Definition) with { Key = key }, patch));
    }, cancellation);

    /// <summary>Deletes an experiment, with its units. Repeatable.</summary>
    /// <remarks>A 409 where it is running, or where playbooks name it.</remarks>
    [HttpDelete("{key}")]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Delete(string key, CancellationToken cancellation)
    {
        await store.DeleteAsync(key, Request.CheckIfMatch, cancellation);
        return NoContent();
    }

    /// <summary>The definitions that an experiment has had, newest first: the last 500.</summary>
    [HttpGet("{key}/versions")]
    [RequiresScope(Scopes.SegmentsRead)]
    [ProducesResponseType<Page<ExperimentVersionResource>>(StatusCodes.Status200OK)]
    public async Task<Page<ExperimentVersionResource>> Versions(string key, int? limit, string? cursor, CancellationToken cancellation)
    {
        var (size, before) = (Paging.Limit(limit), Paging.NumberCursor(cursor) ?? int.MaxValue);
        var experiment = await ExperimentStore.GetAsync(db.Experiments.AsNoTracking(), key, cancellation);
        var versions = db.ExperimentVersions.AsNoTracking().Where(v => v.ExperimentId == experiment.Id && v.Version < before);
        return await Paging.ReadAsync(
            versions.OrderByDescending(v => v.Version), size,
            v => new ExperimentVersionResource(v.Version, v.Definition, v.ChangedBy, v.ChangedAt), v => [v.Version], cancellation);
    }

    /// <summary>Makes an earlier definition the present one, as a new version.</summary>
    /// <remarks>While it runs, as for PUT. A 400 where a metric that it names has gone since.</remarks>
    /// <param name="key">The experiment's key.</param>
    /// <param name="version">The version's number.</param>
    [HttpPost("{key}/versions/{version:int}/restore")]
    [Idempotent]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<ExperimentResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status400BadRequest)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status412PreconditionFailed)]
    public Task<IActionResult> Restore(string key, int version, CancellationToken cancellation) => SaveAsync(key, async there =>
    {
        var experiment = there ?? throw ApiProblem.NotFound("experiment");
        Request.CheckIfMatch(experiment.Version);
        var old = await db.ExperimentVersions.AsNoTracking()
            .SingleOrDefaultAsync(v => v.ExperimentId == experiment.Id && v.Version == version, cancellation)
            ?? throw ApiProblem.NotFound("version");
        return ExperimentResource.Read(old.Definition);
    }, cancellation);

    /// <summary>Starts an experiment: its next run, with new units.</summary>
    /// <remarks>A 409 where it runs already, or where another that runs has a part of the same layer that overlaps, or splits that layer
    /// by another unit. One that was archived is taken out again.</remarks>
    [HttpPost("{key}/start")]
    [Idempotent]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<ExperimentResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status412PreconditionFailed)]
    public async Task<ExperimentResource> Start(
        string key, [FromBody(EmptyBodyBehavior = EmptyBodyBehavior.Allow)] StartRequest? body, CancellationToken cancellation) =>
        Show(await store.StartAsync(key, body?.At, CheckThere, cancellation));

    /// <summary>Stops an experiment: nobody is split any more.</summary>
    /// <remarks>With a winner everybody for whom a play is gets that variant's content; without one such plays show nothing. A 409 where
    /// it does not run.</remarks>
    [HttpPost("{key}/stop")]
    [Idempotent]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<ExperimentResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status412PreconditionFailed)]
    public async Task<ExperimentResource> Stop(
        string key, [FromBody(EmptyBodyBehavior = EmptyBodyBehavior.Allow)] StopRequest? body, CancellationToken cancellation) =>
        Show(await store.StopAsync(key, body?.Winner, body?.Reason, CheckThere, cancellation));

    /// <summary>Puts away an experiment. Repeatable.</summary>
    /// <remarks>A 409 where it runs. It can be started again.</remarks>
    [HttpPost("{key}/archive")]
    [Idempotent]
    [RequiresScope(Scopes.SegmentsWrite)]
    [ProducesResponseType<ExperimentResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status412PreconditionFailed)]
    public async Task<ExperimentResource> Archive(string key, CancellationToken cancellation) =>
        Show(await store.ArchiveAsync(key, CheckThere, cancellation));

    /// <summary>Says which variants units get, of a draft too. Records nothing.</summary>
    /// <remarks>For splits outside of pages: who gets which mail. What they were shown is told by <c>POST /exposures</c>.</remarks>
    [HttpPost("{key}/assignments")]
    [RequiresScope(Scopes.Decisions)]
    [ProducesResponseType<UnitAssignments>(StatusCodes.Status200OK)]
    public async Task<UnitAssignments> Assignments(string key, AssignmentRequest body, CancellationToken cancellation) =>
        new(await assignments.AssignAsync(key, body.Units, body.Run, cancellation));

    /// <summary>The experiment in the shape that GrowthBook's SDKs run: they get the same variants, without asking.</summary>
    /// <remarks>Their attribute <c>id</c> is the unit. Who is eligible is not in it, nor what was kept after the coverage became
    /// smaller.</remarks>
    [HttpGet("{key}/growthbook")]
    [RequiresScope(Scopes.SegmentsRead)]
    [ProducesResponseType<GrowthBookExperiment>(StatusCodes.Status200OK)]
    public async Task<GrowthBookExperiment> GrowthBook(string key, CancellationToken cancellation) =>
        GrowthBookExperiment.From(await store.ReadAsync(key, cancellation));

    private void CheckThere(int? version) => Request.CheckIfMatch(version);

    private ExperimentResource Show(ExperimentResource experiment)
    {
        Response.SetETag(experiment.Version!.Value);
        return experiment;
    }

    private async Task<IActionResult> SaveAsync(
        string key, Func<Experiment?, Task<ExperimentResource>> change, CancellationToken cancellation)
    {
        var (experiment, created) = await store.SaveAsync(key, change, User, cancellation);
        Show(experiment);
        return created ? Created($"/api/v1/experiments/{key}", experiment) : Ok(experiment);
    }
}

/// <summary>One definition that an experiment has had.</summary>
/// <param name="Version">Its number; the first is 1.</param>
/// <param name="Definition">The definition as it was, without the key.</param>
/// <param name="ChangedBy">Who saved it.</param>
/// <param name="ChangedAt">When it was saved.</param>
public sealed record ExperimentVersionResource(int Version, JsonElement Definition, string ChangedBy, DateTimeOffset ChangedAt);

/// <summary>When a run starts.</summary>
/// <param name="At">An instant in the past, 90 days ago at most, for a run that began elsewhere; now when left out.</param>
public sealed record StartRequest(DateTimeOffset? At = null);

/// <summary>How a run ends.</summary>
/// <param name="Winner">The key of the variant that everybody gets from then on; nobody gets any when left out.</param>
/// <param name="Reason">Why, in words.</param>
public sealed record StopRequest(string? Winner = null, string? Reason = null);

/// <summary>Who is asked about.</summary>
/// <param name="Units">Ids of visitors or customers, whichever the experiment splits; 10,000 at most.</param>
/// <param name="Run">The number of a run, also of one to come; the present one when left out, else the first.</param>
public sealed record AssignmentRequest([property: Needed] IReadOnlyList<string?>? Units, int? Run = null);

/// <summary>What units get.</summary>
/// <param name="Items">In the order in which they were asked for.</param>
public sealed record UnitAssignments(IReadOnlyList<UnitAssignment> Items);
