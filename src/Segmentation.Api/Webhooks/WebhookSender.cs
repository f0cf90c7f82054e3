using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Authentication;
using Segmentation.Api.Http;
using Segmentation.Rules.Values;

namespace Segmentation.Api.Webhooks;

/// <summary>What came of one attempt.</summary>
/// <param name="Status">The HTTP status; null where none came.</param>
/// <param name="Error">Why it failed, as this service describes it; null where it did not.</param>
/// <param name="RetryAfter">How long the receiver asked for a pause.</param>
public sealed record WebhookOutcome(int? Status, string? Error, TimeSpan Elapsed, TimeSpan? RetryAfter = null)
{
    public bool Delivered => Error is null;

    /// <summary>The receiver wants no more messages, ever.</summary>
    public bool IsGone => Status == StatusCodes.Status410Gone;
}

/// <summary>
/// Sends signed messages: never by a proxy, never along a redirect, and to public addresses only, unless the settings say otherwise. An
/// address is checked where the connection to it is made, so that a name can't lead to another address than the one that was checked.
/// </summary>
public sealed class WebhookSender : IDisposable
{
    private const int MaxResponseBytes = 4096;
    private readonly HttpClient client;
    private readonly WebhookOptions options;
    private readonly WebhookSecrets secrets;
    private readonly TimeProvider time;

    public WebhookSender(WebhookOptions options, WebhookSecrets secrets, TimeProvider time)
    {
        this.options = options;
        this.secrets = secrets;
        this.time = time;
        client = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionLifetime = TimeSpan.FromMinutes(2), // So that a changed DNS record is followed.
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            MaxResponseHeadersLength = 16,
            MaxResponseDrainSize = MaxResponseBytes,
            ResponseDrainTimeout = TimeSpan.FromSeconds(1),
            ConnectCallback = ConnectAsync,
        })
        { Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("Segmentation", "1.0"));
    }

    /// <summary>Makes one attempt. A failure is an outcome, no exception, unless it is cancelled.</summary>
    public async Task<WebhookOutcome> SendAsync(
        string url, IReadOnlyList<byte[]> keys, string messageId, byte[] body, CancellationToken cancellation)
    {
        var started = Stopwatch.GetTimestamp();
        if (!options.AllowHttp && !url.StartsWith("https:", StringComparison.OrdinalIgnoreCase))
        {
            return Fail("It is not sent over http: the setting Webhooks:AllowHttp does not allow it.");
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(TimeSpan.FromSeconds(options.TimeoutSeconds));
        try
        {
            var timestamp = time.GetUtcNow().ToUnixTimeSeconds();
            using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(body) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(MediaTypes.Json);
            request.Headers.TryAddWithoutValidation("webhook-id", messageId);
            request.Headers.TryAddWithoutValidation(
                "webhook-timestamp", timestamp.ToString(System.Globalization.CultureInfo.InvariantCulture));
            request.Headers.TryAddWithoutValidation(
                "webhook-signature", WebhookSignature.CreateHeader(keys, messageId, timestamp, body));
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            limit.CancelAfter(TimeSpan.FromSeconds(1));
            await DrainAsync(response, limit.Token);
            var status = (int)response.StatusCode;
            var error = response.IsSuccessStatusCode ? null : $"It answered {status}.";
            return new WebhookOutcome(status, error, Stopwatch.GetElapsedTime(started), ReadRetryAfter(response));
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return Fail($"There was no answer within {options.TimeoutSeconds} s.");
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            return Fail(Describe(failure));
        }

        WebhookOutcome Fail(string error) => new(null, error, Stopwatch.GetElapsedTime(started));
    }

    /// <summary>Makes one attempt to send a test message, signed as the webhook's messages are.</summary>
    public Task<WebhookOutcome> SendTestAsync(Webhook webhook, CancellationToken cancellation)
    {
        var now = LocalTime.Truncate(time.GetUtcNow());
        var keys = secrets.Decode(webhook.Secret, webhook.PreviousSecretUntil > now ? webhook.PreviousSecret : null);
        var messageId = WebhookDelivery.MessageName(Guid.NewGuid());
        return SendAsync(webhook.Url, keys, messageId, WebhookMessage.CreateTest(now).ToBytes(), cancellation);
    }

    public void Dispose() => client.Dispose();

    // Only the status counts. The body is read a little way, so that the connection can be used again; if that fails, it can't.
    private static async Task DrainAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        try
        {
            var buffer = new byte[1024];
            var read = 0;
            await using var stream = await response.Content.ReadAsStreamAsync(cancellation);
            for (int n; read < MaxResponseBytes && (n = await stream.ReadAsync(buffer, cancellation)) > 0; read += n)
            {
            }
        }
        catch (Exception broken) when (broken is IOException or HttpRequestException or OperationCanceledException)
        {
        }
    }

    private TimeSpan? ReadRetryAfter(HttpResponseMessage response)
    {
        if (response.StatusCode is not (HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable))
        {
            return null;
        }

        var header = response.Headers.RetryAfter;
        return header?.Delta ?? header?.Date - time.GetUtcNow();
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var resolved = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, cancellation);
        var addresses = options.AllowPrivateAddresses ? resolved : [.. resolved.Where(PublicAddress.IsPublic)];
        if (addresses.Length == 0)
        {
            throw new AddressRefusedException();
        }

        // One by one, each by a socket of its own: one that has failed to connect can't be used for another address everywhere.
        for (var i = 0; ; i++)
        {
            var socket = new Socket(addresses[i].AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(addresses[i], context.DnsEndPoint.Port, cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (Exception failure)
            {
                socket.Dispose();
                if (failure is not SocketException || i == addresses.Length - 1)
                {
                    throw;
                }
            }
        }
    }

    // Not the message of a library's exception: it may contain the host, its certificate, or what it answered.
    private static string Describe(Exception failure)
    {
        for (var e = failure; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case AddressRefusedException:
                    return "The host leads to a private address, which is not allowed here.";
                case AuthenticationException:
                    return "The TLS handshake failed.";
                case SocketException socket when IsUnresolved(socket.SocketErrorCode):
                    return "The host's name leads to no address.";
                case SocketException { SocketErrorCode: SocketError.ConnectionRefused }:
                    return "The connection was refused.";
            }
        }

        return "The connection failed.";
    }

    private static bool IsUnresolved(SocketError error) =>
        error is SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain or SocketError.NoRecovery;

    private sealed class AddressRefusedException() : IOException("The address is not public.");
}
