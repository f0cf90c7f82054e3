using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Segmentation.Benchmarks;

namespace KillTests;

/// <summary>The receiver of a webhook: remembers each message that comes, however often.</summary>
internal sealed class KillReceiver : IAsyncDisposable
{
    private readonly WebApplication app;

    private KillReceiver(WebApplication app) => this.app = app;

    /// <summary>The segments that it subscribes to; all are active all the time.</summary>
    public static string[] Segments { get; } = ["german", "ordered-lately", "three-views", "valued", "top-half", "german-and-lately",
        "by-hand"];

    /// <summary>As <see cref="KillChecks"/> writes them.</summary>
    public ConcurrentDictionary<string, bool> Messages { get; } = [];

    /// <summary>The revision from which on it is notified; null where the API has no webhooks.</summary>
    public long? Since { get; private set; }

    public static async Task<KillReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var receiver = new KillReceiver(builder.Build());
        receiver.app.MapPost("/", async (HttpRequest request) =>
        {
            var message = await JsonSerializer.DeserializeAsync<JsonElement>(request.Body);
            var data = message.GetProperty("data");
            var at = (message.GetProperty("timestamp").GetDateTimeOffset() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
            receiver.Messages[$"{message.GetProperty("type").GetString()} {data.GetProperty("segment").GetString()} "
                + $"{data.GetProperty("customerId").GetString()} {at}"] = true;
        });
        await receiver.app.StartAsync();
        return receiver;
    }

    /// <summary>Makes the webhook, if the API has webhooks.</summary>
    public async Task SubscribeAsync(ApiProcess api, KillChecks checks)
    {
        var last = await checks.TextAsync("SELECT coalesce(max(id), 0)::text FROM membership_batches");
        using var response = await api.Http.PostAsync(
            new Uri("webhooks", UriKind.Relative),
            ApiProcess.Json(JsonSerializer.Serialize(new { url = app.Urls.First() + "/", segments = Segments })));
        if (response.IsSuccessStatusCode)
        {
            Since = long.Parse(last, System.Globalization.CultureInfo.InvariantCulture);
        }
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();
}
