using System.Diagnostics;
using System.Globalization;

namespace Segmentation.Local;

/// <summary>Finds the server process of a data folder.</summary>
internal static class PostgresProcess
{
    /// <summary>The process id of the server that runs on the data folder, or null.</summary>
    /// <remarks>pg_ctl would believe any process whose number stands in a stale postmaster.pid, and send it the stop signal.</remarks>
    public static int? Find(string cluster)
    {
        var file = Path.Combine(cluster, "postmaster.pid");
        if (!File.Exists(file)
            || !int.TryParse(File.ReadLines(file).FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out var id))
        {
            return null;
        }

        try
        {
            using var process = Process.GetProcessById(id);
            return process.ProcessName == "postgres" && (!OperatingSystem.IsLinux() || WorksIn(id, file)) ? id : null;
        }
        catch (ArgumentException)
        {
            return null; // No such process.
        }
    }

    // A server's working directory is its data folder. There is no file for another user's process, nor for one dead but not yet reaped.
    private static bool WorksIn(int processId, string pidFile)
    {
        var itsPidFile = $"/proc/{processId}/cwd/postmaster.pid";
        return File.Exists(itsPidFile) && File.ReadLines(itsPidFile).Take(3).SequenceEqual(File.ReadLines(pidFile).Take(3));
    }
}
