using System.Globalization;

namespace Segmentation.Benchmarks;

/// <summary>
/// Huge pages for PostgreSQL's shared memory, as its manual advises: else each of its processes has to find every page of it for itself. Linux gives them
/// to root alone, if it has that much in one piece; they are given back in the end.
/// </summary>
internal sealed class HugePages : IDisposable
{
    private const string Setting = "/proc/sys/vm/nr_hugepages";

    // For the 2 GB that the private server takes at most (PostgresSettings), and what it has beside them.
    private const int Needed = 1200;

    private readonly int before;

    private HugePages(int before, int now) => (this.before, Are) = (before, now >= before + Needed);

    /// <summary>Whether the server started from here on has them.</summary>
    public bool Are { get; }

    public static HugePages Reserve()
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess || !File.Exists(Setting))
        {
            return new HugePages(0, 0);
        }

        var before = Read();
        File.WriteAllText(Setting, (before + Needed).ToString(CultureInfo.InvariantCulture));
        return new HugePages(before, Read());

        static int Read() => int.Parse(File.ReadAllText(Setting), CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        if (Are)
        {
            File.WriteAllText(Setting, before.ToString(CultureInfo.InvariantCulture));
        }
    }
}
