using FluentValidation;
using Microsoft.AspNetCore.HostFiltering;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Segmentation.Api.Http;

internal static class HttpSetup
{
    /// <summary>Bytes of a body, where an endpoint has no limit of its own.</summary>
    public const int MaxRequestBodySize = 1024 * 1024;

    // Of each connection, what may have come before it is read: 500 that wait have 128 MB, not 500.
    private const int MaxRequestBufferSize = 256 * 1024;

    // How long a browser need not ask again whether it may call.
    private static readonly TimeSpan PreflightMaxAge = TimeSpan.FromMinutes(10);

    /// <summary>Problems in place of errors, validators, cross-origin calls, limits.</summary>
    public static void AddHttp(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(TimeProvider.System);
        services.AddProblemDetails();
        services.AddExceptionHandler<ApiExceptionHandler>();
        services.AddValidatorsFromAssemblyContaining<Program>(ServiceLifetime.Singleton, includeInternalTypes: true);
        services.AddCors(o => o.AddDefaultPolicy(p => p
            .WithOrigins(Origins.Read(configuration))
            .AllowAnyHeader().AllowAnyMethod().WithExposedHeaders(
                "ETag", "Location", "Retry-After", "RateLimit", "RateLimit-Policy", "WWW-Authenticate", "X-Snapshot-At",
                "Idempotency-Replayed", "Erasure-Receipt", AnswerHeaders.RequestId)
            .SetPreflightMaxAge(PreflightMaxAge)));
        services.Configure<KestrelServerOptions>(o =>
        {
            o.Limits.MaxRequestBodySize = MaxRequestBodySize;
            o.Limits.MaxRequestBufferSize = MaxRequestBufferSize;
            o.AddServerHeader = false;
        });
        services.AddSingleton<AllowedHosts>();
        services.Configure<HostFilteringOptions>(o => o.AllowedHosts = ["*"]); // Filtered here, by AllowedHosts.
    }
}
