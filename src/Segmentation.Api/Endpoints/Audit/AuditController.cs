using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Audit;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Endpoints;

/// <summary>The audit log: who changed what.</summary>
[ApiController]
[Route("api/v1/audit")]
[Tags("Audit")]
[RequiresScope(Scopes.AuditRead)]
[Produces(MediaTypes.Json)]
public sealed class AuditController(AuditReader reader, AuditLog log, CustomerMarks marks) : ControllerBase
{
    private const string Customers = "customers/";

    private const int MaxText = 400;

    /// <summary>Lists what was done, the newest first.</summary>
    /// <remarks>Entries hold no personal data: a customer is <c>customers/hmac:…</c>. Nobody can change or delete one.</remarks>
    /// <param name="actor">Only what this key (its id) or subject did; <c>service</c> (or <c>system</c>) or <c>anonymous</c>.</param>
    /// <param name="action">Only this: <c>segments.change</c>.</param>
    /// <param name="resource">Only what was done to this: <c>segments/vip</c>; with the scope <c>privacy</c> also <c>customers/ID</c>.
    /// </param>
    /// <param name="from">Only at or after this instant.</param>
    /// <param name="to">Only before this instant.</param>
    [HttpGet]
    [ProducesResponseType<Page<AuditEntryResource>>(StatusCodes.Status200OK)]
    public async Task<Page<AuditEntryResource>> List(
        string? actor, string? action, string? resource, Instant? from, Instant? to, int? limit, string? cursor,
        CancellationToken cancellation)
    {
        var by = Check(actor, nameof(actor));
        var filter = new AuditFilter(
            by == AuditActor.Service.Kind ? AuditActor.Service.Id : by, Check(action, nameof(action)),
            await NameAsync(Check(resource, nameof(resource)), cancellation), from?.Value, to?.Value);
        return await reader.ListAsync(filter, Paging.Limit(limit), Paging.NumberCursor(cursor), cancellation);
    }

    /// <summary>The end of the chain: keep it elsewhere, to find later that nothing was cut off.</summary>
    /// <remarks>It is also written to the service's log every hour, and to the file of the setting <c>Audit:AnchorFile</c>.</remarks>
    [HttpGet("head")]
    [ProducesResponseType<AuditHead>(StatusCodes.Status200OK)]
    public Task<AuditHead> Head(CancellationToken cancellation) => reader.ReadHeadAsync(cancellation);

    /// <summary>Computes the chain anew, and says whether it is unbroken.</summary>
    /// <remarks>Finds an entry that was changed, removed, inserted or moved. Entries that were cut off at the end, with the head set back,
    /// are found only against a <c>head</c> that was read before and kept elsewhere.</remarks>
    [HttpPost("verify")]
    [Work(WorkClass.Heavy)]
    [ProducesResponseType<AuditVerdict>(StatusCodes.Status200OK)]
    public async Task<AuditVerdict> Verify(AuditVerification body, CancellationToken cancellation)
    {
        Refuse(body.From < 1, "/from", "from must be an integer from 1: an entry's id.");
        Refuse(body.To < (body.From ?? 1), "/to", "to must be an entry's id, not less than from.");
        Refuse(body.Head is { Id: < 0 }, "/head/id", "id must be that of an entry, as GET /audit/head answers it.");
        Refuse(
            body.Head is { } head && (head.Hash is not { Length: 64 } hash || !hash.All(char.IsAsciiHexDigit)),
            "/head/hash", "hash must be 64 hexadecimal digits, as GET /audit/head answers it.");
        var (verdict, hasHead) = await reader.VerifyAsync(body, cancellation);
        if (hasHead)
        {
            await log.AppendAsync(
                "audit.verify", "audit", after: JsonSerializer.SerializeToNode(
                    new { verdict.Valid, verdict.Checked, verdict.FirstBad, verdict.HeadSeen }, Json.Options),
                cancellation: cancellation);
        }

        return verdict;
    }

    // Whoever could try out ids would know who was here once.
    private async Task<string?> NameAsync(string? resource, CancellationToken cancellation)
    {
        if (resource?.StartsWith(Customers, StringComparison.Ordinal) != true
            || resource.StartsWith(Customers + CustomerMarks.Prefix, StringComparison.Ordinal))
        {
            return resource;
        }

        HttpContext.Caller.Require(Scopes.Privacy);
        return await marks.NameAsync(resource[Customers.Length..], cancellation);
    }

    private static string? Check(string? text, string name) =>
        text is null ? null
        : text.Length is > 0 and <= MaxText ? Paging.Text(text, name)
        : throw ApiProblem.Invalid(name, $"{name} must have 1 to {MaxText} characters.");

    private static void Refuse(bool isWrong, string pointer, string message)
    {
        if (isWrong)
        {
            throw ApiProblem.Invalid(pointer, message);
        }
    }
}
