using Segmentation.Api.Changes;
using Segmentation.Api.Endpoints.OpenApi;
using Segmentation.Api.Webhooks;

namespace Segmentation.Local;

/// <summary>
/// The sample's webhook: disabled, of a host that can't exist, and with one dead letter, so that there is something to see.
/// </summary>
internal static class SampleWebhook
{
    public static Webhook Webhook(DateTimeOffset now) => new()
    {
        Id = SwaggerExamples.Webhook,
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
        MessageId = SwaggerExamples.WebhookMessage,
        CustomerId = SwaggerExamples.ToldCustomer,
        SegmentKey = SwaggerExamples.Segment,
        SegmentName = ExampleSegments.All.Single(s => s.Key == SwaggerExamples.Segment).Name,
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
