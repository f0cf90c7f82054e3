using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.ModelBinding;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Idempotency;
using Segmentation.Api.Webhooks;

namespace Segmentation.Api.Endpoints;

/// <summary>Webhooks: addresses to which is sent who joins and leaves segments.</summary>
[ApiController]
[Route("api/v1/webhooks")]
[Tags("Webhooks")]
[RequiresScope(Scopes.Webhooks)]
[Produces(MediaTypes.Json)]
public sealed class WebhooksController(
    SegmentationDb db, WebhookStore store, DeliveryStore deliveries, WebhookSender sender) : ControllerBase
{
    /// <summary>Creates a webhook.</summary>
    /// <remarks>The answer is the only one that shows a secret made by the service: keep it. Messages are signed as Standard Webhooks says,
    /// sent at least once, and in order for each customer.
    /// <para><c>segment.joined</c> and <c>segment.left</c> say that a customer joined or left; their <c>data</c> is
    /// <c>{"segment","segmentName","customerId","cause","eventId","version"}</c>. When a customer is erased, <c>segment.left</c> with the
    /// cause <c>erased</c> is sent for each segment that it was in, and other messages about it that are not sent yet are dropped.</para>
    /// <para><c>segment.deleted</c> says that a segment was deleted, so that all have left it; its <c>data</c> is
    /// <c>{"segment","segmentName","version"}</c>. It takes the place of messages about that segment that are not sent yet, but
    /// for those that a customer was erased, and is sent before any about a new segment with the same key.</para>
    /// <para><c>webhook.test</c> has empty <c>data</c>.</para>
    /// <para>There can be at most 100. One whose receiver answers 410, or accepts nothing for three days, is disabled, and its
    /// <c>disabledReason</c> says so.</para></remarks>
    [HttpPost]
    [Idempotent(ShowsSecret = true)]
    [ProducesResponseType<WebhookResource>(StatusCodes.Status201Created)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status409Conflict)]
    public async Task<IActionResult> Create(WebhookResource body, CancellationToken cancellation)
    {
        store.Check(body);
        await using var transaction = await db.BeginAsync(cancellation);
        var webhook = await store.AddAsync(body.Secret, cancellation);
        var created = await SaveAsync(webhook, body, isSecretNew: true, cancellation);
        await transaction.CommitAsync(cancellation);
        return Created($"/api/v1/webhooks/{webhook.Id}", created);
    }

    /// <summary>Lists webhooks, the oldest first.</summary>
    [HttpGet]
    public async Task<Page<WebhookResource>> List(int? limit, string? cursor, CancellationToken cancellation)
    {
        var (size, after) = (Paging.Limit(limit), Paging.TextCursor(cursor) ?? "");
        var rows = await store.ListAsync(after, size, cancellation);
        var counts = await deliveries.CountAsync([.. rows.Select(w => w.Key)], cancellation);
        return Paging.Create(rows, size, w => WebhookResource.From(w, counts.GetValueOrDefault(w.Key, DeliveryCounts.None)), w => [w.Id]);
    }

    /// <summary>Reads a webhook, with what it has not been told yet.</summary>
    [HttpGet("{id}")]
    public async Task<WebhookResource> Get(string id, CancellationToken cancellation)
    {
        var webhook = await store.FindAsync(id, cancellation);
        var counts = await deliveries.CountAsync([webhook.Key], cancellation);
        Response.SetETag(webhook.Version);
        return WebhookResource.From(webhook, counts.GetValueOrDefault(webhook.Key, DeliveryCounts.None));
    }

    /// <summary>Replaces a webhook.</summary>
    /// <remarks>Honors <c>If-Match</c>. The secret stays where none is given; messages are signed with the secret before as well for 24
    /// hours. A webhook's id is made by the service, so that one which is not there can't be put.</remarks>
    [HttpPut("{id}")]
    [ProducesResponseType<WebhookResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status404NotFound)]
    public async Task<IActionResult> Put(string id, WebhookResource body, CancellationToken cancellation)
    {
        store.Check(body, id);
        await using var transaction = await db.BeginAsync(cancellation);
        var webhook = await LockAsync(id, cancellation) ?? throw ApiProblem.NotFound("webhook");
        var saved = await SaveAsync(webhook, body, store.Rotate(webhook, body.Secret), cancellation);
        await transaction.CommitAsync(cancellation);
        return Ok(saved);
    }

    /// <summary>Changes a webhook by JSON Merge Patch (RFC 7396).</summary>
    /// <remarks>Honors <c>If-Match</c>. A <c>secret</c> of null has the service make a new one, which the answer shows.</remarks>
    [HttpPatch("{id}")]
    [Consumes(MediaTypes.MergePatch, MediaTypes.Json)]
    [ProducesResponseType<WebhookResource>(StatusCodes.Status200OK)]
    public async Task<IActionResult> Patch(string id, JsonElement patch, CancellationToken cancellation)
    {
        await using var transaction = await db.BeginAsync(cancellation);
        var webhook = await LockAsync(id, cancellation) ?? throw ApiProblem.NotFound("webhook");
        var body = MergePatch.Apply(WebhookResource.From(webhook, DeliveryCounts.None), patch);
        store.Check(body, id);
        var isReset = patch.TryGetProperty("secret", out var given) && given.ValueKind == JsonValueKind.Null;
        var secret = isReset ? WebhookSignature.NewSecret() : body.Secret;
        var saved = await SaveAsync(webhook, body, store.Rotate(webhook, secret), cancellation);
        await transaction.CommitAsync(cancellation);
        return Ok(saved);
    }

    /// <summary>Deletes a webhook and all messages to it. Repeatable.</summary>
    [HttpDelete("{id}")]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    public async Task<IActionResult> Delete(string id, CancellationToken cancellation)
    {
        await using var transaction = await db.BeginAsync(cancellation);
        if (await LockAsync(id, cancellation) is { } webhook)
        {
            await store.DeleteAsync(webhook, cancellation);
            await transaction.CommitAsync(cancellation);
        }

        return NoContent();
    }

    /// <summary>Sends a test message now, enabled or not, and says what came back.</summary>
    /// <remarks>Its type is <c>webhook.test</c>, its data empty. It is sent once.</remarks>
    [HttpPost("{id}/test")]
    [Work(WorkClass.Stream, Rate = RateName.WebhookTest)]
    [ProducesResponseType<WebhookTestResult>(StatusCodes.Status200OK)]
    public async Task<WebhookTestResult> Test(string id, CancellationToken cancellation)
    {
        var outcome = await sender.SendTestAsync(await store.FindAsync(id, cancellation), cancellation);
        return new WebhookTestResult(outcome.Status, Math.Round(outcome.Elapsed.TotalMilliseconds, 1), outcome.Error);
    }

    /// <summary>Lists messages to a webhook and what came of them, newest first.</summary>
    /// <remarks>What was delivered is kept for three days, dead letters for thirty; of an erased customer nothing is kept once it is told
    /// that it left, or after a day.</remarks>
    /// <param name="state">Only those: <c>pending</c>, <c>delivered</c> or <c>dead</c>.</param>
    [HttpGet("{id}/deliveries")]
    [ProducesResponseType<Page<WebhookDeliveryResource>>(StatusCodes.Status200OK)]
    public async Task<Page<WebhookDeliveryResource>> Deliveries(
        string id, DeliveryState? state, int? limit, string? cursor, CancellationToken cancellation)
    {
        var (size, before) = (Paging.Limit(limit), Paging.NumberCursor(cursor) ?? long.MaxValue);
        var webhook = await store.FindAsync(id, cancellation);
        var rows = await deliveries.ListAsync(webhook.Key, state, before, size, cancellation);
        return Paging.Create(rows, size, Show, d => [d.Id]);
    }

    /// <summary>Puts one message back in the queue, whatever came of it.</summary>
    /// <remarks>A 409 where it says that a customer joined who is restricted since, or has withdrawn a consent that the segment requires.
    /// </remarks>
    [HttpPost("{id}/deliveries/{messageId}/replay")]
    [Idempotent]
    [ProducesResponseType<WebhookDeliveryResource>(StatusCodes.Status200OK)]
    public async Task<WebhookDeliveryResource> ReplayOne(string id, string messageId, CancellationToken cancellation)
    {
        var webhook = await store.FindAsync(id, cancellation);
        return Show(await deliveries.ReplayAsync(webhook.Key, messageId, cancellation));
    }

    /// <summary>Puts messages back in the queue: all dead letters, or all since an instant.</summary>
    /// <remarks>Without <c>since</c>, dead letters that a later message about the same customer and segment has overtaken stay where they
    /// are: they would tell the receiver what is no longer so. The list of deliveries has them, and each can be replayed by itself. Nobody
    /// is told again that a customer joined who is restricted since, or has withdrawn a consent that the segment requires.</remarks>
    [HttpPost("{id}/replay")]
    [Idempotent]
    [ProducesResponseType<ReplayResult>(StatusCodes.Status200OK)]
    public async Task<ReplayResult> Replay(
        string id, [FromBody(EmptyBodyBehavior = EmptyBodyBehavior.Allow)] ReplayRequest? body, CancellationToken cancellation)
    {
        var webhook = await store.FindAsync(id, cancellation);
        return new ReplayResult(await deliveries.ReplayAsync(webhook.Key, body?.Since, cancellation));
    }

    private WebhookDeliveryResource Show(WebhookDelivery delivery) =>
        WebhookDeliveryResource.From(delivery, HttpContext.Caller.Has(Scopes.CustomersRead));

    // The version that If-Match must name is read under the lock.
    private async Task<Webhook?> LockAsync(string id, CancellationToken cancellation)
    {
        var webhook = await store.LockAsync(id, cancellation);
        Request.CheckIfMatch(webhook?.Version);
        return webhook;
    }

    // A secret is shown only by the response to the request that set it.
    private async Task<WebhookResource> SaveAsync(Webhook webhook, WebhookResource body, bool isSecretNew, CancellationToken cancellation)
    {
        await store.SaveAsync(webhook, body, isSecretNew, cancellation);
        var counts = await deliveries.CountAsync([webhook.Key], cancellation);
        Response.SetETag(webhook.Version);
        return WebhookResource.From(
            webhook, counts.GetValueOrDefault(webhook.Key, DeliveryCounts.None), isSecretNew ? store.Show(webhook) : null);
    }
}
