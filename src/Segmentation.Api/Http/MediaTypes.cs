using Microsoft.Net.Http.Headers;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Http;

/// <summary>What a body says that it is.</summary>
internal static class MediaTypes
{
    /// <summary>The body's media type in lower case, without its parameters; null when none is given.</summary>
    public static string? MediaType(this HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type) ? CaseNormalizer.Normalize(type.MediaType.Value) : null;
}
