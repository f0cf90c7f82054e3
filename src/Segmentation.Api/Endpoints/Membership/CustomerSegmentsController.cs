using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Changes;
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
    /// <remarks>Read from stored membership, with <c>since</c>, <c>cause</c> and <c>version</c> of the present stay. Never behind: where
    /// the customer was written an instant ago, all segments are evaluated, and those it has just joined have no stay yet.</remarks>
    /// <param name="id">The customer's id.</param>
    /// <param name="asOf">The instant to look at; default now. Stays are left out.</param>
    /// <param name="live">Evaluate all segments now, in place of stored membership. Stays are left out.</param>
    [HttpGet]
    [RequiresScope(Scopes.MembershipRead, Self = "id")]
    [ProducesResponseType<CustomerSegments>(StatusCodes.Status200OK)]
    public async Task<CustomerSegments> Segments(string id, Instant? asOf, bool? live, CancellationToken cancellation)
    {
        var (segments, at) = await memberships.ReadActiveAsync(CustomerIds.CheckStored(id), asOf?.Value, live == true, cancellation);
        return new CustomerSegments([.. segments.Select(CustomerSegment.From)], at);
    }
}

/// <summary>The active segments that a customer is in.</summary>
/// <param name="Items">The segments, by key.</param>
/// <param name="EvaluatedAt">The instant that this was true at.</param>
public sealed record CustomerSegments(IReadOnlyList<CustomerSegment> Items, DateTimeOffset EvaluatedAt);

/// <summary>A segment that a customer is in.</summary>
/// <param name="Key">The segment's key.</param>
/// <param name="Name">The segment's name.</param>
/// <param name="Since">When the customer joined it; missing where its stay is not stored, or not asked for.</param>
/// <param name="Cause">Why the customer joined.</param>
/// <param name="Version">The version of the segment's definition then.</param>
public sealed record CustomerSegment(
    string Key, string Name, DateTimeOffset? Since = null, MembershipCause? Cause = null, int? Version = null)
{
    internal static CustomerSegment From(CustomerMembership membership) => new(
        membership.Segment.Key, membership.Segment.Name, membership.Stay?.Since, membership.Stay?.Cause, membership.Stay?.Version);
}
