using System.Text.Json;
using FluentValidation;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.ModelBinding;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Api.Webhooks;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Endpoints;

/// <summary>Webhooks: who is told when customers join and leave segments.</summary>
[ApiController]
[Route("api/v1/webhooks")]
[Tags("Webhooks")]
[Produces("application/json")]
public sealed class WebhooksController(SegmentationDb db, IValidator<WebhookResource> validator, TimeProvider time) : ControllerBase
{
    private const int ReplayedAtOnce = 10_000;

    private DateTimeOffset Now { get; } = LocalTime.Truncate(time.GetUtcNow());

    /// <summary>Creates a webhook.</summary>
    /// <remarks>The answer is the only one that shows a secret made by the service: keep it. Messages are signed as Standard Webhooks says, sent at least once, and in order for each customer.</remarks>
    [HttpPost]
    [ProducesResponseType<WebhookResource>(StatusCodes.Status201Created)]
    public async Task<IActionResult> Create(WebhookResource body, CancellationToken cancellation)
    {
        Check(body);
        var webhook = new Webhook { Id = Guid.CreateVersion7().ToString(), Url = "", Secret = body.Secret ?? WebhookSignature.NewSecret(), CreatedAt = Now };
        db.Webhooks.Add(webhook);
        return await SaveAsync(webhook, body, shown: webhook.Secret, cancellation);
    }

    /// <summary>Lists webhooks, the oldest first.</summary>
    [HttpGet]
    public async Task<Page<WebhookResource>> List(int? limit, string? cursor, CancellationToken cancellation)
    {
        var (size, after) = (Paging.Limit(limit), Paging.TextCursor(cursor) ?? "");
        var rows = await db.Webhooks.AsNoTracking().Where(w => string.Compare(w.Id, after) > 0).OrderBy(w => w.Id).Take(size + 1).ToListAsync(cancellation);
        var counts = await CountAsync([.. rows.Select(w => w.Key)], cancellation);
        return Paging.Create(rows, size, w => Show(w, counts), w => [w.Id]);
    }

    /// <summary>Reads a webhook, with what it has not been told yet.</summary>
    [HttpGet("{id}")]
    public async Task<WebhookResource> Get(string id, CancellationToken cancellation)
    {
        var webhook = await FindAsync(id, cancellation);
        Response.SetETag(webhook.Version);
        return Show(webhook, await CountAsync([webhook.Key], cancellation));
    }

    /// <summary>Replaces a webhook.</summary>
    /// <remarks>Honours <c>If-Match</c>. The secret stays where none is given; messages are signed with the secret before as well for 24 hours. A webhook's id is made by the service, so that one which is not there can't be put.</remarks>
    [HttpPut("{id}")]
    [ProducesResponseType<WebhookResource>(StatusCodes.Status200OK)]
    [ProducesResponseType<ProblemDetails>(StatusCodes.Status404NotFound)]
    public async Task<IActionResult> Put(string id, WebhookResource body, CancellationToken cancellation)
    {
        Check(body, id);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        var webhook = await LockAsync(id, cancellation);
        var result = await SaveAsync(webhook ?? throw ApiProblem.NotFound("webhook"), body, Rotate(webhook, body.Secret), cancellation);
        await transaction.CommitAsync(cancellation);
        return result;
    }

    /// <summary>Changes a webhook by JSON Merge Patch (RFC 7396).</summary>
    /// <remarks>Honours <c>If-Match</c>. A <c>secret</c> of null has the service make a new one, which the answer shows.</remarks>
    [HttpPatch("{id}")]
    [Consumes("application/merge-patch+json", "application/json")]
    [ProducesResponseType<WebhookResource>(StatusCodes.Status200OK)]
    public async Task<IActionResult> Patch(string id, JsonElement patch, CancellationToken cancellation)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        var webhook = await LockAsync(id, cancellation) ?? throw ApiProblem.NotFound("webhook");
        var body = MergePatch.Apply(WebhookResource.From(webhook, 0, 0), patch);
        Check(body, id);
        var secret = patch.TryGetProperty("secret", out var given) && given.ValueKind == JsonValueKind.Null ? WebhookSignature.NewSecret() : body.Secret;
        var result = await SaveAsync(webhook, body, Rotate(webhook, secret), cancellation);
        await transaction.CommitAsync(cancellation);
        return result;
    }

    /// <summary>Deletes a webhook and all messages to it. Repeatable.</summary>
    [HttpDelete("{id}")]
    [ProducesResponseType(StatusCodes.Status204NoContent)]
    public async Task<IActionResult> Delete(string id, CancellationToken cancellation)
    {
        // Its messages may be a million; the dispatcher removes them bit by bit.
        await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
        if (await LockAsync(id, cancellation) is { } webhook)
        {
            db.Webhooks.Remove(webhook);
            await db.SaveChangesAsync(cancellation);
            await transaction.CommitAsync(cancellation);
        }

        return NoContent();
    }

    /// <summary>Sends a test message now, enabled or not, and says what came back.</summary>
    /// <remarks>Its type is <c>webhook.test</c>, its data empty. It is sent once.</remarks>
    [HttpPost("{id}/test")]
    [ProducesResponseType<WebhookTestResult>(StatusCodes.Status200OK)]
    public async Task<WebhookTestResult> Test(string id, CancellationToken cancellation)
    {
        var webhook = await FindAsync(id, cancellation);
        await db.Database.CloseConnectionAsync();
        var secrets = WebhookSecrets.Decode(webhook.Secret, webhook.PreviousSecretUntil > Now ? webhook.PreviousSecret : null);
        var sent = await HttpContext.RequestServices.GetRequiredService<WebhookSender>()
            .SendAsync(webhook.Url, secrets, WebhookDelivery.MessageName(Guid.NewGuid()), WebhookMessage.Test(Now).ToBytes(), cancellation);
        return new WebhookTestResult(sent.Status, Math.Round(sent.Elapsed.TotalMilliseconds, 1), sent.Error);
    }

    /// <summary>Lists messages to a webhook and what came of them, newest first.</summary>
    /// <remarks>What was delivered is kept for three days, dead letters for thirty.</remarks>
    /// <param name="state">Only those: <c>pending</c>, <c>delivered</c> or <c>dead</c>.</param>
    [HttpGet("{id}/deliveries")]
    [ProducesResponseType<Page<WebhookDeliveryResource>>(StatusCodes.Status200OK)]
    public async Task<Page<WebhookDeliveryResource>> Deliveries(string id, DeliveryState? state, int? limit, string? cursor, CancellationToken cancellation)
    {
        var (size, before) = (Paging.Limit(limit), Paging.NumberCursor(cursor) ?? long.MaxValue);
        var webhook = await FindAsync(id, cancellation);
        List<WebhookDelivery> rows = [];
        foreach (var one in state is { } wanted ? [wanted] : Enum.GetValues<DeliveryState>())
        {
            // Each from where the index has it, however many messages of other webhooks lie between.
            rows.AddRange(await db.WebhookDeliveries.AsNoTracking().Where(d => d.WebhookKey == webhook.Key && d.State == one && d.Id < before)
                .OrderByDescending(d => d.Id).Take(size + 1).ToListAsync(cancellation));
        }

        return Paging.Create([.. rows.OrderByDescending(d => d.Id).DistinctBy(d => d.Id).Take(size + 1)], size, WebhookDeliveryResource.From, d => [d.Id]);
    }

    /// <summary>Puts one message back in the queue, whatever came of it.</summary>
    [HttpPost("{id}/deliveries/{messageId}/replay")]
    [ProducesResponseType<WebhookDeliveryResource>(StatusCodes.Status200OK)]
    public async Task<WebhookDeliveryResource> ReplayOne(string id, string messageId, CancellationToken cancellation)
    {
        var webhook = await FindAsync(id, cancellation);
        var message = WebhookDelivery.MessageOf(messageId) ?? throw ApiProblem.NotFound("message");
        var one = db.WebhookDeliveries.Where(d => d.WebhookKey == webhook.Key && d.MessageId == message);
        await one.ExecuteUpdateAsync(
            d => d.SetProperty(x => x.State, DeliveryState.Pending).SetProperty(x => x.Attempts, 0).SetProperty(x => x.QueuedAt, Now)
                .SetProperty(x => x.NextAttemptAt, Now).SetProperty(x => x.DoneAt, (DateTimeOffset?)null),
            cancellation);
        return WebhookDeliveryResource.From(await one.AsNoTracking().SingleOrDefaultAsync(cancellation) ?? throw ApiProblem.NotFound("message"));
    }

    /// <summary>Puts messages back in the queue: all dead letters, or all since an instant.</summary>
    [HttpPost("{id}/replay")]
    [ProducesResponseType<ReplayResult>(StatusCodes.Status200OK)]
    public async Task<ReplayResult> Replay(string id, [FromBody(EmptyBodyBehavior = EmptyBodyBehavior.Allow)] ReplayRequest? body, CancellationToken cancellation)
    {
        var webhook = await FindAsync(id, cancellation);
        var (queued, after) = (0, 0L);
        for (var more = true; more;)
        {
            // Some thousands a statement: a receiver that was away for a day has missed a million.
            var wanted = db.WebhookDeliveries.Where(d => d.WebhookKey == webhook.Key && d.Id > after);
            wanted = body?.Since is { } since ? wanted.Where(d => d.At >= since && d.State != DeliveryState.Pending) : wanted.Where(d => d.State == DeliveryState.Dead);
            var ids = await wanted.OrderBy(d => d.Id).Select(d => d.Id).Take(ReplayedAtOnce).ToListAsync(cancellation);
            queued += await Retry.OnDeadlockAsync(
                () => db.WebhookDeliveries.Where(d => ids.Contains(d.Id) && d.State != DeliveryState.Pending).ExecuteUpdateAsync(
                    d => d.SetProperty(x => x.State, DeliveryState.Pending).SetProperty(x => x.Attempts, 0).SetProperty(x => x.QueuedAt, Now)
                        .SetProperty(x => x.NextAttemptAt, Now).SetProperty(x => x.DoneAt, (DateTimeOffset?)null),
                    cancellation),
                cancellation);
            (more, after) = (ids.Count == ReplayedAtOnce, ids.LastOrDefault());
        }

        return new ReplayResult(queued);
    }

    private async Task<Webhook> FindAsync(string id, CancellationToken cancellation) =>
        (IsId(id) ? await db.Webhooks.AsNoTracking().SingleOrDefaultAsync(w => w.Id == id, cancellation) : null) ?? throw ApiProblem.NotFound("webhook");

    private async Task<Webhook?> LockAsync(string id, CancellationToken cancellation)
    {
        var webhook = IsId(id) ? (await db.Webhooks.FromSql($"SELECT * FROM webhooks WHERE id = {id} FOR UPDATE").ToListAsync(cancellation)).SingleOrDefault() : null;
        Request.CheckIfMatch(webhook?.Version);
        return webhook;
    }

    // A text that is no id need not trouble the database, which might not take it.
    private static bool IsId(string id) => Guid.TryParseExact(id, "D", out _);

    private void Check(WebhookResource body, string? id = null)
    {
        if (id is not null && body.Id is not null && body.Id != id)
        {
            throw ApiProblem.Invalid("/id", "The id is that of the address, and made by the service.");
        }

        var result = validator.Validate(body);
        if (!result.IsValid)
        {
            throw ApiProblem.Invalid(result.Errors.Select(e => new RuleError(e.PropertyName.Replace("[", "/", StringComparison.Ordinal).Replace("]", "", StringComparison.Ordinal), e.ErrorMessage)));
        }
    }

    // The secret to show: null where it is the one that stands.
    private string? Rotate(Webhook webhook, string? secret)
    {
        if (secret is null || secret == webhook.Secret)
        {
            return null;
        }

        (webhook.PreviousSecret, webhook.PreviousSecretUntil, webhook.Secret) = (webhook.Secret, Now + WebhookSecrets.Overlap, secret);
        return secret;
    }

    private async Task<IActionResult> SaveAsync(Webhook webhook, WebhookResource body, string? shown, CancellationToken cancellation)
    {
        // Those that it names already may have gone since.
        var named = (body.Segments ?? []).Except(webhook.Segments, StringComparer.Ordinal).ToArray();
        var known = named.Length == 0 ? [] : await db.Segments.Where(s => named.Contains(s.Key)).Select(s => s.Key).ToListAsync(cancellation);
        var unknown = (body.Segments ?? []).Select((key, i) => (key, i)).Where(k => named.Contains(k.key) && !known.Contains(k.key)).ToList();
        if (unknown.Count > 0)
        {
            throw ApiProblem.Invalid(unknown.Select(k => new RuleError($"/segments/{k.i}", "There is no segment with this key.")));
        }

        var created = webhook.Version == 0;
        if (body.ApplyTo(webhook) || shown is not null)
        {
            webhook.Version++;
            webhook.UpdatedAt = Now;
            await db.SaveChangesAsync(cancellation);
        }

        Response.SetETag(webhook.Version);
        var resource = Show(webhook, created ? [] : await CountAsync([webhook.Key], cancellation), shown);
        return created ? CreatedAtAction(nameof(Get), new { id = webhook.Id }, resource) : Ok(resource);
    }

    private async Task<Dictionary<(int, DeliveryState), long>> CountAsync(int[] webhooks, CancellationToken cancellation) =>
        await db.WebhookDeliveries.Where(d => webhooks.Contains(d.WebhookKey) && (d.State == DeliveryState.Pending || d.State == DeliveryState.Dead))
            .GroupBy(d => new { d.WebhookKey, d.State }).Select(g => new { g.Key.WebhookKey, g.Key.State, Count = g.LongCount() })
            .ToDictionaryAsync(g => (g.WebhookKey, g.State), g => g.Count, cancellation);

    private static WebhookResource Show(Webhook webhook, Dictionary<(int, DeliveryState), long> counts, string? shown = null) =>
        WebhookResource.From(webhook, counts.GetValueOrDefault((webhook.Key, DeliveryState.Pending)), counts.GetValueOrDefault((webhook.Key, DeliveryState.Dead)), shown);
}
