using System.Text.Json;
using Segmentation.Api.Changes;
using Segmentation.Api.Http;

namespace Segmentation.Api.Webhooks;

/// <summary>What is sent to a webhook: the body of a request, in the form of Standard Webhooks.</summary>
/// <param name="Type"><see cref="JoinedType"/>, <see cref="LeftType"/>, <see cref="DeletedType"/> or <see cref="TestType"/>.</param>
/// <param name="Timestamp">When it happened.</param>
/// <param name="Data">A <see cref="Change"/> or a <see cref="Deletion"/>; of a test an empty object.</param>
internal sealed record WebhookMessage(string Type, DateTimeOffset Timestamp, object Data)
{
    public const string JoinedType = "segment.joined";
    public const string LeftType = "segment.left";
    public const string DeletedType = "segment.deleted";
    public const string TestType = "webhook.test";

    public static WebhookMessage CreateTest(DateTimeOffset at) => new(TestType, at, new object());

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, Json.Options);

    /// <param name="EventId">The event that caused the change, where one did.</param>
    /// <param name="Version">The segment's version.</param>
    internal sealed record Change(
        string Segment, string SegmentName, string CustomerId, MembershipCause Cause, string? EventId, int Version);

    /// <summary>The segment was deleted: all have left it.</summary>
    /// <param name="Version">The segment's last version.</param>
    internal sealed record Deletion(string Segment, string SegmentName, int Version);
}
