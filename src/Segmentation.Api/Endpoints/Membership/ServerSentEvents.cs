using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Segmentation.Api.Http;

namespace Segmentation.Api.Endpoints;

/// <summary>Writes Server-Sent Events.</summary>
internal sealed class ServerSentEvents(HttpResponse response)
{
    public const string MediaType = "text/event-stream";

    /// <summary>Begins the answer: it is sent as it is written, and nobody on the way stores it.</summary>
    public void Begin()
    {
        response.ContentType = MediaType;
        response.Headers.CacheControl = "no-cache, no-transform";
        response.Headers["X-Accel-Buffering"] = "no";
        response.HttpContext.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
    }

    public Task WriteAsync<T>(string type, object id, T data, CancellationToken cancellation)
    {
        var text = new StringBuilder()
            .Append("event: ").Append(type)
            .Append("\nid: ").Append(id)
            .Append("\ndata: ").Append(JsonSerializer.Serialize(data, Json.Options))
            .Append("\n\n");
        return response.WriteAsync(text.ToString(), cancellation);
    }

    /// <summary>A block without data is no event, but its id counts: a client that nothing was sent to for long does not fall behind.</summary>
    public async Task WriteHeartbeatAsync(object id, CancellationToken cancellation)
    {
        await response.WriteAsync($":\nid: {id}\n\n", cancellation);
        await FlushAsync(cancellation);
    }

    public Task FlushAsync(CancellationToken cancellation) => response.Body.FlushAsync(cancellation);
}
