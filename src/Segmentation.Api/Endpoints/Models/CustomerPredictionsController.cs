using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;
using Segmentation.Api.Predictions;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints;

/// <summary>What is predicted of a customer.</summary>
[ApiController]
[Route("api/v1/customers/{id}/predictions")]
[Tags("Models")]
[Produces(MediaTypes.Json)]
public sealed class CustomerPredictionsController(
    CustomerPredictionReader reader, SegmentQuery query, SensitiveReads sensitive) : ControllerBase
{
    /// <summary>What is predicted of a customer, and why.</summary>
    /// <remarks>The values that rules compare, of the day of `scoredOn`: everybody is scored daily (setting `Predictions:ScoreAt`), and
    /// a customer within a minute of its order. `inputs` put into `POST /models/lifetimeValue/predict` have the same outcome.</remarks>
    /// <param name="id">The customer's id.</param>
    [HttpGet]
    [RequiresScope(Scopes.CustomersRead)]
    [ProducesResponseType<CustomerPredictions>(StatusCodes.Status200OK)]
    public async Task<CustomerPredictions> Predictions(string id, CancellationToken cancellation)
    {
        var all = (await query.DefinitionsAsync(cancellation)).Sensitive;
        var found = await reader.ReadAsync(CustomerIds.CheckStored(id), all.For(HttpContext.Caller), cancellation);
        if (all.Scores.Count > 0)
        {
            await sensitive.ReadOneAsync(all, found.Id, cancellation);
        }

        return found;
    }
}
