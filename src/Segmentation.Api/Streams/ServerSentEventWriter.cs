using System.Text;
using System.Text.Json;
using Segmentation.Api.Http;

namespace Segmentation.Api.Streams;

/// <summary>Writes Server-Sent Events whose ids are positions.</summary>
internal sealed class ServerSentEventWriter(Stream body)
{
    public static string Format(string type, ChangePosition id, object data) =>
        $"event: {type}\nid: {id}\ndata: {JsonSerializer.Serialize(data, data.GetType(), Json.Options)}\n\n";

    public Task WriteAsync(string type, ChangePosition id, object data, CancellationToken cancellation) =>
        WriteAsync(Format(type, id, data), cancellation);

    /// <summary>Writes events that are formatted already.</summary>
    public Task WriteAsync(ReadOnlyMemory<byte> events, CancellationToken cancellation) => body.WriteAsync(events, cancellation).AsTask();

    /// <summary>
    /// Shows that the stream is alive. A block without data is no event, but its id counts: a client that has
    /// received nothing for long can resume from here.
    /// </summary>
    public Task WriteHeartbeatAsync(ChangePosition id, CancellationToken cancellation) => WriteAsync($":\nid: {id}\n\n", cancellation);

    public Task FlushAsync(CancellationToken cancellation) => body.FlushAsync(cancellation);

    private Task WriteAsync(string text, CancellationToken cancellation) =>
        body.WriteAsync(Encoding.UTF8.GetBytes(text), cancellation).AsTask();
}
