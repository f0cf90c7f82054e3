using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Playbooks;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Endpoints;

/// <summary>Decisions: what a visitor gets, now, and why.</summary>
[ApiController]
[Route("api/v1/decisions")]
[Tags("Playbooks")]
[Produces("application/json")]
[TakesData]
public sealed class DecisionsController(
    QuestionCheck check, CustomerProofs proofs, DecisionEngine engine, SegmentQuery query, SensitiveReads sensitive) : ControllerBase
{
    /// <summary>Decides what a visitor gets at placements.</summary>
    /// <remarks>
    /// From live membership, the events of this visit, the context, consent, caps, holdouts and experiments. Active and valid playbooks in
    /// their time are looked at by priority, and their plays for a placement in order: the first that passes wins. No decision is
    /// stored, and nobody is created: whoever is not stored is decided for as a customer with that id who had just been created.
    ///
    /// With <c>record</c> its exposures are stored before it answers; sent again, they are stored again. Several at once for one visitor
    /// or customer wait for each other, so that caps hold exactly.
    /// </remarks>
    [HttpPost]
    [RequiresScope(Scopes.Decisions, Or = Scopes.DecisionsPublic)]
    [ProducesResponseType<DecisionAnswer>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status400BadRequest)]
    public async Task<DecisionAnswer> Decide(DecisionRequest body, CancellationToken cancellation)
    {
        if (body.Explain == true)
        {
            HttpContext.Caller.Require(Scopes.SegmentsRead);
        }

        var question = check.Check(body) with
        {
            Explain = body.Explain == true,
            ShowActual = HttpContext.Caller.Has(Scopes.CustomersRead),
        };
        (await proofs.FindAsync(HttpContext.Caller, cancellation)).Check(question.CustomerId, body.CustomerProof);
        if (question.Explain)
        {
            var all = (await query.DefinitionsAsync(cancellation)).Sensitive;
            question = question with
            {
                Hidden = question is { ShowActual: true, CustomerId: { } customer }
                    ? await sensitive.ReadOneAsync(all, customer, cancellation)
                    : all.For(HttpContext.Caller),
            };
        }

        Response.Headers.CacheControl = "private, no-store";
        return await engine.DecideAsync(question, cancellation);
    }
}
