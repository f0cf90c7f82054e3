using Microsoft.AspNetCore.Diagnostics;
using Serilog.AspNetCore;
using Serilog.Events;

namespace Segmentation.Api.Http;

/// <summary>One line a request: method, route, status, time. The route is the template, since paths carry customers' ids.</summary>
internal static class RequestLogging
{
    private static readonly HashSet<string> Methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

    public static void Configure(RequestLoggingOptions options)
    {
        options.MessageTemplate = "{Method} {Route} {Status} {Elapsed:0.0} ms {RequestId}";

        // What went wrong is logged where it is handled, once; this line only says that there was a request.
        options.GetLevel = (_, _, _) => LogEventLevel.Information;

        // In place of the package's own properties: RequestPath would be in every event, whether the template names it or not.
        options.GetMessageTemplateProperties = (context, _, elapsed, status) =>
        [
            new("Method", new ScalarValue(Method(context.Request.Method))),
            new("Route", new ScalarValue(Route(context))),
            new("Status", new ScalarValue(status)),
            new("Elapsed", new ScalarValue(elapsed)),
            new("RequestId", new ScalarValue(context.TraceIdentifier)),
        ];
    }

    // A client can make one up.
    private static string Method(string method) => Methods.Contains(method) ? method : "OTHER";

    private static string Route(HttpContext context)
    {
        // Where an exception was handled, the request has lost its endpoint.
        var endpoint = context.Features.Get<IExceptionHandlerFeature>()?.Endpoint ?? context.GetEndpoint();
        return (endpoint as RouteEndpoint)?.RoutePattern.RawText ?? "(none)";
    }
}
