using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Configuration;

namespace Segmentation.Api.Tests.Start;

public sealed class ListenAddressTests
{
    [Theory]
    [InlineData("http://127.0.0.1:PORT")]
    [InlineData("http://localhost:PORT")]
    [InlineData("http://*:PORT")]
    [InlineData("http://0.0.0.0:PORT")]
    [InlineData("http://127.0.0.1:0;http://localhost:PORT")]
    public void Check_PortIsTaken_SaysWhichAndWhatToDo(string urls)
    {
        using var holder = new TcpListener(IPAddress.Loopback, 0);
        holder.Start();
        var port = ((IPEndPoint)holder.LocalEndpoint).Port;

        var refused = Refuse(urls.Replace("PORT", $"{port}", StringComparison.Ordinal));

        Assert.Matches($@"^http://\S+:{port} is taken.*\. Stop that, or listen elsewhere: --urls http://localhost:\d+$", refused);
        if (OperatingSystem.IsLinux())
        {
            Assert.Contains($"(process {Environment.ProcessId})", refused, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Check_PortIsTakenOverIPv6_SaysSo()
    {
        if (!Socket.OSSupportsIPv6)
        {
            return;
        }

        using var holder = new TcpListener(IPAddress.IPv6Loopback, 0);
        holder.Start();
        Assert.Contains("is taken", Refuse($"http://[::1]:{((IPEndPoint)holder.LocalEndpoint).Port}"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("localhost:5080", "is not an address to listen on: one is http://localhost:5080")]
    [InlineData("http://localhost:99999", "is not an address to listen on")]
    [InlineData("http://127.0.0.1:0/api", "is not an address to listen on")]
    [InlineData("ftp://127.0.0.1:0", "is not an address to listen on")]
    [InlineData("http://[::1:5080", "is not an address to listen on")]
    [InlineData("http://127.0.0.1:0,http://127.0.0.1:0", "several have ; between")]
    [InlineData(" ", "is not an address to listen on")]
    [InlineData("http://", "is not an address to listen on")]
    [InlineData("http://192.0.2.1:5080", "192.0.2.1 is no address of this machine. Take localhost, or * for every address.")]
    [InlineData("http://example.com:5080", "take localhost, an IP address of this machine, or * for every address.")]
    [InlineData("http://localhost:0", "needs an address: http://127.0.0.1:0")]
    public void Check_AddressCantBe_SaysWhy(string urls, string why)
    {
        var refused = Refuse(urls);
        Assert.Contains(why, refused, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused);
    }

    [Fact]
    public void Check_SamePortTwice_SaysSo()
    {
        int port;
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            port = ((IPEndPoint)free.LocalEndpoint).Port;
        }

        Assert.Equal(
            $"http://127.0.0.1:{port} and http://localhost:{port} are the same address and port: leave one of them away.",
            Refuse($"http://localhost:{port};http://127.0.0.1:{port}"));
    }

    [Theory]
    [InlineData("urls", "http://127.0.0.1:0")]
    [InlineData("urls", "http://127.0.0.1:0;http://*:0")]
    [InlineData("urls", "http://unix:/tmp/segmentation.sock")]
    [InlineData("urls", "")]
    [InlineData("http_ports", "0")]
    [InlineData("Kestrel:Endpoints:Web:Url", "http://127.0.0.1:0")]
    public void Check_FreeAddress_IsFine(string setting, string value) => ListenAddresses.Check(Configuration(setting, value));

    [Theory]
    [InlineData("http_ports")]
    [InlineData("Kestrel:Endpoints:Web:Url")]
    public void Check_OtherWaysToSayIt_AreReadToo(string setting)
    {
        using var holder = new TcpListener(IPAddress.Loopback, 0);
        holder.Start();
        var port = ((IPEndPoint)holder.LocalEndpoint).Port;
        var value = setting == "http_ports" ? $"{port}" : $"http://localhost:{port}";
        Assert.Contains(
            "is taken", Assert.Throws<StartupException>(() => ListenAddresses.Check(Configuration(setting, value))).Message,
            StringComparison.Ordinal);
    }

    private static string Refuse(string urls) =>
        Assert.Throws<StartupException>(() => ListenAddresses.Check(Configuration("urls", urls))).Message;

    private static IConfiguration Configuration(string name, string value) =>
        new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { [name] = value }).Build();
}
