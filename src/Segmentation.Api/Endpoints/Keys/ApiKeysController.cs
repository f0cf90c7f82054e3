using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.ModelBinding;
using Segmentation.Api.Access;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Idempotency;

namespace Segmentation.Api.Endpoints;

/// <summary>API keys: who may call, and what.</summary>
[ApiController]
[Route("api/v1/api-keys")]
[Tags("Keys")]
[RequiresScope(Scopes.Admin)]
[Produces(MediaTypes.Json)]
public sealed class ApiKeysController(SegmentationDb db, ApiKeyStore store) : ControllerBase
{
    /// <summary>Makes an API key.</summary>
    /// <remarks>The answer is the only one that shows it whole, as <c>secret</c>: keep it. Nobody gives a scope that they don't hold. The
    /// first key of a service without tokens closes it to whoever has none, and needs the scope <c>admin</c>.</remarks>
    [HttpPost]
    [Idempotent(ShowsSecret = true)]
    [ProducesResponseType<ApiKeyResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Create(ApiKeyResource body, CancellationToken cancellation)
    {
        await using var transaction = await db.BeginAsync(cancellation);
        await store.LockAsync(cancellation);
        var (key, token) = await store.AddAsync(body, HttpContext.Caller, HttpContext.Caller.Name ?? "anonymous", cancellation);
        await transaction.CommitAsync(cancellation);
        store.Announce(key);
        Response.SetETag(key.Version);
        return Created($"/api/v1/api-keys/{key.Id}", ApiKeyResource.From(key, store.Now, token));
    }

    /// <summary>Lists API keys, the oldest first, revoked ones too.</summary>
    [HttpGet]
    public async Task<Page<ApiKeyResource>> List(int? limit, string? cursor, CancellationToken cancellation)
    {
        var (size, after) = (Paging.Limit(limit), Paging.NumberCursor(cursor) ?? 0);
        var rows = await store.ListAsync(after, size, cancellation);
        return Paging.Create(rows, size, k => ApiKeyResource.From(k, store.Now), k => [k.Key]);
    }

    /// <summary>Reads an API key.</summary>
    [HttpGet("{id}")]
    public async Task<ApiKeyResource> Get(string id, CancellationToken cancellation)
    {
        var key = await store.FindAsync(id, cancellation);
        Response.SetETag(key.Version);
        return ApiKeyResource.From(key, store.Now);
    }

    /// <summary>Changes an API key's name, scopes, expiry, limits or origins by JSON Merge Patch (RFC 7396).</summary>
    /// <remarks>Honors <c>If-Match</c>. Nobody gives a scope that they don't hold.</remarks>
    [HttpPatch("{id}")]
    [Consumes(MediaTypes.MergePatch, MediaTypes.Json)]
    [ProducesResponseType<ApiKeyResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Patch(string id, JsonElement patch, CancellationToken cancellation)
    {
        await using var transaction = await db.BeginAsync(cancellation);
        var key = await FindToChangeAsync(id, cancellation) ?? throw ApiProblem.NotFound("API key");
        await store.ChangeAsync(key, MergePatch.Apply(ApiKeyResource.From(key, store.Now), patch), HttpContext.Caller, cancellation);
        await transaction.CommitAsync(cancellation);
        store.Announce(key);
        Response.SetETag(key.Version);
        return Ok(ApiKeyResource.From(key, store.Now));
    }

    /// <summary>Gives an API key a new secret, which the answer alone shows.</summary>
    /// <remarks>The secret before lives on for <c>overlapHours</c>, so that whoever uses it can change over. There are never three: another
    /// rotation ends the oldest at once. Needs the scopes that the key has, but for one's own key.</remarks>
    [HttpPost("{id}/rotate")]
    [Idempotent(ShowsSecret = true)]
    [ProducesResponseType<ApiKeyResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<ApiKeyResource> Rotate(
        string id, [FromBody(EmptyBodyBehavior = EmptyBodyBehavior.Allow)] RotateRequest? body, CancellationToken cancellation)
    {
        await using var transaction = await db.BeginAsync(cancellation);
        var key = await FindToChangeAsync(id, cancellation) ?? throw ApiProblem.NotFound("API key");
        var token = await store.RotateAsync(key, body?.OverlapHours, HttpContext.Caller, cancellation);
        await transaction.CommitAsync(cancellation);
        store.Announce(key);
        Response.SetETag(key.Version);
        return ApiKeyResource.From(key, store.Now, token);
    }

    /// <summary>Revokes an API key for good; its record stays. Repeatable.</summary>
    /// <remarks>Within five seconds no process takes it any more. The last live key with the scope <c>admin</c>, where there are no tokens
    /// of an identity provider, is a 409.</remarks>
    [HttpDelete("{id}")]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status404NotFound)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Revoke(string id, CancellationToken cancellation)
    {
        // Who believes that a leaked key is dead must be right.
        if (id.StartsWith(ApiKeyToken.Prefix, StringComparison.Ordinal))
        {
            throw ApiProblem.Invalid("id", "This is a key, not its id, which are the 12 characters between its underscores.");
        }

        await using var transaction = await db.BeginAsync(cancellation);
        var key = await FindToChangeAsync(id, cancellation) ?? throw ApiProblem.NotFound("API key");
        await store.RevokeAsync(key, cancellation);
        await transaction.CommitAsync(cancellation);
        store.Announce(key);
        return NoContent();
    }

    // The version that If-Match must name is read under the lock.
    private async Task<ApiKey?> FindToChangeAsync(string id, CancellationToken cancellation)
    {
        await store.LockAsync(cancellation);
        var key = await store.FindToChangeAsync(id, cancellation);
        Request.CheckIfMatch(key?.Version);
        return key;
    }
}
