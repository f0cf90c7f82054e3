using System.Net;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using Segmentation.Api.Access;
using Segmentation.Api.Data;
using Segmentation.Api.Http;

namespace Segmentation.Api.Admission;

internal static class AdmissionSetup
{
    /// <summary>Before every other filter of actions.</summary>
    public const int Order = int.MinValue;

    /// <summary>The setting of the proxies whose word for an address is taken.</summary>
    public const string KnownProxies = "Proxies:Known";

    // Of a connection that is slow from its beginning; a while longer for those that send or read lines.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    /// <summary>How many requests are let in, how fast, and how slow a client may be.</summary>
    public static void AddAdmission(this IServiceCollection services, IConfiguration configuration)
    {
        services.Configure<MvcOptions>(o => o.Filters.Add<AdmissionFilter>(Order));
        services.AddOptions<KestrelServerOptions>().Configure<IOptions<Limits>>((kestrel, limits) =>
        {
            var (server, all) = (kestrel.Limits, limits.Value);
            server.MaxConcurrentConnections = all.MaxConnections;
            server.RequestHeadersTimeout = TimeSpan.FromSeconds(all.HeaderSeconds);
            server.MaxRequestHeadersTotalSize = all.HeaderBytes;
            server.MaxRequestLineSize = all.UrlBytes;
            server.MinRequestBodyDataRate = server.MinResponseDataRate = new MinDataRate(all.BytesPerSecond, Grace);
        });
        services.Configure<ForwardedHeadersOptions>(o =>
        {
            o.ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto;
            o.ForwardLimit = null; // As far as the proxies are known.
            o.KnownProxies.Clear();
            o.KnownIPNetworks.Clear();
            foreach (var network in (TextList.Read(configuration, KnownProxies) ?? []).Select(ParseNetwork))
            {
                o.KnownIPNetworks.Add(network ?? throw new InvalidOperationException($"{KnownProxies} has an address that is none."));
            }
        });
    }

    /// <summary>What <see cref="KnownProxies"/> takes.</summary>
    public static string? CheckProxy(string text) =>
        ParseNetwork(text) is null ? "an IP address (10.0.0.5) or a network (10.0.0.0/8)" : null;

    /// <summary>
    /// Of keys and tokens that are refused an address has a few a minute. From then on its next ones are not looked at; requests without
    /// any are not concerned.
    /// </summary>
    public static void UseRefusals(this IApplicationBuilder app)
    {
        if (app.ApplicationServices.GetRequiredService<IOptions<ForwardedHeadersOptions>>().Value.KnownIPNetworks.Count > 0)
        {
            app.UseForwardedHeaders(); // Which takes everybody's word where nobody is known.
        }

        var (rates, limits) = (
            app.ApplicationServices.GetRequiredService<Rates>(), app.ApplicationServices.GetRequiredService<Limits>().Rates.Refused);
        app.Use(async (context, next) =>
        {
            if (!BearerToken.IsIn(context.Request))
            {
                await next(context);
                return;
            }

            var bucket = new Rates.Bucket(RateName.Refused, Network(context.Connection.RemoteIpAddress), limits);
            if (rates.CountLeft(bucket) == 0)
            {
                throw new ApiProblem(
                    StatusCodes.Status429TooManyRequests,
                    "Too many keys or tokens from this address were refused, so that for a while none of it is looked at. Try again later.")
                {
                    RetryAfter = (int)Math.Ceiling(1 / limits.PerSecond),
                };
            }

            try
            {
                await next(context);
            }
            finally
            {
                if (context.Caller.Kind == CallerKind.None)
                {
                    rates.Take(bucket);
                }
            }
        });
    }

    /// <summary>Says what each request is and whom it is from, once both are known, and holds it to its rates.</summary>
    public static void UseAdmission(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        var attribute = context.GetEndpoint()?.Metadata.GetMetadata<WorkAttribute>();
        var work = context.RequestServices.GetRequiredService<Work>();
        work.Begin(attribute?.Class ?? WorkClass.Point, context, FindSender(context.Caller));
        work.Charge(RateName.Default);
        work.Charge(attribute?.Rate ?? RateName.Default);
        return next(context);
    });

    private static Sender? FindSender(Caller caller) => caller.Kind == CallerKind.None ? null : new Sender(
        $"{caller.Kind} {caller.Id}",
        caller.Limits is { } own ? new Rate { PerSecond = own.PerSecond, Burst = own.Burst } : null);

    /// <summary>Whose an address is: whoever has one of IPv6 has 2^64.</summary>
    internal static string Network(IPAddress? address) => address switch
    {
        null => "",
        { IsIPv4MappedToIPv6: true } => address.MapToIPv4().ToString(),
        { AddressFamily: System.Net.Sockets.AddressFamily.InterNetworkV6 } => Convert.ToHexString(address.GetAddressBytes().AsSpan(0, 8)),
        _ => address.ToString(),
    };

    private static System.Net.IPNetwork? ParseNetwork(string text) =>
        System.Net.IPNetwork.TryParse(text, out var network) ? network
        : IPAddress.TryParse(text, out var address) ? new System.Net.IPNetwork(address, 8 * address.GetAddressBytes().Length)
        : null;
}
