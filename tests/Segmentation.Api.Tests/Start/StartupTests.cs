using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Segmentation.Api.Access;
using Segmentation.Local;
using RunProgram = Segmentation.Local.Program;

namespace Segmentation.Api.Tests.Start;

/// <summary>The built program, as somebody starts it: what it prints, where, and its exit code.</summary>
public sealed class StartupTests : IDisposable
{
    private readonly string folder = TestFolder.Create();

    private readonly List<Process> started = [];

    public void Dispose()
    {
        // One that a failed test has left, with its PostgreSQL.
        foreach (var process in started)
        {
            if (!process.HasExited)
            {
                Process.Start("kill", ["-TERM", $"{process.Id}"]).WaitForExit();
                process.WaitForExit();
            }

            process.Dispose();
        }

        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("--smaple is not a switch. Did you mean --sample?", "--smaple")]
    [InlineData("Rules:MaxDepth must be an integer from 1 to 100; it is \"-1\" (--Rules:MaxDepth).", "--Rules:MaxDepth=-1")]
    [InlineData("Nobody listens on 127.0.0.1:1", "--ConnectionStrings:Segmentation=Host=127.0.0.1;Port=1;Username=a;Password=topsecret")]
    public async Task Run_Misuse_IsOneLineAndExitCode1(string line, string argument)
    {
        var (exitCode, output, error) = await RunAsync("--urls", "http://127.0.0.1:0", $"--Embedded:DataDirectory={folder}", argument);

        Assert.Equal(1, exitCode);
        Assert.StartsWith(line, error, StringComparison.Ordinal);
        Assert.Equal(1, error.Count(c => c == '\n'));
        Assert.Equal("", output);
        Assert.DoesNotContain("topsecret", error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public async Task Run_PortIsTaken_SaysBeforeADatabaseIsStarted()
    {
        using var holder = new TcpListener(IPAddress.Loopback, 0);
        holder.Start();
        var port = ((IPEndPoint)holder.LocalEndpoint).Port;

        var (exitCode, output, error) = await RunAsync("--urls", $"http://localhost:{port}", "--Embedded:DataDirectory", folder);

        Assert.Equal(1, exitCode);
        Assert.Matches($@"^http://localhost:{port} is taken.*\. Stop that, or listen elsewhere: --urls http://localhost:\d+\n$", error);
        Assert.Equal("", output);
        Assert.Empty(Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public async Task Run_Help_ListsEverySwitchAndSetting()
    {
        var (exitCode, output, error) = await RunAsync("--help");

        Assert.Equal((0, ""), (exitCode, error));
        Assert.All(
            RunProgram.Parts.Switches.Select(s => s.Name).Concat(RunProgram.Parts.Settings.Select(s => s.Title)),
            name => Assert.Contains($"\n  {name} ", output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Run_NewFolder_SaysWhatItDoesThenItsAddresses_AndEndsOnAnInterrupt()
    {
        var data = Path.Combine(folder, "Ein Ordner, größer");
        string[] arguments =
        [
            "--urls", "http://127.0.0.1:0", $"--Embedded:DataDirectory={data}", "--Embedded:Settings:fsync=off",
            "--Embedded:Settings:shared_buffers=64MB",
        ];
        var process = Start(arguments);
        List<string> lines = [];
        while (lines is [] || !lines[^1].StartsWith("Ctrl-C", StringComparison.Ordinal))
        {
            lines.Add(await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException(string.Join('\n', lines)));
        }

        Assert.Equal($"Database… making one, its data is in {data}", lines[0]);
        Assert.StartsWith("Database: applying ", lines[1], StringComparison.Ordinal);
        Assert.Equal("Database: they are applied", lines[2]);
        Assert.Single(lines, l => l.StartsWith("Access… open to everything on this machine, without a key", StringComparison.Ordinal));
        Assert.Single(lines, l => l.StartsWith("Secrets of webhooks are stored as they are", StringComparison.Ordinal));
        Assert.Matches(@"^API      http://127\.0\.0\.1:\d+/api/v1$", lines[^3]);

        using var client = new HttpClient();
        (await client.GetAsync(lines[^2]["Swagger".Length..].Trim())).EnsureSuccessStatusCode();

        var (exitCode, output, error) = await RunAsync([.. arguments]);
        Assert.Equal((1, $"Database… its data is in {data}\n"), (exitCode, output));
        Assert.Equal(
            $"Another Segmentation API is using the database in {data}. Stop it, or give this one a folder of its own with "
            + "Embedded:DataDirectory.\n", error);

        await InterruptAsync(process);
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
        Assert.Equal("Stopping…", (await process.StandardOutput.ReadToEndAsync()).Trim().Split('\n')[^1]);
        Assert.Null(PostgresProcess.Find(PostgresFolder.ClusterIn(data)));
    }

    [Fact]
    public async Task Run_InterruptedWhileItStarts_EndsAndLeavesNothingRunning()
    {
        var process = Start("--urls", "http://127.0.0.1:0", $"--Embedded:DataDirectory={folder}", "--Embedded:Settings:fsync=off");
        Assert.StartsWith("Database…", await process.StandardOutput.ReadLineAsync(), StringComparison.Ordinal);
        await Wait.UntilAsync(() => Task.FromResult(Directory.GetDirectories(folder).Length > 0), "the first folder");

        await InterruptAsync(process);
        await process.WaitForExitAsync();

        Assert.Equal((130, ""), (process.ExitCode, await process.StandardError.ReadToEndAsync()));
        Assert.Null(PostgresProcess.Find(PostgresFolder.ClusterIn(folder)));
    }

    [Theory]
    [InlineData]
    [InlineData("--migrate")]
    public async Task Run_NoConnectionString_EndsWithExitCode1(params string[] arguments) =>
        Assert.Equal(1, await Startup.RunAsync([.. arguments, "--ConnectionStrings:Segmentation="]));

    [Fact]
    public async Task Run_WithoutAKey_IsReachedFromThisMachineAlone_AndWithOneFromElsewhereToo()
    {
        string[] data = [$"--Embedded:DataDirectory={folder}", "--Embedded:Settings:fsync=off", "--Embedded:Settings:shared_buffers=64MB"];
        var (exitCode, _, error) = await RunAsync(["--urls", "http://127.0.0.1:0;http://*:0", .. data]);
        Assert.Equal(1, exitCode);
        Assert.StartsWith("http://*:0 is reached from other machines, and nothing says who may come in. Make an API key", error);
        Assert.Contains("(--create-key NAME --scopes all), or name an identity provider (Access:Jwt:Authority", error);

        (exitCode, _, error) = await RunAsync(["--create-key", "me", "--scopes", "membership:read", .. data]);
        Assert.Equal((1, true), (exitCode, error.Contains("The first API key needs the scope admin", StringComparison.Ordinal)));
        (exitCode, _, error) = await RunAsync(["--create-key", "me", "--scopes", "nosuch", .. data]);
        Assert.Equal((1, true), (exitCode, error.Contains("scopes.0: This must be one of: customers:read", StringComparison.Ordinal)));
        (exitCode, _, error) = await RunAsync(["--create-key", "me", .. data]);
        Assert.Equal((1, "--create-key and --scopes need each other: --create-key me --scopes all\n"), (exitCode, error));

        (exitCode, var output, _) = await RunAsync(["--create-key", "me", "--scopes", "admin,segments:read", .. data]);
        Assert.Equal(0, exitCode);
        var key = output.Split('\n')[^2];
        Assert.NotNull(ApiKeyToken.Read(key));

        var process = Start(["--urls", "http://*:0", .. data]);
        string? line;
        while ((line = await process.StandardOutput.ReadLineAsync())?.StartsWith("API", StringComparison.Ordinal) == false)
        {
            Assert.False(line.StartsWith("Access", StringComparison.Ordinal), line);
        }

        Assert.NotNull(line);
        using var client = new HttpClient { BaseAddress = new Uri(line["API".Length..].Trim() + "/") };
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync("segments")).StatusCode);
        client.DefaultRequestHeaders.Authorization = new("Bearer", key);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("segments")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await client.GetAsync("customers")).StatusCode);
        await InterruptAsync(process);
        await process.WaitForExitAsync();
    }

    [Theory]
    [InlineData("http://localhost:5080", true)]
    [InlineData("http://127.0.0.2:5080", true)]
    [InlineData("https://[::1]:5080", true)]
    [InlineData("http://[::ffff:127.0.0.1]:5080", true)]
    [InlineData("http://unix:/tmp/a.sock", true)]
    [InlineData("http://*:5080", false)]
    [InlineData("http://+:5080", false)]
    [InlineData("http://0.0.0.0:5080", false)]
    [InlineData("http://[::]:5080", false)]
    [InlineData("http://192.168.0.7:5080", false)]
    public void IsLoopback_Address_IsThisMachinesAlone(string url, bool expected) =>
        Assert.Equal(expected, ListenAddresses.IsLoopback(url));

    [Theory]
    [InlineData("Access:Jwt:Audience is missing", "--Access:Jwt:Authority=https://login.example")]
    [InlineData("Access:Jwt needs either Authority", "--Access:Jwt:Audience=a")]
    [InlineData("Access:Jwt needs either Authority", "--Access:Jwt:Audience=a", "--Access:Jwt:JwksUri=https://login.example/keys")]
    [InlineData("Access:Jwt:Authority must be an https URL", "--Access:Jwt:Audience=a", "--Access:Jwt:Authority=http://login.example")]
    [InlineData(
        "Access:Jwt:JwksUri must be an https URL", "--Access:Jwt:Audience=a", "--Access:Jwt:Issuer=a",
        "--Access:Jwt:JwksUri=http://login.example/keys")]
    public async Task Run_HalfAnIdentityProvider_IsRefused(string start, params string[] arguments)
    {
        var (exitCode, _, error) = await RunAsync([$"--Embedded:DataDirectory={folder}", "--urls", "http://127.0.0.1:0", .. arguments]);
        Assert.Equal(1, exitCode);
        Assert.StartsWith(start, error, StringComparison.Ordinal);
    }

    private async Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] arguments)
    {
        var process = Start(arguments);
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }

    private Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(RunProgram).Assembly.Location, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Development";
        start.Environment["ASPNETCORE_CONTENTROOT"] = Repository.GetPath("src/Segmentation.Api");
        start.Environment.Remove("ConnectionStrings__Segmentation");
        var process = Process.Start(start)!;
        started.Add(process);
        return process;
    }

    private static async Task InterruptAsync(Process process)
    {
        using var kill = Process.Start("kill", ["-INT", $"{process.Id}"]);
        await kill.WaitForExitAsync();
    }
}
