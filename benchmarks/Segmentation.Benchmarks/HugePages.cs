using System.Globalization;
using Segmentation.Local;

namespace Segmentation.Benchmarks;

/// <summary>
/// Huge pages for PostgreSQL's shared memory, as its manual advises: else each of its processes has to map every page of it for itself.
/// Linux gives them to root alone, if it has that much in one piece; they are given back in the end.
/// </summary>
internal sealed class HugePages : IDisposable
{
    private const string Setting = "/proc/sys/vm/nr_hugepages";
    private const string Compaction = "/proc/sys/vm/compact_memory";
    private const int Tries = 10;

    // A huge page is 2 MB.
    private static readonly int needed = (int)(PostgresSettings.MostHugePages / 2) + 1;

    private readonly int? before;

    private HugePages(int? before) => this.before = before;

    /// <summary>Whether the server started from here on has them.</summary>
    public bool Reserved => before is not null;

    public static HugePages Reserve()
    {
        try
        {
            // Memory is fragmented; each try has the kernel compact some more of it.
            var before = Read();
            for (var i = 0; i < Tries; i++)
            {
                Write(Setting, before + needed);
                if (Read() >= before + needed)
                {
                    return new HugePages(before);
                }

                Write(Compaction, 1);
            }

            // A part of them is of no use.
            Write(Setting, before);
            World.Log($"PostgreSQL goes without huge pages: {needed} of them were not to be had.");
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
            Write(Setting, pages);
        }
    }

    private static int Read() => int.Parse(File.ReadAllText(Setting), CultureInfo.InvariantCulture);

    private static void Write(string file, int number) => File.WriteAllText(file, number.ToString(CultureInfo.InvariantCulture));
}
