using System.ComponentModel;
using Segmentation.Api.Http;

namespace Segmentation.Api.Webhooks;

/// <summary>
/// An address that is told who joins and leaves segments. Read-only properties are ignored in requests.
/// </summary>
public sealed record WebhookResource
{
    /// <summary>Made by the service.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public string? Id { get; init; }

    /// <summary>
    /// Where messages are posted to: an absolute https URL, without a user's name and password. (The setting <c>Webhooks:AllowHttp</c>
    /// allows http.)
    /// </summary>
    [AlwaysAnswered]
    [Needed]
    public string? Url { get; init; }

    /// <summary>Keys of the segments to tell of; all when left out or empty.</summary>
    [AlwaysAnswered]
    public string[]? Segments { get; init; }

    /// <summary>
    /// What messages are signed with: <c>whsec_</c> and 24 to 64 random bytes in base64. Made when left out; shown only by the answer to
    /// the request that set it.
    /// </summary>
    public string? Secret { get; init; }

    /// <summary>
    /// Default true. A webhook that is not enabled is told nothing, not even later; what was queued before waits for a day.
    /// </summary>
    [AlwaysAnswered]
    public bool? Enabled { get; init; }

    /// <summary>
    /// Why the service disabled it: its receiver answered 410, or accepted no message for three days. Missing while it is enabled, and
    /// where a caller disabled it. Setting <c>enabled</c> to true has it told again.
    /// </summary>
    [ReadOnly(true)]
    public string? DisabledReason { get; init; }

    /// <summary>What it is for, in words.</summary>
    public string? Description { get; init; }

    /// <summary>Messages that are to be sent.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public long? Pending { get; init; }

    /// <summary>Messages that could not be delivered.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public long? Dead { get; init; }

    /// <summary>When it was created.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>When it was last written.</summary>
    [AlwaysAnswered]
    [ReadOnly(true)]
    public DateTimeOffset? UpdatedAt { get; init; }

    /// <param name="shown">The secret, in the one response that may show it.</param>
    internal static WebhookResource From(Webhook webhook, DeliveryCounts counts, string? shown = null) => new()
    {
        Id = webhook.Id,
        Url = webhook.Url,
        Segments = webhook.Segments,
        Secret = shown,
        Enabled = webhook.Enabled,
        DisabledReason = webhook.DisabledReason,
        Description = webhook.Description,
        Pending = counts.Pending,
        Dead = counts.Dead,
        CreatedAt = webhook.CreatedAt,
        UpdatedAt = webhook.UpdatedAt,
    };

    /// <summary>Copies what the caller may set to the entity, except for the secret.</summary>
    /// <returns>Whether anything changed.</returns>
    internal bool ApplyTo(Webhook webhook)
    {
        var before = (webhook.Url, webhook.Enabled, webhook.Description, string.Join(' ', webhook.Segments));
        var isElsewhere = webhook.Url != Url;
        webhook.Url = Url!;
        webhook.Segments = [.. (Segments ?? []).Distinct(StringComparer.Ordinal)];
        var isEnabledAnew = !webhook.Enabled && Enabled != false;
        webhook.Enabled = Enabled ?? true;
        webhook.DisabledReason = webhook.Enabled ? null : webhook.DisabledReason;
        webhook.FailingSince = isElsewhere || isEnabledAnew ? null : webhook.FailingSince;
        webhook.Description = string.IsNullOrWhiteSpace(Description) ? null : Description.Trim();
        return before != (webhook.Url, webhook.Enabled, webhook.Description, string.Join(' ', webhook.Segments));
    }
}

/// <summary>A message to a webhook, and what became of it.</summary>
/// <param name="MessageId">The header <c>webhook-id</c> of every attempt.</param>
/// <param name="Segment">The segment's key at that time.</param>
/// <param name="CustomerId">The id of the customer that joined or left; missing where the segment was deleted, and
/// <c>***</c> without the scope <c>customers:read</c>.</param>
/// <param name="Change">What it tells.</param>
/// <param name="At">When the customer joined or left, or the segment was deleted.</param>
/// <param name="State">What became of it.</param>
/// <param name="Attempts">How often it was sent since it was queued, or last replayed.</param>
/// <param name="LastStatus">The HTTP status that the last attempt got; missing where it got none.</param>
/// <param name="LastError">Why the last attempt failed.</param>
/// <param name="NextAttemptAt">Only while pending.</param>
public sealed record WebhookDeliveryResource(
    string MessageId, string Segment, string? CustomerId, WebhookChange Change, DateTimeOffset At, DeliveryState State, int Attempts,
    int? LastStatus, string? LastError, DateTimeOffset? NextAttemptAt)
{
    private const string Masked = "***";

    internal static WebhookDeliveryResource From(WebhookDelivery d, bool showCustomer) => new(
        WebhookDelivery.MessageName(d.MessageId), d.SegmentKey, d.CustomerId is null || showCustomer ? d.CustomerId : Masked,
        d.CustomerId is null ? WebhookChange.Deleted : d.Joined ? WebhookChange.Joined : WebhookChange.Left, d.At,
        d.State, d.Attempts, d.LastStatus, d.LastError, d.NextAttemptAt);
}

/// <summary>What a message tells.</summary>
public enum WebhookChange { Joined, Left, Deleted }

/// <summary>What came back of a test message.</summary>
/// <param name="Status">The HTTP status; missing where none came.</param>
/// <param name="ElapsedMs">How long it took, in milliseconds.</param>
/// <param name="Error">Why it failed; missing where it did not.</param>
public sealed record WebhookTestResult(int? Status, double ElapsedMs, string? Error);

/// <summary>Which messages to send again.</summary>
/// <param name="Since">
/// All that happened at or after this instant, delivered or dead. When left out, all dead letters, but for those that a later message has
/// overtaken: one about the same customer and segment that was delivered.
/// </param>
public sealed record ReplayRequest(DateTimeOffset? Since = null);

/// <summary>How many messages were put back in the queue.</summary>
/// <param name="Queued">How many.</param>
public sealed record ReplayResult(int Queued);
