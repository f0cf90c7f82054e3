using System.ComponentModel;
using System.Diagnostics;

namespace Segmentation.Api.Tests.QueryBuilder;

/// <summary>A test that needs Node.js and npm; where they are missing it is skipped, and says so.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NodeFactAttribute : FactAttribute
{
    private static readonly bool IsThere = Runs("node") && Runs("npm");

    public NodeFactAttribute() => Skip = IsThere ? null : "Node.js (18 or newer) and npm are not on the PATH.";

    private static bool Runs(string program)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(program, "--version") { RedirectStandardOutput = true, RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
