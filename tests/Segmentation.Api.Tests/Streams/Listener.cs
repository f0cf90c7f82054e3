using System.Net.ServerSentEvents;
using System.Text.Json;

namespace Segmentation.Api.Tests.Streams;

/// <summary>An event that a stream sent.</summary>
internal sealed record Event(string Type, string Data, string? Id)
{
    public JsonElement Json => JsonElement.Parse(Data);

    public (string, string) Named => (Type, Json.GetProperty("customerId").GetString()!);
}

/// <summary>Follows a stream, by .NET's own reader of Server-Sent Events.</summary>
internal sealed class Listener(
    HttpResponseMessage answer, IAsyncEnumerator<SseItem<string>> events, SseParser<string> parser) : IAsyncDisposable
{
    public static async Task<Listener> OpenAsync(HttpClient client, string key, string? after = null, bool byQuery = false)
    {
        using var request = new HttpRequestMessage(
            HttpMethod.Get, $"/api/v1/segments/{key}/stream{(byQuery ? $"?lastEventId={after}" : "")}");
        if (after is not null && !byQuery)
        {
            request.Headers.Add("Last-Event-ID", after);
        }

        var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal((200, "text/event-stream"), ((int)answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        var parser = SseParser.Create(await answer.Content.ReadAsStreamAsync());
        return new Listener(answer, parser.EnumerateAsync().GetAsyncEnumerator(), parser);
    }

    public async Task<Event> NextAsync()
    {
        Assert.True(await events.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromMinutes(2)), "The stream has ended.");
        return new Event(events.Current.EventType, events.Current.Data, parser.LastEventId);
    }

    public async Task<List<Event>> NextAsync(int count)
    {
        List<Event> next = [];
        while (next.Count < count)
        {
            next.Add(await NextAsync());
        }

        return next;
    }

    public async Task<bool> EndsAsync() => !await events.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromMinutes(2));

    public ValueTask DisposeAsync()
    {
        answer.Dispose();
        return ValueTask.CompletedTask;
    }
}
