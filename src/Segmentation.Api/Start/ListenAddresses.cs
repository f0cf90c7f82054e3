using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Segmentation.Rules.Checking;

namespace Segmentation.Api;

/// <summary>Whether the service can listen where it is told to, found out before anything is started.</summary>
internal static class ListenAddresses
{
    private const int Tries = 50;

    // The mark of those that `dotnet dev-certs https` makes, and Kestrel finds.
    private const string DevelopmentCertificate = "1.3.6.1.4.1.311.84.1.1";

    /// <summary>Listens on every address for a moment. Where none is configured there is nothing to find out.</summary>
    /// <exception cref="StartupException">An address is malformed, taken, or not for this process to listen on.</exception>
    public static void Check(IConfiguration configuration)
    {
        List<(string Url, Socket Socket)> open = [];
        try
        {
            foreach (var url in Read(configuration))
            {
                RefuseWithoutCertificate(url, configuration);
                foreach (var endpoint in Endpoints(url))
                {
                    open.Add((url, Open(url, endpoint, [.. open.Select(o => o.Url)])));
                }
            }
        }
        finally
        {
            open.ForEach(o => o.Socket.Dispose());
        }
    }

    /// <summary>What there is to say of an address that something else took since.</summary>
    public static StartupException Taken(string url, int port) =>
        new($"{url} is taken{PortOwner.Describe(port)}. Stop that, or listen elsewhere: --urls http://localhost:{FreePort(port)}");

    /// <summary>Whether only this machine reaches an address: one of loopback, or a socket in a file.</summary>
    public static bool IsLoopback(string url)
    {
        var address = BindingAddress.Parse(url);
        return address.IsUnixPipe || address.IsNamedPipe || address.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(address.Host, out var ip) && IPAddress.IsLoopback(ip));
    }

    /// <summary>The addresses that are configured: Kestrel's endpoints go before addresses, addresses before ports.</summary>
    public static IEnumerable<string> Read(IConfiguration configuration)
    {
        var endpoints = configuration.GetSection("Kestrel:Endpoints").GetChildren().Select(e => e["Url"]).OfType<string>().ToList();
        return endpoints.Count > 0 ? endpoints
            : Split(configuration["urls"]) is { Length: > 0 } urls ? urls
            : Split(configuration["http_ports"]).Select(p => $"http://*:{p}").Concat(
                Split(configuration["https_ports"]).Select(p => $"https://*:{p}"));
    }

    private static string[] Split(string? list) =>
        list?.Split(';', StringSplitOptions.RemoveEmptyEntries) ?? [];

    private static void RefuseWithoutCertificate(string url, IConfiguration configuration)
    {
        if (!url.StartsWith("https:", StringComparison.OrdinalIgnoreCase)
            || configuration.AsEnumerable().Any(s => s.Key.StartsWith("Kestrel:", StringComparison.OrdinalIgnoreCase)
                && s.Key.Contains(":Certificate", StringComparison.OrdinalIgnoreCase)))
        {
            return;
        }

        using var store = new X509Store(StoreName.My, StoreLocation.CurrentUser);
        store.Open(OpenFlags.ReadOnly);
        if (!store.Certificates.Any(c => c.Extensions.Any(e => e.Oid?.Value == DevelopmentCertificate)))
        {
            throw new StartupException(
                $"{url} needs a certificate: name one in Kestrel:Certificates:Default:Path (its password in ...:Password), or take http.");
        }
    }

    private static IEnumerable<IPEndPoint> Endpoints(string url)
    {
        BindingAddress address;
        try
        {
            address = BindingAddress.Parse(url);
        }
        catch (Exception malformed) when (malformed is FormatException or InvalidOperationException or ArgumentException)
        {
            throw Malformed(url);
        }

        if (address.IsUnixPipe || address.IsNamedPipe)
        {
            return [];
        }

        if (address.Scheme is not ("http" or "https")
            || address.Port is < 0 or > IPEndPoint.MaxPort
            || address.PathBase.Length > 0
            || url.Contains(',', StringComparison.Ordinal)
            || (address.Host.IndexOfAny(['[', ']', '@', ' ']) >= 0 && !IPAddress.TryParse(address.Host, out _)))
        {
            throw Malformed(url);
        }

        if (address.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
        {
            return address.Port > 0
                ? [new IPEndPoint(IPAddress.Loopback, address.Port), new IPEndPoint(IPAddress.IPv6Loopback, address.Port)]
                : throw new StartupException($"{url} can't be listened on: port 0, any free one, needs an address: http://127.0.0.1:0");
        }

        return address.Host is "*" or "+" ? [new IPEndPoint(Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, address.Port)]
            : IPAddress.TryParse(address.Host, out var ip) ? [new IPEndPoint(ip, address.Port)]
            : throw new StartupException($"{url} can't be listened on: take localhost, an IP address of this machine, or * for every "
                + "address. (A name would mean every address.)");
    }

    private static Socket Open(string url, IPEndPoint endpoint, string[] others)
    {
        try
        {
            return Listen(endpoint);
        }
        catch (SocketException e)
        {
            throw e.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse when others.FirstOrDefault(o => Port(o) == endpoint.Port) is { } other =>
                    new StartupException($"{url} and {other} are the same address and port: leave one of them away."),
                SocketError.AddressAlreadyInUse => Taken(url, endpoint.Port),
                SocketError.AccessDenied => new StartupException($"{url} can't be listened on: this user may not take port "
                    + $"{endpoint.Port}. Take one above 1023: --urls http://localhost:5080"),
                SocketError.AddressNotAvailable => new StartupException($"{url} can't be listened on: {endpoint.Address} is no address of "
                    + "this machine. Take localhost, or * for every address."),
                _ => new StartupException($"{url} can't be listened on: {e.Message}."),
            };
        }
    }

    private static int Port(string url) => BindingAddress.Parse(url).Port;

    private static Socket Listen(IPEndPoint endpoint)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endpoint.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            socket.Bind(endpoint);
            socket.Listen(1);
        }
        catch (SocketException e) when (
            endpoint.Address.Equals(IPAddress.IPv6Loopback) && e.SocketErrorCode != SocketError.AddressAlreadyInUse)
        {
            // localhost without IPv6: Kestrel is content with the other.
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        return socket;
    }

    private static int FreePort(int taken)
    {
        foreach (var port in Enumerable.Range(taken + 1, Tries).Where(p => p <= IPEndPoint.MaxPort))
        {
            try
            {
                using var v4 = Listen(new IPEndPoint(IPAddress.Loopback, port));
                using var v6 = Listen(new IPEndPoint(IPAddress.IPv6Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Taken as well, or not for this user.
            }
        }

        return 5080;
    }

    private static StartupException Malformed(string url) =>
        new($"{ErrorText.Quote(url)} is not an address to listen on: one is http://localhost:5080, several have ; between.");
}
