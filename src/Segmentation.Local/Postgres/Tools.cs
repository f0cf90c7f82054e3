using System.ComponentModel;
using System.Diagnostics;

namespace Segmentation.Local;

/// <summary>Runs a command-line program to its end.</summary>
internal static class Tools
{
    /// <summary>Runs a program without a terminal.</summary>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="workingDirectory">A folder that the program's user may enter.</param>
    /// <param name="cancellationToken">Kills the program and what it started.</param>
    /// <param name="capture">False for a program whose own children keep its output open, which would be waited for.</param>
    /// <returns>The exit code, and what it wrote to its standard output and error.</returns>
    /// <exception cref="EmbeddedPostgresException">There is no such program, or it is not for this machine.</exception>
    public static async Task<(int ExitCode, string Output)> RunAsync(
        IReadOnlyList<string> command, string workingDirectory, CancellationToken cancellationToken, bool capture = true)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            WorkingDirectory = workingDirectory,
            RedirectStandardInput = true,
            RedirectStandardOutput = capture,
            RedirectStandardError = capture,
            // On Windows a console of its own: the Ctrl-C of ours must not stop PostgreSQL before the API has drained.
            CreateNoWindow = true,
        };
        // PGPORT, PGDATA, PGOPTIONS and the like are about the user's other servers.
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("PG", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        // One language to read the version and the log in; and macOS needs a locale that loads no further libraries.
        start.Environment["LC_ALL"] = "C";

        using var process = Start(start);
        process.StandardInput.Close();
        try
        {
            var output = capture ? process.StandardOutput.ReadToEndAsync(cancellationToken) : Task.FromResult("");
            var error = capture ? process.StandardError.ReadToEndAsync(cancellationToken) : Task.FromResult("");
            await process.WaitForExitAsync(cancellationToken);
            return (process.ExitCode, await output + await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!; // Null only for a program that the shell opens.
        }
        catch (Win32Exception e)
        {
            throw new EmbeddedPostgresException($"{start.FileName} can't be started: {e.Message}", e);
        }
    }
}
