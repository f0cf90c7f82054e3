using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Segmentation.Api.Tests.Http;

/// <summary>Who sends slower than the limits allow is told so, and gives up its place.</summary>
public sealed class SlowSenderTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    // What an object of JSON and what lines may be sent with, by Limits:BytesPerSecond and LineBytesPerSecond.
    [Theory]
    [InlineData("customers", "application/json", 300)]
    [InlineData("customers/import", "application/x-ndjson", 3_000)]
    public async Task Body_ThatComesTooSlowly_Is408(string path, string type, int bytesPerSecond)
    {
        var url = fixture.Api.Client.BaseAddress!;
        using var client = new TcpClient();
        await client.ConnectAsync(url.Host, url.Port);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(
            $"POST /api/v1/{path} HTTP/1.1\r\nHost: {url.Authority}\r\nContent-Type: {type}\r\nTransfer-Encoding: chunked\r\n\r\n"));
        using var reader = new StreamReader(stream, Encoding.UTF8);
        var answer = reader.ReadLineAsync();
        await SendAsync(stream, bytesPerSecond / 10, until: answer);
        Assert.Equal("HTTP/1.1 408 Request Timeout", await answer);
    }

    // Spaces are no fault, wherever they end.
    private static async Task SendAsync(NetworkStream stream, int bytes, Task until)
    {
        var chunk = Encoding.Latin1.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"{bytes:x}\r\n{new string(' ', bytes)}\r\n"));
        try
        {
            while (!until.IsCompleted)
            {
                await stream.WriteAsync(chunk);
                await Task.WhenAny(until, Task.Delay(100));
            }
        }
        catch (IOException)
        {
            // The server has closed its side: what it said is read.
        }
    }
}
