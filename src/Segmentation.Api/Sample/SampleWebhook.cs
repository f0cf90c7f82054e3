using Segmentation.Api.Changes;
using Segmentation.Api.Endpoints.OpenApi;
using Segmentation.Api.Webhooks;

namespace Segmentation.Api.Sample;

/// <summary>The sample's webhook: disabled, of a host that can't exist, and with one dead letter, so that there is something to look at.</summary>
internal static class SampleWebhook
{
    public const string Id = "01946e2a-0000-7000-8000-000000000001";

    private static readonly Guid Message = new("01946e2a-0000-7000-8000-000000000002");

    public static string MessageId => WebhookDelivery.MessageName(Message);

    public static Webhook Webhook(DateTimeOffset now) => new()
    {
        Id = Id,
        Url = "https://shop.example/hooks/segments",
        Secret = WebhookSignature.NewSecret(),
        Description = "An example",
        Version = 1,
        CreatedAt = now,
        UpdatedAt = now,
    };

    public static WebhookDelivery DeadLetter(int webhook, DateTimeOffset now) => new()
    {
        WebhookKey = webhook,
        MessageId = Message,
        CustomerId = SwaggerExamples.Customer,
        SegmentKey = SwaggerExamples.Segment,
        SegmentName = SampleSegments.All.Single(s => s.Key == SwaggerExamples.Segment).Name,
        SegmentVersion = 1,
        Joined = true,
        Cause = MembershipCause.Definition,
        At = now.AddDays(-1),
        QueuedAt = now.AddDays(-1),
        State = DeliveryState.Dead,
        Attempts = WebhookRetries.Delays.Length + 1,
        LastError = "The host's name leads to no address.",
        DoneAt = now,
    };
}
