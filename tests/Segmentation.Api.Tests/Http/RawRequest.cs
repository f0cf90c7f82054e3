using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Segmentation.Api.Tests.Http;

/// <summary>Sends what no client would: byte for byte, on a connection of its own.</summary>
internal static class RawRequest
{
    /// <summary>Status, headers and body as they came; the body is JSON or empty.</summary>
    public static async Task<(int Status, string Head, string Body)> SendAsync(
        Uri api, string line, string headers = "", byte[]? body = null, string? host = null)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(api.Host, api.Port);
        var stream = client.GetStream();
        var length = body is null ? "" : $"Content-Length: {body.Length}\r\n";
        var head = $"{line} HTTP/1.1\r\nHost: {host ?? api.Authority}\r\nConnection: close\r\n{length}{headers}\r\n";
        await stream.WriteAsync(Encoding.Latin1.GetBytes(head));
        await stream.WriteAsync(body ?? []);
        using var reader = new StreamReader(stream, Encoding.UTF8);
        var answer = await reader.ReadToEndAsync();
        var end = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        var rest = answer[(end + 4)..];
        var json = rest.Contains('{') ? rest[rest.IndexOf('{')..(rest.LastIndexOf('}') + 1)] : "";
        return (int.Parse(answer.AsSpan(9, 3)), answer[..end], json);
    }

    /// <summary>The places of a problem's faults.</summary>
    public static string[] ReadFaults(string body) => [.. JsonSerializer.Deserialize<JsonElement>(body).GetProperty("errors")
        .EnumerateObject().Select(e => e.Name)];
}
