using System.Globalization;
using System.Text.RegularExpressions;
using Segmentation.Api;

namespace Segmentation.Local;

/// <summary>PostgreSQL's server programs in one folder of this machine.</summary>
/// <param name="Directory">The folder that holds <c>initdb</c>, <c>pg_ctl</c> and <c>postgres</c>.</param>
/// <param name="Major">The major version, such as 17.</param>
internal sealed partial record PostgresBinaries(string Directory, int Major)
{
    /// <summary>The full path of one of the programs.</summary>
    public string Tool(string name) => ToolPath(Directory, name);

    /// <summary>
    /// Finds the programs: in the folder given, else on PATH and where packages and installers put them, highest version first.
    /// </summary>
    /// <param name="binDirectory">The only folder to look in, or null.</param>
    /// <param name="dataMajor">The major version that made the existing data, or null: PostgreSQL reads no other version's data.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <exception cref="EmbeddedPostgresException">There are none that fit.</exception>
    public static async Task<PostgresBinaries> FindAsync(string? binDirectory, int? dataMajor, CancellationToken cancellationToken)
    {
        var found = new List<PostgresBinaries>();
        foreach (var directory in Candidates(binDirectory))
        {
            var (exitCode, output) = await Tools.RunAsync([ToolPath(directory, "postgres"), "--version"], directory, cancellationToken);
            if (exitCode == 0 && VersionPattern().Match(output) is { Success: true } match)
            {
                found.Add(new PostgresBinaries(directory, int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)));
            }
        }

        return found.FirstOrDefault(b => dataMajor is { } major ? b.Major == major : b.Major >= GivenDatabase.MinimumMajor)
            ?? throw Missing(binDirectory, dataMajor, found);
    }

    private static IEnumerable<string> Candidates(string? binDirectory)
    {
        string[] directories = string.IsNullOrWhiteSpace(binDirectory)
            ? [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator), .. InstalledDirectories()]
            : [Path.GetFullPath(binDirectory)];
        return directories
            .Where(d => Path.IsPathFullyQualified(d) && Array.TrueForAll(["initdb", "pg_ctl", "postgres"], t => IsProgram(ToolPath(d, t))))
            .Distinct();
    }

    // File.Exists is content with a link to nothing, which an uninstalled package may leave.
    private static bool IsProgram(string path) =>
        File.Exists(path) && (File.ResolveLinkTarget(path, returnFinalTarget: true)?.Exists ?? true);

    private static IEnumerable<string> InstalledDirectories() =>
        new[]
        {
            Children("/usr/lib/postgresql", "*"),
            Children("/opt/homebrew/opt", "postgresql*"),
            Children("/usr/local/opt", "postgresql*"),
            Children(Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "PostgreSQL"), "*"),
        }
        .SelectMany(installed => installed.OrderByDescending(VersionInName).ThenBy(d => d, StringComparer.Ordinal))
        .Select(d => Path.Combine(d, "bin"));

    private static string[] Children(string parent, string pattern) =>
        System.IO.Directory.Exists(parent) ? System.IO.Directory.GetDirectories(parent, pattern) : [];

    private static int VersionInName(string directory) =>
        int.TryParse(Path.GetFileName(directory).Split('@')[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var major)
            ? major
            : 0;

    private static string ToolPath(string directory, string name) =>
        Path.Combine(directory, OperatingSystem.IsWindows() ? name + ".exe" : name);

    private static EmbeddedPostgresException Missing(string? binDirectory, int? dataMajor, List<PostgresBinaries> found)
    {
        var wanted = dataMajor is { } major
            ? $"PostgreSQL {major}, which made the existing data,"
            : $"PostgreSQL {GivenDatabase.MinimumMajor} or newer";
        var where = string.IsNullOrWhiteSpace(binDirectory) ? "on this machine" : $"in {binDirectory} (Embedded:BinDirectory)";
        var instead = found.Count == 0 ? "" : $" Found instead: {string.Join(", ", found.Select(b => $"{b.Major} in {b.Directory}"))}.";
        return new EmbeddedPostgresException(
            $"{wanted} was not found {where}.{instead} Install the PostgreSQL server (apt-get install postgresql, brew install "
            + "postgresql@17) or name its folder in Embedded:BinDirectory; or use docker compose up --build, which brings a database; or "
            + "name one of yours in ConnectionStrings__Segmentation.");
    }

    [GeneratedRegex(@"\(PostgreSQL\) (\d+)")]
    private static partial Regex VersionPattern();
}
