using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Data;
using Segmentation.Api.History;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints;

/// <summary>Where those who left a segment went, and where those who joined it came from.</summary>
[ApiController]
[Route("api/v1/segments/{key}/flows")]
[Tags("History")]
[RequiresScope(Scopes.MembershipRead)]
[Produces(MediaTypes.Json)]
public sealed class FlowsController(SegmentQuery query, FlowReader flows) : ControllerBase
{
    /// <summary>Where those who left a segment in a period went, and where those who joined it came from.</summary>
    /// <remarks>A customer that left the segment in the period went to each other segment that it joined at that instant or later, within
    /// the period; one that left more than once counts from the first time. A customer that joined the segment in the period came from each
    /// other segment that it left at that instant or before, within the period; of one that joined more than once the last time counts.
    /// Customers are counted, each once a segment, so that the shares of those that went to several add up to more than 1; <c>none</c> went
    /// nowhere, <c>new</c> came from nowhere. What happened before the history begins (<c>historySince</c>) is not known. Segments that
    /// were deleted, and customers that were erased, are left out.</remarks>
    /// <param name="to">The key of another segment: only the flows between the two are listed.</param>
    /// <param name="since">Where the period begins; 30 days before <c>until</c> when left out.</param>
    /// <param name="until">Where it ends; now when left out.</param>
    [HttpGet]
    [Work(WorkClass.Heavy)]
    [ProducesResponseType<Flows>(StatusCodes.Status200OK)]
    public async Task<Flows> Flows(string key, string? to, Instant? since, Instant? until, CancellationToken cancellation)
    {
        var (all, segment) = await query.FindAsync(key, cancellation);
        var otherId = to is null ? (int?)null : FindOther(all, to, segment);
        return await flows.ReadAsync(segment.Id, otherId, since?.Value, until?.Value, cancellation);
    }

    private static int FindOther(DefinitionSet all, string key, SegmentDefinition segment) =>
        all.Segments.TryGetValue(key, out var other) && other.Id != segment.Id
            ? other.Id
            : throw ApiProblem.Invalid("to", "to must be the key of another segment.");
}
