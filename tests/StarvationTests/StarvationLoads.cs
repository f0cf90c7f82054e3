using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;

namespace StarvationTests;

/// <summary>A load beside the cheap calls: what it does until it is told to end, and how many of it.</summary>
internal sealed record StarvationLoad(string Name, int Count, Func<int, CancellationToken, Task> RunAsync);

/// <summary>The loads. What they are answered is counted: many are refused, as they should be.</summary>
internal sealed class StarvationLoads(HttpClient http)
{
    public const int Customers = 50_000;

    /// <summary>The cheap calls are about the first of them. Of the others long arrays write events: who writes to the same customers
    /// waits for the array, which is stored whole or not at all.</summary>
    public const int CheapCustomers = 40_000;

    /// <summary>One with so many events, of five types that repeat.</summary>
    public const string Busy = "busy";
    public const int BusyEvents = 100_000;

    // Ten times what a key may ask in a second.
    private const int TooMany = 1000;
    private const int ChangesASecond = 50;

    // Grouping all events, in several ways: some hundred milliseconds of PostgreSQL each.
    private const string HeavyRule =
        """
        {"rule":{"combinator":"or","rules":[
          {"field":"behavioral.events","operator":"=","match":{"mode":"atLeast","aggregate":"sum","of":"amount","threshold":NUMBER},
           "value":{"combinator":"and","rules":[{"field":"type","operator":"contains","value":"e"}]}},
          {"field":"customer.email","operator":"contains","value":"NUMBER"}]},"sampleSize":10}
        """;

    // The first four steps match often, the last never: there are ever so many ways to come that far.
    private const string SequenceRule =
        """
        {"rule":{"combinator":"and","rules":[{"field":"behavioral.sequence","operator":"=","value":{"steps":[
          STEP0,STEP1,STEP2,STEP3,{"combinator":"and","rules":[{"field":"type","operator":"=","value":"never"}]}],
          "within":{"amount":300,"unit":"day"}}}]}}
        """;

    private readonly byte[] events = CreateEvents();
    private readonly string sequence = Enumerable.Range(0, 4).Aggregate(SequenceRule, (rule, step) => rule.Replace(
        $"STEP{step}", $$$"""{"combinator":"and","rules":[{"field":"type","operator":"=","value":"step-{{{step}}}"}]}""",
        StringComparison.Ordinal));

    public ConcurrentDictionary<string, int> Answers { get; } = [];

    /// <summary>The key of who asks too often.</summary>
    public string ImpatientKey { get; set; } = "";

    public IEnumerable<StarvationLoad> All(int percent) =>
    [
        new("imports", 200 * percent / 100, ImportAsync),
        new("exports", 200 * percent / 100, ExportAsync),
        new("previews", 200 * percent / 100, PreviewAsync),
        new("streams", 1000 * percent / 100, StreamAsync),
        new("bodies", 500 * percent / 100, SendBodyAsync),
        new("sequences", Math.Max(8 * percent / 100, 1), WalkAsync),
        new("key", 50, AskTooOftenAsync), // The last: from its key on the service asks everyone for one.
    ];

    // 300 bytes a second.
    private Task ImportAsync(int number, CancellationToken end) => TalkAsync(
        "POST /api/v1/customers/import HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
        + "Transfer-Encoding: chunked\r\n\r\n",
        async stream =>
        {
            for (var line = 0; ; line++)
            {
                await Task.Delay(1000, end);
                var text = $"{{\"id\":\"slow-{number}-{line}\"}}".PadRight(299) + "\n";
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"{text.Length:x}\r\n{text}\r\n"), end);
            }
        },
        end);

    private Task ExportAsync(int number, CancellationToken end) => TalkAsync(
        "GET /api/v1/customers/export HTTP/1.1\r\nHost: localhost\r\n\r\n",
        async stream =>
        {
            var buffer = new byte[300];
            for (var isFirst = true; await stream.ReadAsync(buffer, end) > 0; isFirst = false)
            {
                if (isFirst)
                {
                    Answers.AddOrUpdate(Encoding.ASCII.GetString(buffer, 9, 3), 1, (_, count) => count + 1);
                }

                await Task.Delay(1000, end);
            }
        },
        end);

    private async Task PreviewAsync(int number, CancellationToken end)
    {
        while (true)
        {
            var body = HeavyRule.Replace("NUMBER", $"{Random.Shared.Next(1000)}", StringComparison.Ordinal);
            await SendAsync("segments/preview", new StringContent(body, Encoding.UTF8, "application/json"), end);
            await Task.Delay(100, end);
        }
    }

    // The first makes the changes.
    private async Task StreamAsync(int number, CancellationToken end)
    {
        if (number == 0)
        {
            for (var change = 0; ; change++)
            {
                var list = change / (Customers / 2) % 2 == 0 ? "add" : "remove";
                await SendAsync(
                    "segments/by-hand/members",
                    new StringContent($$"""{"{{list}}":["customer-{{change % Customers}}"]}""", Encoding.UTF8, "application/json"), end);
                await Task.Delay(1000 / ChangesASecond, end);
            }
        }

        using var request = new HttpRequestMessage(HttpMethod.Get, "segments/by-hand/stream");
        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, end);
        Answers.AddOrUpdate($"{(int)answer.StatusCode}", 1, (_, count) => count + 1);
        await using var stream = await answer.Content.ReadAsStreamAsync(end);
        var buffer = new byte[16 * 1024];
        while (await stream.ReadAsync(buffer, end) > 0)
        {
        }
    }

    private async Task SendBodyAsync(int number, CancellationToken end)
    {
        while (true)
        {
            var content = new ByteArrayContent(events);
            content.Headers.ContentType = new("application/json");
            await SendAsync("events", content, end);
            await Task.Delay(1000, end);
        }
    }

    // A segment of the rule is kept meanwhile, the busy customer has new events, and the rule is asked about besides.
    private async Task WalkAsync(int number, CancellationToken end)
    {
        if (number == 0)
        {
            using var kept = await http.PutAsync(
                new Uri("segments/steps", UriKind.Relative),
                new StringContent(sequence.Insert(1, "\"status\":\"active\","), Encoding.UTF8, "application/json"), end);
            Answers.AddOrUpdate($"{(int)kept.StatusCode}", 1, (_, count) => count + 1);
        }

        while (true)
        {
            await SendAsync(
                "events",
                new StringContent($$"""{"customerId":"{{Busy}}","type":"step-{{number % 5}}"}""", Encoding.UTF8, "application/json"), end);
            await SendAsync("segments/preview", new StringContent(sequence, Encoding.UTF8, "application/json"), end);
        }
    }

    // With a key of its own: only this one is told that it asks too often.
    private async Task AskTooOftenAsync(int number, CancellationToken end)
    {
        while (true)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "customers/customer-1");
            request.Headers.Authorization = new("Bearer", ImpatientKey);
            using var answer = await http.SendAsync(request, end);
            Answers.AddOrUpdate($"{(int)answer.StatusCode}", 1, (_, count) => count + 1);
            await Task.Delay(TimeSpan.FromSeconds(50.0 / TooMany), end);
        }
    }

    private async Task SendAsync(string path, HttpContent content, CancellationToken end)
    {
        string answered;
        try
        {
            using var answer = await http.PostAsync(new Uri(path, UriKind.Relative), content, end);
            answered = $"{(int)answer.StatusCode}";
            await Task.Delay(answer.Headers.RetryAfter?.Delta ?? TimeSpan.Zero, end);
        }
        catch (HttpRequestException refused)
        {
            answered = $"{refused.HttpRequestError}"; // An answer may come before the body is sent, and end the connection.
        }

        Answers.AddOrUpdate(answered, 1, (_, count) => count + 1);
    }

    private async Task TalkAsync(string request, Func<NetworkStream, Task> talkAsync, CancellationToken end)
    {
        while (true)
        {
            try
            {
                using var client = new TcpClient { ReceiveBufferSize = 4096, NoDelay = true };
                await client.ConnectAsync(http.BaseAddress!.Host, http.BaseAddress.Port, end);
                await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request), end);
                await talkAsync(client.GetStream());
            }
            catch (Exception cut) when (cut is IOException or SocketException)
            {
                Answers.AddOrUpdate("cut", 1, (_, count) => count + 1);
            }

            await Task.Delay(1000, end);
        }
    }

    // 10,000 events that fill what a body may have.
    private static byte[] CreateEvents()
    {
        var properties = $$$"""
            "properties":{"note":"{{{new string('n', 1500)}}}"}}
            """;
        return Encoding.ASCII.GetBytes($"[{string.Join(',', Enumerable.Range(0, 10_000).Select(i =>
            $$"""{"id":"e-{{i}}","customerId":"customer-{{CheapCustomers + i}}","type":"noted",""" + properties))}]");
    }
}
