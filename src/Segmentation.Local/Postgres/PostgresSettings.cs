using System.Globalization;

namespace Segmentation.Local;

/// <summary>
/// The private server's postgresql.conf: written anew at each start, so that it fits the machine and this version of the API.
/// </summary>
internal static class PostgresSettings
{
    private const long Megabyte = 1024 * 1024;

    // What PostgreSQL shares among its processes beside its buffers, in MB: some for each of them, and some for all
    // (shared_memory_size, at 128 MB to 8 GB).
    private const double PerBuffers = 1.03;
    private const int BesideBuffers = 80;

    // The memory that this process may use, in MB: a container's limit, not its host's size.
    private static long Memory => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Megabyte;

    // Above that, its manual says, the system's own cache is the better use of memory.
    private static long MostBuffers => Math.Max(128, (long)(0.4 * Memory));

    /// <summary>The most that the server takes of huge pages, in MB, where there are so many.</summary>
    public static long MostHugePages => (long)(MostBuffers * PerBuffers) + BesideBuffers + 1;

    /// <summary>The text of postgresql.conf.</summary>
    /// <param name="socketDirectory">The private folder of the Unix socket, or null to listen on the loopback address.</param>
    /// <param name="port">The port, which on Unix is only part of the socket's name.</param>
    /// <param name="extra">Settings that override these.</param>
    public static string Write(string? socketDirectory, int port, IReadOnlyDictionary<string, string> extra)
    {
        var memory = Memory;
        var settings = new Dictionary<string, string>
        {
            ["listen_addresses"] = socketDirectory is null ? "127.0.0.1" : "",
            ["unix_socket_directories"] = socketDirectory ?? "",
            ["unix_socket_permissions"] = "0700",
            ["port"] = port.ToString(CultureInfo.InvariantCulture),
            ["max_connections"] = "200",
            // PostgreSQL's manual advises a quarter of the memory, and up to four tenths. In small pages, each process would have to find
            // more than this page by page; in huge ones, it takes those there are.
            ["shared_buffers"] = $"{Math.Min(MostBuffers, Math.Max(2048, (long)((FreeHugePages() - BesideBuffers) / PerBuffers)))}MB",
            ["effective_cache_size"] = $"{Math.Max(memory / 2, 256)}MB",
            ["work_mem"] = "32MB",
            ["maintenance_work_mem"] = $"{Math.Clamp(memory / 16, 64, 512)}MB",
            // Private servers live on laptops and cloud disks: none of them seeks.
            ["random_page_cost"] = "1.1",
            ["max_wal_size"] = "4GB",
            ["checkpoint_timeout"] = "15min",
            ["synchronous_commit"] = "on",
            // Compiling the SQL costs more than these queries' whole run.
            ["jit"] = "off",
            ["timezone"] = "UTC",
            ["log_timezone"] = "UTC",
            // Statements and details of errors quote the rows: customer data stays out of logs.
            ["log_min_error_statement"] = "panic",
            ["log_error_verbosity"] = "terse",
        };
        // A container's /dev/shm is 64 MB by default, less than one parallel hash join takes.
        if (OperatingSystem.IsLinux() && (!Directory.Exists("/dev/shm") || new DriveInfo("/dev/shm").TotalSize < 512 * Megabyte))
        {
            settings["dynamic_shared_memory_type"] = "mmap";
        }

        foreach (var (name, value) in extra)
        {
            settings[name] = value;
        }

        return "# Written anew at each start of the API. Your own settings: Embedded:Settings:<name>, or ALTER SYSTEM.\n"
            + string.Concat(settings.Select(s => $"{s.Key} = '{s.Value.Replace("'", "''", StringComparison.Ordinal)}'\n"));
    }

    // In MB. They exist only where someone has reserved them.
    private static long FreeHugePages()
    {
        const string info = "/proc/meminfo";
        if (!File.Exists(info))
        {
            return 0;
        }

        var lines = File.ReadAllLines(info);
        long Number(string name) => lines.FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal))?.Split(
            ' ', StringSplitOptions.RemoveEmptyEntries) is [_, var number, ..]
            ? long.Parse(number, CultureInfo.InvariantCulture)
            : 0;
        return Number("HugePages_Free:") * Number("Hugepagesize:") / 1024;
    }
}
