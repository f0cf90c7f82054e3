using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Changes;
using Segmentation.Api.History;
using Segmentation.Api.Http;

namespace Segmentation.Api.Endpoints;

/// <summary>Who joined and who left, when and why.</summary>
[ApiController]
[Route("api/v1")]
[Tags("History")]
[Produces(MediaTypes.Json)]
public sealed class ChangesController(ChangeReader changes) : ControllerBase
{
    /// <summary>Who joined and who left a segment, when and why; the newest first.</summary>
    /// <remarks>Of a customer that was erased nothing is told but in the numbers of <c>trend</c>. The list begins where the segment's
    /// history does: <c>historySince</c> of <c>trend</c>.</remarks>
    /// <param name="change">Only this kind of change.</param>
    /// <param name="from">Only changes at or after this instant.</param>
    /// <param name="to">Only changes before this instant.</param>
    /// <param name="cause">Only changes with this cause.</param>
    [HttpGet("segments/{key}/changes")]
    [RequiresScope(Scopes.MembershipRead)]
    [ActionName("Changes")]
    public async Task<Page<SegmentChange>> OfSegment(
        string key, MembershipChange? change, Instant? from, Instant? to, MembershipCause? cause, int? limit, string? cursor,
        CancellationToken cancellation)
    {
        var size = Paging.Limit(limit);
        var filter = ChangeFilter.Create(change, cause, from, to);
        return await changes.ListForSegmentAsync(key, filter, size, cursor, cancellation);
    }

    /// <summary>Which segments a customer joined and left, when and why; the newest first.</summary>
    /// <remarks>Segments that were deleted are left out, and so is what is older than history is kept.</remarks>
    /// <param name="change">Only this kind of change.</param>
    /// <param name="from">Only changes at or after this instant.</param>
    /// <param name="to">Only changes before this instant.</param>
    /// <param name="cause">Only changes with this cause.</param>
    [HttpGet("customers/{id}/changes")]
    [RequiresScope(Scopes.CustomersRead)]
    [ActionName("Changes")]
    public async Task<Page<CustomerChange>> OfCustomer(
        string id, MembershipChange? change, Instant? from, Instant? to, MembershipCause? cause, int? limit, string? cursor,
        CancellationToken cancellation)
    {
        var size = Paging.Limit(limit);
        var filter = ChangeFilter.Create(change, cause, from, to);
        return await changes.ListForCustomerAsync(id, filter, size, cursor, cancellation);
    }
}
