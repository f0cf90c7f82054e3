using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Privacy;

namespace Segmentation.Api.Endpoints;

/// <summary>A customer's consents, and the records that prove them.</summary>
[ApiController]
[Route("api/v1/customers/{id}/consents")]
[Tags("Privacy")]
[Produces("application/json")]
public sealed class ConsentsController(SegmentationDb db, ConsentStore store, TimeProvider time) : ControllerBase
{
    /// <summary>A customer's consents, each as it stands, by purpose. One that has expired is not granted.</summary>
    [HttpGet]
    [RequiresScope(Scopes.CustomersRead)]
    public async Task<StandingConsents> ListConsents(string id, CancellationToken cancellation)
    {
        var customer = await db.FindCustomerAsync(id, cancellation);
        return new() { Items = await db.ShowStandingAsync(customer.Key, time.GetUtcNow(), cancellation) };
    }

    /// <summary>The consent for one purpose, as it stands.</summary>
    /// <param name="id">The customer's id.</param>
    /// <param name="purpose">The purpose's name.</param>
    [HttpGet("{purpose}")]
    [RequiresScope(Scopes.CustomersRead)]
    public async Task<ConsentRecordResource> GetConsent(string id, string purpose, CancellationToken cancellation)
    {
        var customer = await db.FindCustomerAsync(id, cancellation);
        var standing = await db.ShowStandingAsync(customer.Key, time.GetUtcNow(), cancellation);
        return standing.SingleOrDefault(c => c.Purpose == purpose) ?? throw ApiProblem.NotFound("consent");
    }

    /// <summary>Records that the customer gave a consent or withdrew it, and answers with the one that stands.</summary>
    /// <remarks>Records are only ever appended: a withdrawal is <c>"granted": false</c>. The one with the greatest <c>at</c> stands, of
    /// equal ones the last received, so that late news never overturns newer.</remarks>
    /// <param name="id">The customer's id.</param>
    /// <param name="purpose">The purpose's name; it is registered.</param>
    [HttpPut("{purpose}")]
    [RequiresScope(Scopes.CustomersWrite)]
    [ProducesResponseType<ConsentRecordResource>(StatusCodes.Status200OK)]
    public Task<ConsentRecordResource> PutConsent(
        string id, string purpose, [FromBody] ConsentRecordResource body, CancellationToken cancellation) =>
        store.RecordAsync(id, purpose, body, cancellation);

    /// <summary>All records of the consent for one purpose: the one that stands first, then the earlier ones.</summary>
    /// <param name="id">The customer's id.</param>
    /// <param name="purpose">The purpose's name.</param>
    [HttpGet("{purpose}/history")]
    [RequiresScope(Scopes.CustomersRead)]
    public async Task<Page<ConsentRecordResource>> ConsentHistory(
        string id, string purpose, int? limit, string? cursor, CancellationToken cancellation)
    {
        var customer = await db.FindCustomerAsync(id, cancellation);
        return await db.ListHistoryAsync(customer.Key, purpose, limit, cursor, cancellation);
    }
}
