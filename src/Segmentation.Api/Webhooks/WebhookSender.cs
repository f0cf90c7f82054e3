using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Segmentation.Api.Webhooks;

/// <summary>What came of one attempt.</summary>
/// <param name="Status">The HTTP status; null where none came.</param>
/// <param name="Error">Why it failed, in words of ours; null where it did not.</param>
/// <param name="RetryAfter">How long the receiver asked to be left alone.</param>
internal sealed record WebhookOutcome(int? Status, string? Error, TimeSpan Elapsed, TimeSpan? RetryAfter = null)
{
    public bool Delivered => Error is null;
}

/// <summary>
/// Sends signed messages: never by a proxy, never along a redirect, and to public addresses only, unless the settings say otherwise. An address is
/// checked where the connection to it is made, so that a name can't lead to another address than the one that was checked.
/// </summary>
internal sealed class WebhookSender : IDisposable
{
    private const int MaxUnderWay = 256;
    private const int MaxAnswerBytes = 4096;
    private readonly HttpClient client;
    private readonly SemaphoreSlim underWay = new(MaxUnderWay);
    private readonly WebhookOptions options;
    private readonly TimeProvider time;

    public WebhookSender(WebhookOptions options, TimeProvider time)
    {
        (this.options, this.time) = (options, time);
        client = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionLifetime = TimeSpan.FromMinutes(2), // So that a name which leads elsewhere is followed.
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            MaxResponseHeadersLength = 16,
            MaxResponseDrainSize = MaxAnswerBytes,
            ResponseDrainTimeout = TimeSpan.FromSeconds(1),
            ConnectCallback = ConnectAsync,
        })
        { Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("Segmentation", "1.0"));
    }

    /// <summary>One attempt. Fails by its outcome, unless it is cancelled.</summary>
    public async Task<WebhookOutcome> SendAsync(string url, IReadOnlyList<byte[]> secrets, string messageId, byte[] body, CancellationToken cancellation)
    {
        await underWay.WaitAsync(cancellation);
        var started = Stopwatch.GetTimestamp();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(TimeSpan.FromSeconds(options.TimeoutSeconds));
        try
        {
            var timestamp = time.GetUtcNow().ToUnixTimeSeconds();
            using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(body) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            request.Headers.TryAddWithoutValidation("webhook-id", messageId);
            request.Headers.TryAddWithoutValidation("webhook-timestamp", timestamp.ToString(System.Globalization.CultureInfo.InvariantCulture));
            request.Headers.TryAddWithoutValidation("webhook-signature", WebhookSignature.Header(secrets, messageId, timestamp, body));
            using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            limit.CancelAfter(TimeSpan.FromSeconds(1));
            await DrainAsync(answer, limit.Token);
            return new WebhookOutcome(
                (int)answer.StatusCode, answer.IsSuccessStatusCode ? null : $"It answered {(int)answer.StatusCode}.", Stopwatch.GetElapsedTime(started), RetryAfter(answer));
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return Failed($"There was no answer within {options.TimeoutSeconds} s.");
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            return Failed(Why(failure));
        }
        finally
        {
            underWay.Release();
        }

        WebhookOutcome Failed(string error) => new(null, error, Stopwatch.GetElapsedTime(started));
    }

    public void Dispose()
    {
        client.Dispose();
        underWay.Dispose();
    }

    // The status is the answer. What comes with it is read a little way, so that the connection can be used again; if that fails, it can't.
    private static async Task DrainAsync(HttpResponseMessage answer, CancellationToken cancellation)
    {
        try
        {
            var (buffer, read) = (new byte[1024], 0);
            await using var stream = await answer.Content.ReadAsStreamAsync(cancellation);
            for (int n; read < MaxAnswerBytes && (n = await stream.ReadAsync(buffer, cancellation)) > 0; read += n)
            {
            }
        }
        catch (Exception broken) when (broken is IOException or HttpRequestException or OperationCanceledException)
        {
        }
    }

    private TimeSpan? RetryAfter(HttpResponseMessage answer) => answer.StatusCode is not (HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable) ? null
        : answer.Headers.RetryAfter is { Delta: { } wait } ? wait
        : answer.Headers.RetryAfter is { Date: { } date } ? date - time.GetUtcNow() : null;

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var found = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, cancellation);
        var addresses = options.AllowPrivateAddresses ? found : [.. found.Where(PublicAddress.Is)];
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

    // Nothing that a library says of a failure: it may name the host, its certificate, or what it answered.
    private static string Why(Exception failure)
    {
        for (var e = failure; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case AddressRefusedException:
                    return "The host leads to a private address, which is not allowed here.";
                case AuthenticationException:
                    return "The TLS handshake failed.";
                case SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain or SocketError.NoRecovery }:
                    return "The host's name leads to no address.";
                case SocketException { SocketErrorCode: SocketError.ConnectionRefused }:
                    return "The connection was refused.";
            }
        }

        return "The connection failed.";
    }

    private sealed class AddressRefusedException() : IOException("The address is not public.");
}
