using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;

namespace Segmentation.Api.Segments;

/// <summary>The segments that a customer is in.</summary>
[ApiController]
[Route("api/v1/customers/{id}/segments")]
[Tags("Membership")]
[Produces("application/json")]
public sealed class CustomerSegmentsController(CustomerSnapshots snapshots) : ControllerBase
{
    /// <summary>Every active segment that a customer is in, evaluated now, by key.</summary>
    /// <param name="id">The customer's id.</param>
    /// <param name="asOf">The instant to look at; default now.</param>
    [HttpGet]
    [ProducesResponseType<CustomerSegments>(StatusCodes.Status200OK)]
    public async Task<CustomerSegments> List(string id, Instant? asOf, CancellationToken cancellation)
    {
        var (segments, at) = await snapshots.SegmentsOfAsync(CustomerIds.Check(id), asOf?.Value, cancellation);
        return new CustomerSegments([.. segments.Select(s => new SegmentName(s.Key, s.Name))], at);
    }
}

/// <summary>The active segments that a customer is in.</summary>
public sealed record CustomerSegments(IReadOnlyList<SegmentName> Items, DateTimeOffset EvaluatedAt);

public sealed record SegmentName(string Key, string Name);
