using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Primitives;

namespace Segmentation.Api.Http;

/// <summary>What every answer carries, whatever becomes of the request: its id, and what browsers may do with it.</summary>
internal static partial class AnswerHeaders
{
    /// <summary>The header by which a caller names its request; an answer always has it.</summary>
    public const string RequestId = "X-Request-Id";

    private const string ContentPolicy = "default-src 'none'; frame-ancestors 'none'";
    private const string OneYear = "max-age=31536000";
    private const string NoStore = "no-store";

    /// <summary>Names the request, for its answer, its problem and its log lines, and adds the headers when the answer begins.</summary>
    public static void UseAnswerHeaders(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        context.TraceIdentifier = Name(context.Request.Headers[RequestId]);
        context.Response.OnStarting(() =>
        {
            Add(context);
            return Task.CompletedTask;
        });
        return next(context);
    });

    /// <summary>A style sheet within a page, as a content policy names it.</summary>
    public static string Hash(string style) => $"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(style)))}'";

    private static string Name(StringValues given) =>
        given is [{ } id] && Id().IsMatch(id) ? id : Guid.CreateVersion7().ToString("N");

    private static void Add(HttpContext context)
    {
        var (request, headers) = (context.Request, context.Response.Headers);
        headers[RequestId] = context.TraceIdentifier;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        if (StringValues.IsNullOrEmpty(headers.ContentSecurityPolicy))
        {
            headers.ContentSecurityPolicy = ContentPolicy;
        }

        if (request.Path.StartsWithSegments("/api") && !headers.CacheControl.ToString().Contains(NoStore, StringComparison.Ordinal))
        {
            headers.CacheControl = NoStore;
        }

        if (request.IsHttps && !AllowedHosts.IsLoopback(request.Host))
        {
            headers.StrictTransportSecurity = OneYear;
        }
    }

    [GeneratedRegex(@"^[A-Za-z0-9_.-]{1,64}\z")]
    private static partial Regex Id();
}
