using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Segmentation.Benchmarks;

/// <summary>The measured part of docs/benchmarks.md. What is written around it by hand stays.</summary>
internal static class Report
{
    private const string Begin = "<!-- measured by ./bench: from here";
    private const string FiguresFile = "figures.json";
    private const string End = "<!-- measured by ./bench: to here -->";

    /// <summary>Puts the sections into the report; one that was not run now stays as it was measured before.</summary>
    public static void Write(
        World world, string version, IReadOnlyDictionary<string, string> measured, IEnumerable<(string Name, string Title)> sections)
    {
        var report = world.Options.Report!;
        var old = File.Exists(report) ? File.ReadAllText(report) : $"# Benchmarks\n\n{Begin} -->\n{End}\n";
        var (from, to) = (old.IndexOf(Begin, StringComparison.Ordinal), old.IndexOf(End, StringComparison.Ordinal));
        if (from < 0 || to < from)
        {
            throw new InvalidOperationException($"{report} has lost the two comments that enclose what is measured.");
        }

        var head = $"*{DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC, {Machine()}, load average {Load()} at the end; {version}; "
            + $"{Text.Number(world.Options.Customers)} customers, {Text.Number(world.Options.Events)} events.*";
        var body = new StringBuilder($"{Begin} -->\n");
        foreach (var (name, title) in sections)
        {
            var text = measured.TryGetValue(name, out var now)
                ? $"{head}\n\n{now.Trim()}\n"
                : Find(old[from..to], title) ?? "Not measured.\n";
            body.Append(CultureInfo.InvariantCulture, $"\n## {title}\n\n{text}");
        }

        body.Append($"\n{End}");
        File.WriteAllText(report, old[..from] + body + old[(to + End.Length)..]);
    }

    // What is below a heading.
    private static string? Find(string text, string title)
    {
        var heading = $"\n## {title}\n\n";
        var at = text.IndexOf(heading, StringComparison.Ordinal);
        if (at < 0)
        {
            return null;
        }

        var rest = text[(at + heading.Length)..];
        var next = rest.IndexOf("\n## ", StringComparison.Ordinal);
        return next < 0 ? $"{rest.TrimEnd()}\n" : rest[..next];
    }

    /// <summary>Saves figures beside the data, for a larger size to be compared with.</summary>
    public static void SaveFigures(World world)
    {
        var file = Path.Combine(Directory.CreateDirectory(Path.Combine(world.Options.Data, "measured")).FullName, FiguresFile);
        var figures = Read(file) is { } before && before.Segments == world.Options.Segments ? before.Values : [];
        foreach (var (name, value) in world.Figures)
        {
            figures[name] = value;
        }

        File.WriteAllText(
            file, JsonSerializer.Serialize(new Figures(world.Options.Customers, world.Options.Events, world.Options.Segments, figures)));
    }

    /// <summary>What was measured of a tenth of the customers and events, if anything.</summary>
    public static IReadOnlyDictionary<string, double> Smaller(Options options)
    {
        var folders = Directory.GetParent(Path.TrimEndingDirectorySeparator(options.Data)) is { Exists: true } parent
            ? parent.GetDirectories()
            : [];
        return folders.Select(f => Read(Path.Combine(f.FullName, "measured", FiguresFile)))
            .FirstOrDefault(f => f is not null && f.Customers == options.Customers / 10 && f.Events == options.Events / 10
                && f.Segments == options.Segments)?.Values
            ?? [];
    }

    private static Figures? Read(string file)
    {
        try
        {
            return JsonSerializer.Deserialize<Figures>(File.ReadAllText(file));
        }
        catch (Exception missing) when (missing is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    private sealed record Figures(int Customers, long Events, int Segments, Dictionary<string, double> Values);

    private static string Machine()
    {
        var gigabytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024.0 * 1024 * 1024);
        var model = File.Exists("/proc/cpuinfo")
            ? File.ReadLines("/proc/cpuinfo")
                .FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[^1].Trim()
            : null;
        return $"{Environment.ProcessorCount} cores ({model ?? "unknown"}), {gigabytes.ToString("0", CultureInfo.InvariantCulture)} GB";
    }

    private static string Load() => File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[1] : "unknown";
}
