using Segmentation.Api;

namespace Segmentation.Local;

/// <summary>Where the private PostgreSQL lives: the configuration section <c>Embedded</c>.</summary>
internal sealed record EmbeddedOptions
{
    /// <summary>The configuration section's name.</summary>
    public const string Section = "Embedded";

    /// <summary>Its settings, for <c>--help</c>, the README and the check at the start.</summary>
    public static IReadOnlyList<Setting> Table { get; } =
    [
        new($"{Section}:{nameof(DataDirectory)}", "`~/.local/share/segmentation`; for root `/var/lib/segmentation`", "Where the private "
            + "PostgreSQL keeps its data. Delete the folder to start afresh.",
            v => string.IsNullOrWhiteSpace(v) ? "a folder" : null),
        new($"{Section}:{nameof(BinDirectory)}", "searched for", "Where `initdb`, `pg_ctl` and `postgres` are.", SettingChecks.Text),
        new($"{Section}:{nameof(Settings)}", "none", "A setting of the private PostgreSQL. `Embedded:Settings:shared_buffers=1GB`, say.",
            SettingChecks.Text) { IsOpen = true },
    ];

    /// <summary>
    /// The folder that holds the database. The default is <c>segmentation</c> in the user's data folder (on Linux
    /// <c>~/.local/share</c>), and <c>/var/lib/segmentation</c> for root on Unix.
    /// </summary>
    public string DataDirectory { get; init; } = DefaultDataDirectory();

    /// <summary>The folder of <c>initdb</c>, <c>pg_ctl</c> and <c>postgres</c>. When set, no other place is searched.</summary>
    public string? BinDirectory { get; init; }

    /// <summary>PostgreSQL settings that add to or override the built-in ones, by name.</summary>
    public Dictionary<string, string> Settings { get; init; } = [];

    // Root's PostgreSQL runs as another user, who can't enter root's home (0700 on most systems): loosening it is not ours to do.
    private static string DefaultDataDirectory() => PostgresAccount.RunsAsRoot
        ? "/var/lib/segmentation"
        : Path.Combine(
            Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
            "segmentation");
}
