using System.Diagnostics;
using Microsoft.AspNetCore.Diagnostics;

namespace Segmentation.Api.Http;

/// <summary>One line a request: method, route, status, time. The route is the template, since paths carry customers' ids.</summary>
internal sealed class RequestLog(RequestDelegate next, ILogger<RequestLog> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        var started = Stopwatch.GetTimestamp();
        await next(context);
        var endpoint = context.Features.Get<IExceptionHandlerFeature>()?.Endpoint ?? context.GetEndpoint();
        var route = (endpoint as RouteEndpoint)?.RoutePattern.RawText ?? "(none)";
        logger.LogInformation(
            "{Method} {Route} {Status} {Elapsed:0.0} ms", context.Request.Method, route, context.Response.StatusCode, Stopwatch.GetElapsedTime(started).TotalMilliseconds);
    }
}
