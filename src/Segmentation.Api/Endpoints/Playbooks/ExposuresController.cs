using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Idempotency;
using Segmentation.Api.Playbooks;

namespace Segmentation.Api.Endpoints;

/// <summary>Exposures: what was seen.</summary>
[ApiController]
[Route("api/v1/exposures")]
[Tags("Playbooks")]
[Produces("application/json")]
[TakesData]
public sealed class ExposuresController(ExposureIngest ingest, CustomerProofs proofs) : ControllerBase
{
    /// <summary>Records what visitors have seen: one object, an array of at most 10,000, or NDJSON of any length.</summary>
    /// <remarks>
    /// An exposure is a text that a decision gave, sent back as it is once it is seen. <c>play:…</c> is an impression: it is counted each
    /// time, by caps, by what is kept for a visit, and by reports. <c>experiment:…</c> says that a unit takes part in a run: the first one
    /// is kept, whatever order they arrive in, and its variant with it.
    ///
    /// Each is refused by itself, and the others are recorded: an unknown key, a variant that the split does not give this unit, an
    /// <c>at</c> before the run's start or more than 24 hours after its end. An object that is wrong as such is rejected whole; where it
    /// came alone, that is a 400.
    ///
    /// With both ids the visitor is linked to the customer, once something of it is recorded; the first link stays. Ids need not be
    /// stored: nobody is created.
    /// </remarks>
    [HttpPost]
    [Idempotent]
    [RequiresScope(Scopes.Decisions, Or = Scopes.DecisionsPublic)]
    [ReadsBody]
    [Work(WorkClass.Point, Later = true)]
    [DisableRequestSizeLimit]
    [ProducesResponseType<ExposuresResult>(StatusCodes.Status200OK)]
    public async Task<ExposuresResult> Create(CancellationToken cancellation)
    {
        var proven = await proofs.FindAsync(HttpContext.Caller, cancellation);
        return await RecordBody.TakeAsync(
            HttpContext,
            "Exposures",
            body => ingest.StoreLinesAsync(body, proven, cancellation),
            (body, length) => ingest.StoreJsonAsync(body, length, proven, cancellation));
    }
}
