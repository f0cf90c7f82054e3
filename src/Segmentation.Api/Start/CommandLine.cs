using Segmentation.Rules.Checking;

namespace Segmentation.Api;

/// <summary>A word of the command line that is no setting.</summary>
/// <param name="Name">With its two dashes.</param>
/// <param name="About">What it does, for <c>--help</c>.</param>
/// <param name="Value">What its value is, in a word; null for one without a value.</param>
internal sealed record Switch(string Name, string About, string? Value = null);

/// <summary>
/// The command line, taken to its last word or not at all. (Configuration's own reader would take <c>--smaple --urls x</c> for a setting
/// smaple, and never tell.)
/// </summary>
internal sealed class CommandLine
{
    // The host's own, and sections of its parts, which check what is below them.
    private static readonly string[] HostSettings =
    [
        "environment", "contentRoot", "applicationName", "webRoot", "http_ports", "https_ports", "detailedErrors", "shutdownTimeoutSeconds",
        "preventHostingStartup", "hostingStartupAssemblies", "startupAssembly", "captureStartupErrors",
        "suppressStatusMessages", "preferHostingUrls", "server",
    ];
    private static readonly string[] HostSections = ["Serilog", "Kestrel"];
    private static readonly string[] HelpWords = ["-h", "-?", "/?", "/h"];

    private readonly Dictionary<string, string?> switches = [];
    private readonly List<string> settings = [];

    /// <summary>The settings, each as one word that configuration reads: <c>--Name=value</c>.</summary>
    public string[] Settings => [.. settings];

    /// <summary>Whether a switch was given.</summary>
    public bool Has(string name) => switches.ContainsKey(name);

    /// <summary>What a switch was given; null where it was not there.</summary>
    public string? Value(string name) => switches.GetValueOrDefault(name);

    /// <summary>Reads the words.</summary>
    /// <param name="words">The command line.</param>
    /// <param name="start">What this program takes.</param>
    /// <exception cref="StartupException">A word is neither a switch nor a setting, or has no value, or one too many.</exception>
    public static CommandLine Read(IReadOnlyList<string> words, ProgramParts start)
    {
        var line = new CommandLine();
        for (var i = 0; i < words.Count; i++)
        {
            if (HelpWords.Contains(words[i]))
            {
                line.switches[ProgramParts.Help] = null;
                continue;
            }

            var (name, value) = words[i].IndexOf('=', StringComparison.Ordinal) is > 0 and var end
                ? (words[i][..end], words[i][(end + 1)..])
                : (words[i], null);
            if (!name.StartsWith("--", StringComparison.Ordinal))
            {
                throw new StartupException(Stray(words[i], name.TrimStart('-', '/'), start));
            }

            if (start.Switches.FirstOrDefault(s => s.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) is { } known)
            {
                line.switches[known.Name] = known.Value is null
                    ? value is null ? null : throw new StartupException($"{known.Name} takes no value.")
                    : value ?? NextValue(words, ref i)
                        ?? throw new StartupException($"{known.Name} needs a value: {known.Name} {known.Value}");
                continue;
            }

            if (value is "" && start.Settings.Any(s => s.IsIn(name[2..])))
            {
                continue; // A section without anything, as a host that hands on a whole configuration says it.
            }

            if (!IsSetting(name[2..], start))
            {
                throw new StartupException(Unknown(name, start));
            }

            value ??= NextValue(words, ref i) ?? throw new StartupException($"{name} needs a value: {name}=VALUE.");
            line.settings.Add($"{name}={value}");
        }

        return line;
    }

    private static string? NextValue(IReadOnlyList<string> words, ref int i) =>
        i + 1 < words.Count && !words[i + 1].StartsWith("--", StringComparison.Ordinal) ? words[++i] : null;

    private static bool IsSetting(string name, ProgramParts start) =>
        start.Settings.Any(s => s.Includes(name))
        || HostSettings.Contains(name, StringComparer.OrdinalIgnoreCase)
        || HostSections.Any(s => name.StartsWith(s + ":", StringComparison.OrdinalIgnoreCase));

    private static string Unknown(string name, ProgramParts start)
    {
        var names = start.Switches.Select(s => s.Name).Concat(start.Settings.Select(s => "--" + s.Title)).Concat(
            HostSettings.Select(s => "--" + s));
        var kind = name.Contains(':', StringComparison.Ordinal) ? "setting" : "switch";
        var nearest = NearestName.Find(name, names) is { } near ? $" Did you mean {near}?" : "";
        return $"{name} is not a {kind}.{nearest} {start.Command} --help lists all.";
    }

    private static string Stray(string word, string name, ProgramParts start)
    {
        var known = start.Switches.Any(s => s.Name == "--" + name) || IsSetting(name, start);

        // It may be a connection string, or a part of one: then it is not said again.
        var shown = known ? ErrorText.Quote(name) : word.IndexOfAny(['=', '@', ';']) < 0 ? ErrorText.Quote(word) : "One word";
        var nearest = known ? $" Did you mean --{name}?"
            : word.Contains("://", StringComparison.Ordinal) ? $" A database is named by --{ApiSettings.Connection}=URL."
            : "";
        return $"{shown} does not belong here: switches and settings begin with two dashes.{nearest} {start.Command} --help lists all.";
    }
}
