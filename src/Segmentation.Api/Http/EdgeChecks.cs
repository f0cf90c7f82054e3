using Microsoft.AspNetCore.Http.Features;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Http;

/// <summary>What a request must be before anything is done for it: its address, the host it names, and the page that sent it.</summary>
internal static class EdgeChecks
{
    private const string Probes = "/health";

    public static void UseEdgeChecks(this WebApplication app)
    {
        var hosts = app.Services.GetRequiredService<AllowedHosts>();
        string[] origins = [.. Origins.Read(app.Configuration), .. Origins.Read(app.Configuration, AllowedHosts.PublicUrl)];
        app.Use((context, next) =>
        {
            CheckTarget(context);
            CheckHost(context.Request, hosts);
            CheckOrigin(context.Request, origins);
            return next(context);
        });
    }

    private static void CheckTarget(HttpContext context)
    {
        if (context.Features.Get<IHttpRequestFeature>()?.RawTarget is { Length: > 0 } target
            && RequestTarget.FindFault(target) is { } fault)
        {
            throw ApiProblem.Invalid([fault]);
        }
    }

    // Probes of load balancers and orchestrators call by an address.
    private static void CheckHost(HttpRequest request, AllowedHosts hosts)
    {
        if (!request.Path.StartsWithSegments(Probes) && !hosts.Includes(request.Host))
        {
            throw ApiProblem.Invalid(
                "Host",
                $"{ErrorText.Quote(request.Host.Value!)} is not a name of this service, which are {hosts}. "
                + $"If it should be, set {AllowedHosts.PublicUrl} or {AllowedHosts.Setting}.");
        }
    }

    // Browsers say with every write which page sent it; other clients say nothing. What they call same-origin is so, whatever a proxy made
    // of Host: no page can say it for itself.
    private static void CheckOrigin(HttpRequest request, string[] origins)
    {
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || HttpMethods.IsOptions(request.Method)
            || HttpMethods.IsTrace(request.Method))
        {
            return;
        }

        var origin = request.Headers.Origin.ToString();
        var site = request.Headers["Sec-Fetch-Site"].ToString();
        if (site == "same-origin" || origins.Contains(origin, StringComparer.OrdinalIgnoreCase))
        {
            return;
        }

        if (site == "cross-site" || (origin.Length > 0 && !IsOwn(origin, request.Host)))
        {
            throw new ApiProblem(
                StatusCodes.Status403Forbidden,
                $"A page of another site can't write here. If it should, add its origin to {Origins.Setting}.");
        }
    }

    // Behind a proxy the scheme may be another one.
    private static bool IsOwn(string origin, HostString host) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var uri)
        && Uri.TryCreate($"{uri.Scheme}://{host}", UriKind.Absolute, out var own)
        && uri.Authority.Equals(own.Authority, StringComparison.OrdinalIgnoreCase);
}
