using System.Text.Json;
using Segmentation.Api.Changes;
using Segmentation.Api.Http;

namespace Segmentation.Api.Webhooks;

/// <summary>What a webhook is told: the body of a request, whose form is that of Standard Webhooks.</summary>
/// <param name="Type"><c>segment.joined</c>, <c>segment.left</c>, or <c>webhook.test</c>.</param>
/// <param name="Timestamp">When it happened.</param>
/// <param name="Data">A <see cref="Change"/>; of a test an empty object.</param>
internal sealed record WebhookMessage(string Type, DateTimeOffset Timestamp, object Data)
{
    public static WebhookMessage Test(DateTimeOffset at) => new("webhook.test", at, new object());

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, Json.Options);

    /// <param name="EventId">The event that did it, where one did.</param>
    /// <param name="Version">The segment's version.</param>
    internal sealed record Change(string Segment, string SegmentName, string CustomerId, MembershipCause Cause, string? EventId, int Version);
}
