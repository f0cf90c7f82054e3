namespace Segmentation.Api.Webhooks;

/// <summary>What a webhook's messages are signed with.</summary>
internal static class WebhookSecrets
{
    /// <summary>How long the secret before is signed with too, so that a receiver can change over without losing a message.</summary>
    public static readonly TimeSpan Overlap = TimeSpan.FromHours(24);

    public static IReadOnlyList<byte[]> Decode(string secret, string? previous) =>
        [.. new[] { secret, previous }.OfType<string>().Select(s => WebhookSignature.Bytes(s)).OfType<byte[]>()];
}
