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
        foreach (var left in Directory.GetDirectories(parent, prefix + "*"))
        {
            try
            {
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
                // In use by another run.
            }
        }

        return Path.Combine(parent, string.Create(CultureInfo.InvariantCulture, $"{prefix}{Environment.ProcessId}"));
    }
}
