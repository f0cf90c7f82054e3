using System.Text.Json;
using Segmentation.Api.Endpoints.OpenApi;
using Segmentation.Api.Privacy;

namespace Segmentation.Local;

/// <summary>The receipt of somebody who was erased before the sample began.</summary>
internal static class SampleErasure
{
    public static Erasure Create(DateTimeOffset now) => new()
    {
        Receipt = SwaggerExamples.Receipt,
        RequestedAt = now.AddHours(-20),
        CompletedAt = now.AddHours(-19),
        By = "service",
        Removed = JsonSerializer.SerializeToElement(new { consents = 1, events = 37, memberships = 2, profiles = 1 }),
    };
}
