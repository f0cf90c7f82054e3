namespace Segmentation.Api.Webhooks;

/// <summary>The secrets that sign a webhook's messages.</summary>
internal static class WebhookSecrets
{
    /// <summary>How long messages are signed with the previous secret too, so that a receiver can change over without losing one.</summary>
    public static readonly TimeSpan Overlap = TimeSpan.FromHours(24);

    public static IReadOnlyList<byte[]> Decode(string secret, string? previous) =>
        [.. new[] { secret, previous }.OfType<string>().Select(s => WebhookSignature.Decode(s)).OfType<byte[]>()];
}
