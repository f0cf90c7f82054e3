using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;

namespace Segmentation.Api;

/// <summary>What a program that starts the service takes and adds: the API by itself, or <c>./run</c>.</summary>
internal sealed partial record ProgramParts
{
    public const string Help = "--help";
    public const string Version = "--version";
    public const string Migrate = "--migrate";
    public const string CreateDatabase = "--create-database";
    public const string CreateKey = "--create-key";
    public const string KeyScopes = "--scopes";
    public const string PruneAudit = "--prune-audit";
    public const string ReapplyErasures = "--reapply-erasures";

    private const int Column = 34;

    /// <summary>How the program is called.</summary>
    public string Command { get; init; } = "dotnet Segmentation.Api.dll";

    /// <summary>Its switches.</summary>
    public IReadOnlyList<Switch> Switches { get; init; } =
    [
        new(Migrate, "applies the database's migrations, and ends"),
        new(CreateDatabase, "creates the database of the connection string where there is none"),
        new(CreateKey, "makes an API key, shows it once, and ends", "NAME"),
        new(KeyScopes, "what that key may do: scopes with commas between, or all", "LIST"),
        new(PruneAudit, "drops months of the audit log that are older than it is kept, and ends"),
        new(ReapplyErasures, "erases again whom a restored backup brought back, and ends"),
        new(Version, "says which version this is"),
        new(Help, "says this"),
    ];

    /// <summary>Its settings.</summary>
    public IReadOnlyList<Setting> Settings { get; init; } = ApiSettings.All;

    /// <summary>
    /// Starts a database where none is given, and says how to connect to it as the service and as its owner; null where one has to be.
    /// </summary>
    public Func<IConfiguration, Action<string>, ILogger, CancellationToken, Task<(string ConnectionString, string OwnerConnectionString,
        IAsyncDisposable Server)>>?
        StartDatabase
    { get; init; }

    /// <summary>The switch that has <see cref="LoadAsync"/> run; null where there is nothing to load.</summary>
    public string? LoadSwitch { get; init; }

    /// <summary>Fills the migrated database before the first request, and says how far it is.</summary>
    public Func<IServiceProvider, Action<string>, CancellationToken, Task>? LoadAsync { get; init; }

    /// <summary>The version's line.</summary>
    public static string VersionText =>
        $"Segmentation {typeof(ProgramParts).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
            .InformationalVersion.Split('+')[0]} (.NET {Environment.Version})";

    /// <summary>What <c>--help</c> says.</summary>
    public string HelpText()
    {
        var text = new StringBuilder()
            .Append(VersionText).Append(": an API that stores customers and events, and says who is in which segment.\n\n")
            .Append($"{Command} [SWITCH ...] [--SETTING=VALUE ...]\n\n");
        foreach (var (name, about, value) in Switches)
        {
            Append(text, $"{name} {value}".TrimEnd(), about);
        }

        text.Append("\nSettings, as --Database:WorkMem=128MB, as environment variables (Database__WorkMem),\n"
            + "or in src/Segmentation.Api/appsettings.json; README.md says more of each:\n\n");
        foreach (var setting in Settings)
        {
            Append(text, setting.Title, $"{Sentence(setting.About)} [{Plain(setting.Default)}]");
        }

        return text.ToString();
    }

    private static void Append(StringBuilder text, string name, string about) =>
        text.Append($"  {name.PadRight(Column)} {about}\n");

    private static string Sentence(string about) => Plain(about.Split(". ")[0].Split(": `")[0].TrimEnd('.'));

    // Without Markdown's marks and links.
    private static string Plain(string text) => Link().Replace(text.Replace("`", "", StringComparison.Ordinal), "$1");

    [GeneratedRegex(@"\[([^\]]+)\]\([^)]*\)")]
    private static partial Regex Link();
}
