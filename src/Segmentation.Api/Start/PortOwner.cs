using System.Diagnostics;
using System.Globalization;

namespace Segmentation.Api;

/// <summary>Which process listens on a port: from Linux's /proc, as far as this user may look.</summary>
internal static class PortOwner
{
    private const string Listening = "0A";

    /// <summary><c>, by dotnet (process 123)</c>; empty where that can't be seen.</summary>
    public static string Describe(int port)
    {
        try
        {
            var sockets = new[] { "/proc/net/tcp", "/proc/net/tcp6" }.Where(File.Exists).SelectMany(File.ReadLines)
                .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Where(c => c.Length > 9 && c[3] == Listening && c[1].EndsWith($":{port:X4}", StringComparison.Ordinal))
                .Select(c => $"socket:[{c[9]}]").ToHashSet();
            return sockets.Count > 0 && Directory.EnumerateDirectories("/proc").FirstOrDefault(p => Holds(p, sockets)) is { } owner
                && int.TryParse(Path.GetFileName(owner), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                ? $", by {Process.GetProcessById(id).ProcessName} (process {id})"
                : "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return ""; // It has ended meanwhile.
        }
    }

    private static bool Holds(string process, HashSet<string> sockets)
    {
        try
        {
            return char.IsAsciiDigit(Path.GetFileName(process)[0])
                && Directory.EnumerateFileSystemEntries(Path.Combine(process, "fd")).Any(
                    f => new FileInfo(f).LinkTarget is { } target && sockets.Contains(target));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // Another user's, or gone.
        }
    }
}
