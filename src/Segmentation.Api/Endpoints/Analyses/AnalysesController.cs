using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Analyses;
using Segmentation.Api.Http;

namespace Segmentation.Api.Endpoints;

/// <summary>Analyses: what reads everybody, and takes its time.</summary>
[ApiController]
[Route("api/v1/analyses")]
[Tags("Analyses")]
[RequiresScope(Scopes.MembershipRead)]
[Produces(MediaTypes.Json)]
public sealed class AnalysesController(AnalysisStore store, AnalysisAsking asking, SensitiveReads sensitive) : ControllerBase
{
    /// <summary>Asks for an analysis, and waits a while for it.</summary>
    /// <remarks>201 where it has ended within <c>wait</c>, else 202: <c>GET</c> the <c>Location</c> until <c>status</c> is
    /// <c>succeeded</c> or <c>failed</c>. Sent again while it waits or runs, it is the same analysis. One runs at a time, in the order in
    /// which they were asked for, and sees the data of one moment; 100 wait at most.</remarks>
    /// <param name="wait">Seconds to wait for its end, 0 to 60; 10 when left out.</param>
    /// <param name="show"><c>all</c>: with what the result leaves out; <c>findings</c> when left out.</param>
    [HttpPost]
    [ProducesResponseType<AnalysisResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<AnalysisResource>(StatusCodes.Status202Accepted)]
    public Task<IActionResult> Create(JsonElement body, int? wait, AnalysisView? show, CancellationToken cancellation) =>
        asking.AskAsync(body, wait, show == AnalysisView.All, cancellation);

    /// <summary>Lists analyses, the newest first.</summary>
    /// <param name="type">Only those of this type.</param>
    /// <param name="status">Only those that are so far.</param>
    [HttpGet]
    public async Task<Page<AnalysisResource>> List(
        string? type, AnalysisStatus? status, int? limit, string? cursor, CancellationToken cancellation)
    {
        var page = await store.ListAsync(type, status, Paging.Limit(limit), Paging.TextCursor(cursor), cancellation);
        var hidden = await sensitive.FindHiddenAsync(cancellation);
        return page with { Items = [.. page.Items.Select(a => SensitiveReads.Hide(a, hidden))] };
    }

    /// <summary>Reads an analysis: how far it is, and its result.</summary>
    /// <param name="id">The analysis's id: the end of <c>Location</c> in the answer that took it.</param>
    /// <param name="show"><c>all</c>: with what the result leaves out; <c>findings</c> when left out.</param>
    [HttpGet("{id}")]
    [ProducesResponseType<AnalysisResource>(StatusCodes.Status200OK)]
    public async Task<AnalysisResource> Get(string id, AnalysisView? show, CancellationToken cancellation) =>
        await store.FindAsync(id, show == AnalysisView.All, cancellation) is { } found
            ? await sensitive.HideAsync(AnalysisResource.From(found), cancellation)
            : throw ApiProblem.NotFound("analysis");

    /// <summary>Stops an analysis where it waits or runs, and forgets it. Repeatable.</summary>
    /// <param name="id">The analysis's id.</param>
    [HttpDelete("{id}")]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    public async Task<IActionResult> Delete(string id, CancellationToken cancellation)
    {
        await store.DeleteAsync(id, cancellation);
        return NoContent();
    }
}

/// <summary>How much of a result is shown.</summary>
public enum AnalysisView { Findings, All }
