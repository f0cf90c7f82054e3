using System.Net;

namespace Segmentation.Api.Webhooks;

/// <summary>Which addresses are of the public internet: those that a stranger's webhook may lead to.</summary>
internal static class PublicAddress
{
    // IANA's registries of special-purpose addresses (RFC 6890 and its updates), globally reachable relays and documentation included.
    private static readonly IPNetwork[] Special4 =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
            "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        }.Select(n => IPNetwork.Parse(n)),
    ];

    // Global unicast is all that is public in IPv6; loopback, link-local, unique local, multicast, NAT64 (64:ff9b::/96) and mapped addresses lie outside.
    private static readonly IPNetwork Global6 = IPNetwork.Parse("2000::/3");

    // Teredo and its neighbours, documentation, 6to4 (which has an IPv4 address in it).
    private static readonly IPNetwork[] Special6 = [.. new[] { "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20" }.Select(n => IPNetwork.Parse(n))];

    public static bool Is(IPAddress address)
    {
        address = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork
            ? !Special4.Any(n => n.Contains(address))
            : Global6.Contains(address) && !Special6.Any(n => n.Contains(address));
    }

    /// <summary>Whether a URL names a host that needs no look-up to be known as not public: such an address, or localhost.</summary>
    public static bool IsRefused(Uri url)
    {
        var host = url.IdnHost.TrimEnd('.');
        return IPAddress.TryParse(host, out var address)
            ? !Is(address)
            : host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);
    }
}
