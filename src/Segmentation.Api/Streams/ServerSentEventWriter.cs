using System.Text;
using System.Text.Json;
using Segmentation.Api.Http;

namespace Segmentation.Api.Streams;

/// <summary>Writes Server-Sent Events whose ids are positions.</summary>
internal sealed class ServerSentEventWriter(Stream body)
{
    public Task WriteAsync(string type, ChangePosition id, object data, CancellationToken cancellation) =>
        WriteAsync($"event: {type}\nid: {id}\ndata: {JsonSerializer.Serialize(data, data.GetType(), Json.Options)}\n\n", cancellation);

    /// <summary>
    /// Shows that the stream is alive. A block without data is no event, but its id counts: a client that has
    /// received nothing for long can resume from here.
    /// </summary>
    public Task WriteHeartbeatAsync(ChangePosition id, CancellationToken cancellation) => WriteAsync($":\nid: {id}\n\n", cancellation);

    public Task FlushAsync(CancellationToken cancellation) => body.FlushAsync(cancellation);

    private Task WriteAsync(string text, CancellationToken cancellation) =>
        body.WriteAsync(Encoding.UTF8.GetBytes(text), cancellation).AsTask();
}
