using System.Text.Json;
using Segmentation.Api.Analyses;
using Segmentation.Api.Endpoints.OpenApi;

namespace Segmentation.Local;

/// <summary>The sample's analysis: asked for, and run as soon as the service is there, so that there is something to see.</summary>
internal static class SampleAnalysis
{
    public static Analysis Create(DateTimeOffset now) => new()
    {
        Id = SwaggerExamples.Analysis,
        Type = "profile",
        Request = JsonElement.Parse(SwaggerExamples.ProfileRequest),

        // None of a request's: whoever asks for the same gets one of his own.
        Fingerprint = [0],
        CreatedAt = now,
    };
}
