using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Net.Http.Headers;
using Segmentation.Api.Access;
using Segmentation.Api.Http;
using Segmentation.Api.Playbooks;

namespace Segmentation.Api.Endpoints;

/// <summary>
/// The OpenFeature Remote Evaluation Protocol, 0.3: any SDK of OpenFeature asks for decisions by it. A flag is an active placement.
/// </summary>
[ApiController]
[Route("ofrep/v1/evaluate/flags")]
[Tags("OpenFeature")]
[Produces(MediaTypes.Json)]
[TakesAnyQuery]
[OfrepErrors]
[TakesData]
public sealed class OfrepController(QuestionCheck check, CustomerProofs proofs, DecisionEngine engine, OfrepOptions options)
    : ControllerBase
{
    /// <summary>Evaluates one flag: decides what a visitor gets at a placement.</summary>
    /// <remarks>For servers, which evaluate where they show: what is seen is recorded (setting <c>Ofrep:RecordSingle</c>), unless the
    /// context has <c>"record": false</c>. The context is a request for decisions: its <c>targetingKey</c> is the visitor, and the
    /// customer unless there is a <c>customerId</c> or <c>anonymous</c> is true; members named as those of the context of <c>POST
    /// /decisions</c> are that, <c>consents</c> and <c>events</c> as well, and any other is <c>custom</c>. Where nothing is shown the
    /// answer has no <c>value</c>: SDKs then give the code's default. Of faults in the request the answer is OFREP's own.</remarks>
    /// <param name="key">The placement's key.</param>
    [HttpPost("{**key}")]
    [RequiresScope(Scopes.Decisions, Or = Scopes.DecisionsPublic)]
    [ProducesResponseType<OfrepFlag>(StatusCodes.Status200OK)]
    [ProducesResponseType<OfrepError>(StatusCodes.Status400BadRequest)]
    [ProducesResponseType<OfrepError>(StatusCodes.Status404NotFound)]
    public async Task<OfrepFlag> EvaluateFlag(string key, OfrepRequest body, CancellationToken cancellation)
    {
        key = OfrepErrorsAttribute.ReadKey(HttpContext);
        var request = OfrepContext.Read(body.Context);
        request = request with { Placements = [key], Record = request.Record ?? options.RecordSingle };
        var answer = await DecideAsync(request, cancellation);
        return answer.Decisions[0] is { Reason: not DecisionReason.UnknownPlacement } decision ? OfrepFlag.From(decision)
            : throw OfrepFault.FlagNotFound(key);
    }

    /// <summary>Evaluates all flags, or those that the context names in <c>placements</c>.</summary>
    /// <remarks>For browsers and devices, which ask once and show later: nothing is recorded. Send each flag's <c>metadata.exposures</c> to
    /// <c>POST /exposures</c> when it is shown (<c>examples/openfeature</c> has the hook). The <c>ETag</c> is one of all that is answered:
    /// it changes with definitions, and with whatever changes a flag.</remarks>
    /// <param name="flagConfigEtag">What an event stream told; without effect.</param>
    /// <param name="flagConfigLastModified">What an event stream told; without effect.</param>
    [HttpPost]
    [RequiresScope(Scopes.Decisions, Or = Scopes.DecisionsPublic)]
    [ProducesResponseType<OfrepFlags>(StatusCodes.Status200OK)]
    [ProducesResponseType(StatusCodes.Status304NotModified)]
    [ProducesResponseType<OfrepError>(StatusCodes.Status400BadRequest)]
    public async Task<IActionResult> EvaluateFlags(
        OfrepRequest body,
        [FromQuery] string? flagConfigEtag,
        [FromQuery] string? flagConfigLastModified,
        CancellationToken cancellation)
    {
        var answer = await DecideAsync(OfrepContext.Read(body.Context) with { Record = null }, cancellation);
        var flags = JsonSerializer.SerializeToUtf8Bytes(OfrepFlags.From(answer), Json.Options);
        var tag = $"\"{Convert.ToHexStringLower(SHA256.HashData(flags).AsSpan(0, 16))}\"";
        Response.Headers.ETag = tag;
        return Request.GetTypedHeaders().IfNoneMatch.Any(known => known.Equals(EntityTagHeaderValue.Any) || known.Tag == tag)
            ? StatusCode(StatusCodes.Status304NotModified)
            : File(flags, MediaTypes.Json);
    }

    private async Task<DecisionAnswer> DecideAsync(DecisionRequest request, CancellationToken cancellation)
    {
        var question = OfrepContext.Check(check, request);
        (await proofs.FindAsync(HttpContext.Caller, cancellation)).Check(question.CustomerId, request.CustomerProof);
        Response.Headers.CacheControl = "private, no-store";
        return await engine.DecideAsync(question, cancellation);
    }
}
