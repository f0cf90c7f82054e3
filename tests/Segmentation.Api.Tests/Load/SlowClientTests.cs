using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Npgsql;

namespace Segmentation.Api.Tests.Load;

/// <summary>
/// Whoever sends or reads slowly holds no connection of the database. Half an hour of slowness is a body that stops in the middle.
/// </summary>
public sealed class SlowClientTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const int Slow = 16;
    private const int Many = 800;

    private Api Api => fixture.Api;

    [Theory]
    [InlineData("customers/import", "application/x-ndjson", "{\"id\":\"slow-1\"}\n{\"id\":")]
    [InlineData("customers/import?dryRun=true", "text/csv", "id,email\nslow-2,a@b.c\nslow-3")]
    [InlineData("events", "application/x-ndjson", "{\"customerId\":\"slow-4\",\"type\":\"seen\"}\n{")]
    [InlineData("events", "application/json", "[{\"customerId\":\"slow-5\",\"type\":\"seen\"},")]
    public async Task Senders_WhoStopInTheMiddle_HoldNoConnection(string path, string type, string begun)
    {
        (await Api.GetAsync("customers?limit=1")).Expect(200);
        var head = $"POST /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {type}\r\nTransfer-Encoding: chunked\r\n\r\n";
        await HoldAsync($"{head}{begun.Length:x}\r\n{begun}\r\n");
    }

    [Theory]
    [InlineData("customers/export")]
    [InlineData("customers/export?format=csv")]
    [InlineData("segments/everyone/members?format=ndjson")]
    [InlineData("segments/everyone/members?format=csv&live=true")]
    public async Task Readers_WhoStopInTheMiddle_HoldNoConnection(string path)
    {
        await FillAsync();
        await HoldAsync($"GET /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }

    [Theory]
    [InlineData("customers/export")]
    [InlineData("segments/everyone/members?format=ndjson")]
    [InlineData("segments/everyone/members?format=ndjson&live=true")]
    [InlineData("segments/everyone/members?format=ndjson&live=true&fields=id")]
    public async Task Export_WhileOthersComeAndGo_HasEachWhoStaysOnce(string path)
    {
        await FillAsync();
        var before = DateTimeOffset.UtcNow;
        using var answer = await Api.Client.GetAsync("/api/v1/" + path, HttpCompletionOption.ResponseHeadersRead);
        var at = DateTimeOffset.Parse(answer.Headers.GetValues("X-Snapshot-At").Single());
        Assert.True(at <= DateTimeOffset.UtcNow && at > before.AddMinutes(-5), $"{at:O}");
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
        var ids = new List<string>();
        for (var i = 0; await lines.ReadLineAsync() is { } line; i++)
        {
            ids.Add(JsonElement.Parse(line).GetProperty("id").GetString()!);
            if (i == 10)
            {
                // Some are changed, one goes and comes back under another key, and one is new.
                (await Api.PatchAsync("customers/many-799", """{"firstName":"Changed"}""")).Expect(200);
                (await Api.DeleteAsync("customers/many-798")).Expect(204);
                (await Api.PutAsync("customers/many-798", "{}")).Expect(201);
                (await Api.PutAsync($"customers/new-{Guid.NewGuid():N}", "{}")).Expect(201);
            }
        }

        var stayed = Enumerable.Range(0, Many).Except([798]).Select(i => $"many-{i}").ToHashSet();
        Assert.Equal(stayed.Order(), ids.Where(stayed.Contains).Order());
    }

    // 20 MB: more than the buffers on the way hold.
    private async Task FillAsync()
    {
        await Api.PutAsync("segments/everyone", """{"rule":{"combinator":"and","rules":[]},"status":"active"}""");
        var interests = string.Join(',', Enumerable.Range(0, 100).Select(i => $"\"{i:000}{new string('x', 250)}\""));
        var lines = string.Join('\n', Enumerable.Range(0, Many).Select(
            i => $$$"""{"id":"many-{{{i}}}","psychographic":{"interests":[{{{interests}}}]}}"""));
        (await Api.SendAsync("POST", "customers/import", lines, "application/x-ndjson")).Expect(200);
        await Wait.UntilAsync(
            async () => (await Api.GetAsync("segments/everyone/count"))["count"].GetInt64() >= Many, "everyone is a member");
    }

    private async Task HoldAsync(string request)
    {
        var clients = new List<TcpClient>();
        try
        {
            for (var i = 0; i < Slow; i++)
            {
                var client = new TcpClient { ReceiveBufferSize = 4096 };
                clients.Add(client);
                await client.ConnectAsync(IPAddress.Loopback, Api.Client.BaseAddress!.Port);
                await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request));
            }

            // What was begun is done as far as it goes; then nobody is in a transaction, or waits for who is slow.
            await using var database = NpgsqlDataSource.Create(fixture.ConnectionString);
            var quiet = 0;
            await Wait.UntilAsync(
                async () =>
                {
                    await using var busy = database.CreateCommand(
                        """
                        SELECT count(*) FROM pg_stat_activity
                        WHERE datname = current_database() AND pid <> pg_backend_pid()
                          AND (state LIKE 'idle in transaction%' OR wait_event IN ('ClientWrite', 'ClientRead') AND state = 'active')
                        """);
                    quiet = (long)(await busy.ExecuteScalarAsync())! == 0 ? quiet + 1 : 0;
                    return quiet == 10;
                },
                "no connection waits for a client");
            foreach (var path in new[] { "customers?limit=1", "segments?limit=1", "customers/nobody/segments" })
            {
                var answer = await Api.GetAsync(path);
                Assert.True(answer.Status is 200 or 404, $"{path}: {answer.Status} {answer.Body}");
            }
        }
        finally
        {
            clients.ForEach(c => c.Dispose());
        }
    }
}
