using System.Diagnostics;

namespace Segmentation.Api.Tests.QueryBuilder;

/// <summary>Runs programs of <c>examples/react-querybuilder</c>, with its packages installed as they are locked.</summary>
internal static class NodeExample
{
    private static readonly string Folder = Repository.GetPath(Path.Combine("examples", "react-querybuilder"));

    private static readonly Lazy<Task> Installed = new(InstallAsync);

    /// <summary>Runs <c>node</c> in the folder.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        await Installed.Value;
        return await StartAsync("node", arguments);
    }

    private static async Task InstallAsync()
    {
        // npm writes the first from the second when it is done.
        var (installed, locked) = (Path.Combine(Folder, "node_modules", ".package-lock.json"), Path.Combine(Folder, "package-lock.json"));
        if (File.Exists(installed) && File.GetLastWriteTimeUtc(installed) >= File.GetLastWriteTimeUtc(locked))
        {
            return;
        }

        var (exitCode, output, errors) = await StartAsync("npm", "ci", "--ignore-scripts");
        Assert.True(exitCode == 0, $"npm ci failed: {output}{errors}");
    }

    private static async Task<(int ExitCode, string Output, string Errors)> StartAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        using var end = new CancellationTokenSource(Wait.Patience);
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(end.Token), process.StandardError.ReadToEndAsync(end.Token));
        try
        {
            await process.WaitForExitAsync(end.Token);
            return (process.ExitCode, await output, await errors);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }
}
