using System.Net;

namespace Segmentation.Api.Webhooks;

/// <summary>Which addresses are on the public internet: a webhook may lead to those only, unless the settings allow others.</summary>
internal static class PublicAddress
{
    // IANA's special-purpose addresses (RFC 6890 and its updates), globally reachable relays and documentation included.
    private static readonly IPNetwork[] SpecialIPv4 =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
            "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        }.Select(n => IPNetwork.Parse(n)),
    ];

    // Global unicast is all that is public in IPv6; loopback, link-local, unique local, multicast, NAT64 (64:ff9b::/96) and mapped
    // addresses lie outside.
    private static readonly IPNetwork GlobalIPv6 = IPNetwork.Parse("2000::/3");

    // Teredo and its neighbours, documentation, 6to4 (which contains an IPv4 address).
    private static readonly IPNetwork[] SpecialIPv6 =
    [
        .. new[] { "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20" }.Select(n => IPNetwork.Parse(n))
    ];

    public static bool IsPublic(IPAddress address)
    {
        address = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork
            ? !SpecialIPv4.Any(n => n.Contains(address))
            : GlobalIPv6.Contains(address) && !SpecialIPv6.Any(n => n.Contains(address));
    }

    /// <summary>Whether a URL's host is not public without resolving it: such an address, or localhost.</summary>
    public static bool IsRefused(Uri url)
    {
        var host = url.IdnHost.TrimEnd('.');
        return IPAddress.TryParse(host, out var address)
            ? !IsPublic(address)
            : host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
                || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);
    }
}
