using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Segmentation.Api.Http;

/// <summary>
/// The names that a request may call this service by. A page whose own name is made to lead here (DNS rebinding) has another one.
/// </summary>
/// <remarks>ASP.NET Core's own (HostFilteringMiddleware) answers in HTML, before everything that answers alike here.</remarks>
internal sealed class AllowedHosts(IConfiguration configuration, IServer server)
{
    /// <summary>The setting's name.</summary>
    public const string Setting = "AllowedHosts";

    /// <summary>The setting that says where callers find the service: <c>https://segments.example.com</c>.</summary>
    public const string PublicUrl = "PublicUrl";

    private static readonly StringSegment[] Loopback = ["localhost", "127.0.0.1", "[::1]"];

    private readonly Lazy<StringSegment[]?> hosts = new(() => Read(configuration, server.Features));

    /// <summary>Whether a request may name this host, with or without a port. HTTP/1.0 names none.</summary>
    public bool Includes(HostString host) =>
        hosts.Value is not { } allowed || !host.HasValue || HostString.MatchesAny(host.Value, allowed);

    /// <summary>What is allowed, for an error's text.</summary>
    public override string ToString() => string.Join(", ", hosts.Value ?? []);

    /// <summary>Whether it is a name of this machine itself.</summary>
    public static bool IsLoopback(HostString host) => host.HasValue && HostString.MatchesAny(host.Value, Loopback);

    // Null: every host. Who listens beyond this machine has keys, which no page of others has.
    private static StringSegment[]? Read(IConfiguration configuration, IFeatureCollection features)
    {
        if (configuration[Setting]?.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) is
            { Length: > 0 } given)
        {
            return given.Contains("*") ? null : [.. given.Select(host => (StringSegment)host)];
        }

        return configuration[PublicUrl] is { Length: > 0 } url ? [new Uri(url).Host, .. Loopback]
            : features.Get<IServerAddressesFeature>()?.Addresses.All(IsLocal) != false ? Loopback
            : null;
    }

    // A Unix socket is of this machine, too.
    private static bool IsLocal(string address) => BindingAddress.Parse(address) is var bound
        && (bound.IsUnixPipe || bound.IsNamedPipe || bound.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(bound.Host, out var ip) && IPAddress.IsLoopback(ip)));
}
