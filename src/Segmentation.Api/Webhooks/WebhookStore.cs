using FluentValidation;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Webhooks;

/// <summary>Reads and writes webhooks.</summary>
public sealed class WebhookStore(
    SegmentationDb db, IValidator<WebhookResource> validator, WebhookSecrets secrets, Limits limits, TimeProvider time)
{
    private DateTimeOffset Now { get; } = LocalTime.Truncate(time.GetUtcNow());

    /// <exception cref="ApiProblem">404.</exception>
    public async Task<Webhook> FindAsync(string id, CancellationToken cancellation)
    {
        var webhook = IsId(id) ? await db.Webhooks.AsNoTracking().SingleOrDefaultAsync(w => w.Id == id, cancellation) : null;
        return webhook ?? throw ApiProblem.NotFound("webhook");
    }

    /// <summary>Reads a webhook to be written; nobody else writes it until the transaction ends.</summary>
    public async Task<Webhook?> LockAsync(string id, CancellationToken cancellation) =>
        IsId(id)
            ? (await db.Webhooks.FromSql($"SELECT * FROM webhooks WHERE id = {id} FOR UPDATE").ToListAsync(cancellation)).SingleOrDefault()
            : null;

    /// <summary>The oldest webhooks after one, one more than asked for.</summary>
    public Task<List<Webhook>> ListAsync(string after, int size, CancellationToken cancellation) =>
        db.Webhooks.AsNoTracking().Where(w => string.Compare(w.Id, after) > 0).OrderBy(w => w.Id).Take(size + 1).ToListAsync(cancellation);

    /// <summary>Checks all but whether the segments exist, which <see cref="SaveAsync"/> does.</summary>
    /// <param name="id">The id of the address; null for a webhook that is to be made.</param>
    /// <exception cref="ApiProblem">400.</exception>
    public void Check(WebhookResource body, string? id = null)
    {
        if (id is not null && body.Id is not null && body.Id != id)
        {
            throw ApiProblem.Invalid("/id", "The id must be that of the address; the service makes it.");
        }

        validator.Check(body);
    }

    /// <summary>A webhook to be saved; nobody else adds one until the transaction ends.</summary>
    /// <exception cref="ApiProblem">409: there are too many.</exception>
    public async Task<Webhook> AddAsync(string? secret, CancellationToken cancellation)
    {
        await db.Database.ExecuteSqlAsync($"LOCK TABLE webhooks IN SHARE ROW EXCLUSIVE MODE", cancellation);
        if (await db.Webhooks.CountAsync(cancellation) >= limits.Webhooks)
        {
            throw ApiProblem.Conflict(
                $"There can be at most {limits.Webhooks} webhooks: delete one, or have one tell of several segments.");
        }

        var webhook = new Webhook
        {
            Id = Guid.CreateVersion7().ToString(),
            Url = "",
            Secret = secrets.Seal(secret ?? WebhookSignature.NewSecret()),
            CreatedAt = Now,
        };
        db.Webhooks.Add(webhook);
        return webhook;
    }

    /// <summary>Signs with another secret from now on, and with the present one until the receiver has had time to change over.</summary>
    /// <returns>Whether the secret changed.</returns>
    public bool Rotate(Webhook webhook, string? secret)
    {
        if (secret is null || secret == Show(webhook))
        {
            return false;
        }

        webhook.PreviousSecret = webhook.Secret;
        webhook.PreviousSecretUntil = Now + WebhookSecrets.Overlap;
        webhook.Secret = secrets.Seal(secret);
        return true;
    }

    /// <summary>The secret in the clear, for the one answer that shows it.</summary>
    public string Show(Webhook webhook) => secrets.Open(webhook.Secret);

    /// <summary>Saves a webhook, as a new version where it changed.</summary>
    /// <param name="isSecretNew">Whether the secret changed, which the body does not show.</param>
    /// <exception cref="ApiProblem">400: a segment that was not named before does not exist.</exception>
    public async Task SaveAsync(Webhook webhook, WebhookResource body, bool isSecretNew, CancellationToken cancellation)
    {
        await CheckSegmentsAsync(body.Segments ?? [], webhook.Segments, cancellation);
        if (body.ApplyTo(webhook) || isSecretNew)
        {
            webhook.Version++;
            webhook.UpdatedAt = Now;
            await db.SaveChangesAsync(cancellation);
        }
    }

    /// <summary>Deletes a webhook. Its messages may be a million; the sweep deletes them bit by bit.</summary>
    public Task DeleteAsync(Webhook webhook, CancellationToken cancellation)
    {
        db.Webhooks.Remove(webhook);
        return db.SaveChangesAsync(cancellation);
    }

    // Segments that the webhook names already may have been deleted since.
    private async Task CheckSegmentsAsync(string[] segments, string[] before, CancellationToken cancellation)
    {
        var added = segments.Except(before, StringComparer.Ordinal).ToArray();
        if (added.Length == 0)
        {
            return;
        }

        var existing = await db.Segments.Where(s => added.Contains(s.Key)).Select(s => s.Key).ToListAsync(cancellation);
        var missing = added.Except(existing, StringComparer.Ordinal).ToHashSet(StringComparer.Ordinal);
        if (missing.Count > 0)
        {
            throw ApiProblem.Invalid(segments.Index().Where(s => missing.Contains(s.Item))
                .Select(s => new RuleError($"/segments/{s.Index}", "There is no segment with this key.")));
        }
    }

    // A text that is no id need not trouble the database, which might not accept it.
    private static bool IsId(string id) => Guid.TryParseExact(id, "D", out _);
}
