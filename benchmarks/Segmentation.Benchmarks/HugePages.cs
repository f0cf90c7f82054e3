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

    private readonly int? before;

    private HugePages(int? before) => this.before = before;

    /// <summary>Whether the server started from here on has them.</summary>
    public bool Are => before is not null;

    public static HugePages Reserve()
    {
        try
        {
            var before = Read();
            Write(before + Needed);
            if (Read() >= before + Needed)
            {
                return new HugePages(before);
            }

            // In part they are of no use.
            Write(before);
        }
        catch (Exception none) when (none is IOException or UnauthorizedAccessException)
        {
            World.Log("PostgreSQL goes without huge pages: only root on Linux may reserve them.");
        }

        return new HugePages(null);
    }

    public void Dispose()
    {
        if (before is { } pages)
        {
            Write(pages);
        }
    }

    private static int Read() => int.Parse(File.ReadAllText(Setting), CultureInfo.InvariantCulture);

    private static void Write(int pages) => File.WriteAllText(Setting, pages.ToString(CultureInfo.InvariantCulture));
}
