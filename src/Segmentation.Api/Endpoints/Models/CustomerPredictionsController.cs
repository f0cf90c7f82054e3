using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Customers;
using Segmentation.Api.Http;
using Segmentation.Api.Predictions;

namespace Segmentation.Api.Endpoints;

/// <summary>What is predicted of a customer.</summary>
[ApiController]
[Route("api/v1/customers/{id}/predictions")]
[Tags("Models")]
[Produces(MediaTypes.Json)]
public sealed class CustomerPredictionsController(CustomerPredictionReader reader, SensitiveReads sensitive) : ControllerBase
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
        var found = await reader.ReadAsync(CustomerIds.CheckStored(id), cancellation);
        var hidden = await sensitive.FindHiddenAsync(cancellation);
        return found with { Items = [.. found.Items.Where(i => !hidden.Includes(i.Field))] };
    }
}
