using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;
using Segmentation.Api.Memberships;

namespace Segmentation.Api.Endpoints;

/// <summary>The segments that a customer is in.</summary>
[ApiController]
[Route("api/v1/customers/{id}/segments")]
[Tags("Membership")]
[Produces("application/json")]
public sealed class CustomerSegmentsController(CustomerMembershipReader memberships) : ControllerBase
{
    /// <summary>Every active segment that a customer is in, by key.</summary>
    /// <remarks>Read from stored membership. Never behind: where the customer was written an instant ago, all segments are
    /// evaluated.</remarks>
    /// <param name="id">The customer's id.</param>
    /// <param name="asOf">The instant to look at; default now.</param>
    /// <param name="live">Evaluate all segments now, in place of stored membership.</param>
    [HttpGet]
    [ProducesResponseType<CustomerSegments>(StatusCodes.Status200OK)]
    public async Task<CustomerSegments> Segments(string id, Instant? asOf, bool? live, CancellationToken cancellation)
    {
        var (segments, at) = await memberships.ReadActiveAsync(CustomerIds.CheckStored(id), asOf?.Value, live == true, cancellation);
        return new CustomerSegments([.. segments.Select(s => new SegmentName(s.Key, s.Name))], at);
    }
}

/// <summary>The active segments that a customer is in.</summary>
/// <param name="Items">The segments, by key.</param>
/// <param name="EvaluatedAt">The instant that this was true at.</param>
public sealed record CustomerSegments(IReadOnlyList<SegmentName> Items, DateTimeOffset EvaluatedAt);

/// <summary>A segment by its key and name.</summary>
/// <param name="Key">The segment's key.</param>
/// <param name="Name">The segment's name.</param>
public sealed record SegmentName(string Key, string Name);
