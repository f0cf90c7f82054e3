using System.Diagnostics;
using System.Globalization;
using Segmentation.Local;

namespace KillTests;

/// <summary>Where a test program has its private PostgreSQL.</summary>
internal static class ScratchFolder
{
    /// <summary>A new one, where PostgreSQL's user may go; those that killed runs have left are removed.</summary>
    public static string Create(string prefix)
    {
        var parent = Environment.UserName == "root" && !OperatingSystem.IsWindows() ? "/var/lib"
            : Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
        Directory.CreateDirectory(parent);
        Sweep(parent, prefix);
        return Path.Combine(parent, string.Create(CultureInfo.InvariantCulture, $"{prefix}{Environment.ProcessId}"));
    }

    /// <summary>Ends and deletes the servers of runs that were killed: nobody else would.</summary>
    public static void Sweep(string parent, string prefix)
    {
        foreach (var left in Directory.GetDirectories(parent, prefix + "*"))
        {
            try
            {
                // A live run's server holds the lock; one that is about to start has none yet.
                using (File.Open(Path.Combine(left, "lock"), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
                {
                    if (PostgresProcess.Find(PostgresFolder.ClusterIn(left)) is { } orphan)
                    {
                        Process.GetProcessById(orphan).Kill();
                    }

                    Directory.Delete(left, recursive: true);
                }
            }
            catch (Exception inUse) when (inUse is IOException or UnauthorizedAccessException)
            {
                // In use, another user's, or its processes are still writing while they end: the next run sweeps again.
            }
        }
    }
}
