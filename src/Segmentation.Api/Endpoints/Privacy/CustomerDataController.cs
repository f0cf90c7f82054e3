using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Audit;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Rights;

namespace Segmentation.Api.Endpoints;

/// <summary>What a person may ask for.</summary>
[ApiController]
[Route("api/v1/customers/{id}/data")]
[Tags("Privacy")]
[Produces(MediaTypes.Json)]
public sealed class CustomerDataController(SegmentationDb db, CustomerDataReader reader, AuditLog log, CustomerMarks marks)
    : ControllerBase
{
    /// <summary>Everything that is held of a customer.</summary>
    /// <remarks>One document to hand over (GDPR 15 and 20): the profile, each event and membership, what was predicted and
    /// shown, and who was told. It is sent a page at a time, however long it is.</remarks>
    /// <param name="id">The customer's id.</param>
    [HttpGet]
    [Work(WorkClass.Export)]
    [RequiresScope(Scopes.Privacy)]
    [ProducesResponseType<CustomerData>(StatusCodes.Status200OK)]
    public async Task Data(string id, CancellationToken cancellation)
    {
        var customer = await db.FindCustomerAsync(id, cancellation);
        if (!HttpContext.IsHead())
        {
            await log.AppendAsync("customers.data", await marks.NameAsync(id, cancellation), cancellation: cancellation);
        }

        await reader.WriteAsync(Response, customer, cancellation);
    }
}
