using Microsoft.AspNetCore.Http.Features;
using Segmentation.Api.Http;

namespace Segmentation.Api.Endpoints;

/// <summary>A body of records: one or an array in JSON, or lines of any length.</summary>
internal static class RecordBody
{
    /// <summary>Bytes of a JSON body: 10,000 records.</summary>
    public const int MaxJsonBytes = 16 * 1024 * 1024;

    /// <summary>Hands it on as what it is.</summary>
    /// <param name="what">What records are called.</param>
    /// <param name="lines">Takes lines.</param>
    /// <param name="json">Takes JSON, with the number of its bytes, where that is said.</param>
    /// <exception cref="ApiProblem">415.</exception>
    public static Task<T> TakeAsync<T>(
        HttpContext http, string what, Func<Stream, Task<T>> lines, Func<Stream, long?, Task<T>> json)
    {
        var request = http.Request;
        request.CheckUtf8();
        var type = request.MediaType();
        if (type == MediaTypes.Ndjson)
        {
            return lines(request.Body);
        }

        if (type != MediaTypes.Json)
        {
            throw new ApiProblem(
                StatusCodes.Status415UnsupportedMediaType,
                $"{what} must be sent with Content-Type: {MediaTypes.Json} (one, or an array) or {MediaTypes.Ndjson} (one a line).");
        }

        // NDJSON is streamed; this is held in memory.
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = MaxJsonBytes;
        }

        return json(request.Body, request.ContentLength);
    }
}
