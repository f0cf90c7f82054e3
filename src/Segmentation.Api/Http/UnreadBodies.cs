using System.IO.Pipelines;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Segmentation.Api.Http;

/// <summary>
/// What becomes of a long body that is refused before it was read. Kestrel would read it to its end as fast as it comes: 500 refused bodies
/// of 16 MiB took both processors from everyone else. Here the answer goes out first and says that the connection ends; then the
/// rest is read, since many clients read an answer only once they have sent all, but slowly: all such bodies together have one pace.
/// </summary>
internal static class UnreadBodies
{
    // A shorter one costs no more than its connection would.
    private const long ShortBytes = 64 * 1024;

    // Of one body, at most. Whoever goes on after that loses the connection.
    private const long MaxBytes = 64 * 1024 * 1024;
    private const int PartBytes = 64 * 1024;
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(10);

    // 64 MB a second: one sender alone hardly notices.
    private static readonly TokenBucketRateLimiter Pace = new(new TokenBucketRateLimiterOptions
    {
        TokenLimit = 20,
        TokensPerPeriod = 10,
        ReplenishmentPeriod = TimeSpan.FromMilliseconds(10),
        QueueLimit = int.MaxValue,
        QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    });

    public static void UseUnreadBodies(this IApplicationBuilder app) => app.Use(async (context, next) =>
    {
        var request = context.Request;
        if (!HttpProtocol.IsHttp11(request.Protocol) || request.ContentLength <= ShortBytes
            || context.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: true })
        {
            await next(context);
            return;
        }

        var (body, isUnread) = (request.BodyReader, false);
        context.Response.OnStarting(() =>
        {
            isUnread = context.Response.StatusCode >= StatusCodes.Status400BadRequest && !IsRead(body);
            if (isUnread)
            {
                context.Response.Headers.Connection = "close";
            }

            return Task.CompletedTask;
        });
        await next(context);
        if (isUnread && request.Headers.Expect.Count == 0) // Who asks before sending (100-continue) has sent nothing.
        {
            await context.Response.CompleteAsync();
            await DrainAsync(context, body);
        }
    });

    private static bool IsRead(PipeReader body)
    {
        try
        {
            if (!body.TryRead(out var part))
            {
                return false;
            }

            body.AdvanceTo(part.Buffer.Start);
            return part is { IsCompleted: true, Buffer.IsEmpty: true };
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            return false; // It is malformed or above its limit, or its reading was given up.
        }
    }

    private static async Task DrainAsync(HttpContext context, PipeReader body)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }

        using var late = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        late.CancelAfter(MaxTime);
        try
        {
            for (var left = MaxBytes; left > 0;)
            {
                using var turn = await Pace.AcquireAsync(1, late.Token);
                var part = await body.ReadAsync(late.Token);
                var taken = Math.Min(part.Buffer.Length, PartBytes);
                body.AdvanceTo(part.Buffer.GetPosition(taken));
                left -= taken;
                if (part.IsCompleted && part.Buffer.Length == taken)
                {
                    return;
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or InvalidOperationException or ConnectionAbortedException)
        {
            // It comes too slowly, its sender has gone, or it can't be read on: answered all the same.
        }
    }
}
