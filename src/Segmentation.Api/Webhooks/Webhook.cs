namespace Segmentation.Api.Webhooks;

/// <summary>An address to which is sent who joins and who leaves.</summary>
public sealed class Webhook
{
    public const int UrlMaxLength = 2048;
    public const int DescriptionMaxLength = 4000;
    public const int SecretMaxLength = 256;
    public const int SegmentsMaxItems = 1000;
    public const int ReasonMaxLength = 200;

    public const string IdIndex = "ux_webhooks_id";

    /// <summary>The database's own key; never leaves the service.</summary>
    public int Key { get; set; }

    /// <summary>A UUIDv7, so that ids are in the order of creation.</summary>
    public required string Id { get; set; }
    public required string Url { get; set; }

    /// <summary>Keys of the segments whose changes are sent; empty for all.</summary>
    public string[] Segments { get; set; } = [];

    /// <summary>As <see cref="WebhookSecrets"/> stores it: each message is signed with it, so that a hash would not do.</summary>
    public required string Secret { get; set; }

    /// <summary>The secret before it was rotated; messages are signed with both until <see cref="PreviousSecretUntil"/>.</summary>
    public string? PreviousSecret { get; set; }
    public DateTimeOffset? PreviousSecretUntil { get; set; }
    public bool Enabled { get; set; }

    /// <summary>Why the service disabled it; null where it did not.</summary>
    public string? DisabledReason { get; set; }

    /// <summary>When the first of the attempts failed since the last that succeeded; null when the last one succeeded.</summary>
    public DateTimeOffset? FailingSince { get; set; }
    public string? Description { get; set; }

    /// <summary>Counts its changes, from 1; the ETag.</summary>
    public int Version { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset UpdatedAt { get; set; }
}
