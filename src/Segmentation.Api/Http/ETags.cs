using Microsoft.Net.Http.Headers;

namespace Segmentation.Api.Http;

/// <summary>Optimistic concurrency over HTTP: the ETag is the version of what the caller may change.</summary>
public static class ETags
{
    public static void SetETag(this HttpResponse response, int version) => response.Headers.ETag = $"\"{version}\"";

    /// <summary>Refuses the write when <c>If-Match</c> names other versions than the present one.</summary>
    /// <param name="version">The present version; null when there is no such resource.</param>
    public static void CheckIfMatch(this HttpRequest request, int? version)
    {
        var wanted = request.GetTypedHeaders().IfMatch;
        if (request.Headers.IfMatch.Count == 0)
        {
            return;
        }

        if (version is null || !(wanted.Contains(EntityTagHeaderValue.Any) || wanted.Contains(new EntityTagHeaderValue($"\"{version}\""))))
        {
            throw ApiProblem.Stale();
        }
    }
}
