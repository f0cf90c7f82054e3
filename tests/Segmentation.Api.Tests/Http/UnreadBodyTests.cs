using System.Net.Sockets;
using System.Text;

namespace Segmentation.Api.Tests.Http;

/// <summary>
/// A long body that is refused before it was read: the answer comes at once, and who sends first and reads then gets it too.
/// </summary>
public sealed class UnreadBodyTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const int Long = 20_000_000;

    private Uri Address => fixture.Api.Client.BaseAddress!;

    [Theory]
    [InlineData("nowhere", "application/json", 404)]
    [InlineData("segments", "text/plain", 415)]
    [InlineData("segments", "application/json", 413)]
    public async Task Answer_ComesBeforeTheBodyIsSent_AndSaysThatTheConnectionEnds(string path, string type, int status)
    {
        using var client = await ConnectAsync();
        var stream = client.GetStream();
        await stream.WriteAsync(Head(path, type));
        await stream.WriteAsync(new byte[100_000]);
        var head = await ReadHeadAsync(stream);
        Assert.StartsWith($"HTTP/1.1 {status}", head, StringComparison.Ordinal);
        Assert.Contains("\r\nConnection: close\r\n", head, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nowhere", "application/json", 404)]
    [InlineData("segments", "application/json", 413)]
    public async Task Sender_WhoReadsOnlyAfterAllIsSent_IsAnswered(string path, string type, int status)
    {
        using var client = await ConnectAsync();
        var stream = client.GetStream();
        await stream.WriteAsync(Head(path, type));
        await stream.WriteAsync(new byte[Long]);
        Assert.StartsWith($"HTTP/1.1 {status}", await ReadHeadAsync(stream), StringComparison.Ordinal);
        Assert.Equal(0, await EndAsync(stream));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(500_000)]
    public async Task Body_ThatWasReadOrIsShort_LeavesTheConnectionOpen(int length)
    {
        using var client = await ConnectAsync();
        var stream = client.GetStream();
        var body = "{\"no\":1" + new string(' ', length) + "}";
        foreach (var _ in new[] { 1, 2 })
        {
            await stream.WriteAsync(Head("segments", "application/json", body.Length));
            await stream.WriteAsync(Encoding.ASCII.GetBytes(body));
            var head = await ReadHeadAsync(stream);
            Assert.StartsWith("HTTP/1.1 400", head, StringComparison.Ordinal);
            Assert.DoesNotContain("Connection: close", head, StringComparison.Ordinal);
        }
    }

    private async Task<TcpClient> ConnectAsync()
    {
        var client = new TcpClient();
        await client.ConnectAsync(Address.Host, Address.Port);
        return client;
    }

    private byte[] Head(string path, string type, int length = Long) => Encoding.ASCII.GetBytes(
        $"POST /api/v1/{path} HTTP/1.1\r\nHost: {Address.Authority}\r\nContent-Type: {type}\r\nContent-Length: {length}\r\n\r\n");

    // The head, and with it what else came in the same moment: the body of a problem is short.
    private static async Task<string> ReadHeadAsync(NetworkStream stream)
    {
        var (text, buffer) = (new StringBuilder(), new byte[64 * 1024]);
        while (!text.ToString().Contains("}\r\n0\r\n\r\n", StringComparison.Ordinal) && await stream.ReadAsync(buffer) is > 0 and var count)
        {
            text.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }

        return text.ToString().Split("\r\n\r\n")[0] + "\r\n";
    }

    private static async Task<int> EndAsync(NetworkStream stream) => await stream.ReadAsync(new byte[1]);
}
