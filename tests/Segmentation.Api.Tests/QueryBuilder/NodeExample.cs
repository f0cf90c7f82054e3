using System.Diagnostics;

namespace Segmentation.Api.Tests.QueryBuilder;

/// <summary>Runs programs of an example, with its packages installed as they are locked.</summary>
internal sealed class NodeExample
{
    /// <summary><c>examples/react-querybuilder</c>.</summary>
    public static readonly NodeExample QueryBuilder = new("react-querybuilder");

    /// <summary><c>examples/openfeature</c>.</summary>
    public static readonly NodeExample OpenFeature = new("openfeature");

    private readonly string folder;
    private readonly Lazy<Task> installed;

    private NodeExample(string name) =>
        (folder, installed) = (Repository.GetPath(Path.Combine("examples", name)), new Lazy<Task>(InstallAsync));

    /// <summary>Runs <c>node</c> in the folder.</summary>
    public async Task<(int ExitCode, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        await installed.Value;
        return await StartAsync("node", arguments);
    }

    private async Task InstallAsync()
    {
        // npm writes the first from the second when it is done.
        var (written, locked) = (Path.Combine(folder, "node_modules", ".package-lock.json"), Path.Combine(folder, "package-lock.json"));
        if (File.Exists(written) && File.GetLastWriteTimeUtc(written) >= File.GetLastWriteTimeUtc(locked))
        {
            return;
        }

        var (exitCode, output, errors) = await StartAsync("npm", "ci", "--ignore-scripts");
        Assert.True(exitCode == 0, $"npm ci failed: {output}{errors}");
    }

    private async Task<(int ExitCode, string Output, string Errors)> StartAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
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
