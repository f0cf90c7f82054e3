namespace Segmentation.Local;

/// <summary>The operating system's user that the server runs as: this process's own, or an unprivileged one when it is root's.</summary>
/// <param name="Name">The user to switch to, or null for this process's own.</param>
/// <param name="Prefix">What to put before a command to run it as that user.</param>
internal sealed record PostgresAccount(string? Name, IReadOnlyList<string> Prefix)
{
    /// <summary>True for root on Unix, whom PostgreSQL refuses.</summary>
    public static bool RunsAsRoot { get; } = !OperatingSystem.IsWindows() && Environment.IsPrivilegedProcess;

    /// <summary>
    /// Chooses the user: the owner of the existing data, else <c>postgres</c>, else <c>nobody</c>; and the program to switch to it.
    /// </summary>
    /// <param name="cluster">The server's data folder, which need not exist.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <exception cref="EmbeddedPostgresException">This process is root's and there is no other user to be.</exception>
    public static async Task<PostgresAccount> ChooseAsync(string cluster, CancellationToken cancellationToken)
    {
        if (!RunsAsRoot)
        {
            return new PostgresAccount(null, []);
        }

        string[] names = await OwnerAsync(cluster, cancellationToken) is { } owner and not "root" ? [owner] : ["postgres", "nobody"];
        foreach (var name in names)
        {
            foreach (var prefix in Switches(name).Where(p => OnPath(p[0])))
            {
                // Tried, not assumed: BusyBox has a setpriv that can't change users, and a container may lack the right to.
                var (exitCode, _) = await Tools.RunAsync([.. prefix, "true"], "/", cancellationToken);
                if (exitCode == 0)
                {
                    return new PostgresAccount(name, prefix);
                }
            }
        }

        throw new EmbeddedPostgresException(
            $"PostgreSQL refuses to run as root, and no way to run it as {string.Join(" or ", names)} was found (setpriv, runuser, su). "
            + "Start the API as an ordinary user, or set ConnectionStrings__Segmentation to a database that you have.");
    }

    /// <summary>Hands a file or a folder with all in it to the user.</summary>
    public async Task OwnAsync(string path, CancellationToken cancellationToken)
    {
        if (Name is not null)
        {
            var (exitCode, output) = await Tools.RunAsync(["chown", "-R", Name + ":", path], "/", cancellationToken);
            if (exitCode != 0)
            {
                throw new EmbeddedPostgresException($"{path} can't be given to the user {Name}, who runs PostgreSQL: {output.Trim()}");
            }
        }
    }

    /// <summary>True when the user may enter the folder.</summary>
    public async Task<bool> CanEnterAsync(string folder, CancellationToken cancellationToken) =>
        Name is null || (await Tools.RunAsync([.. Prefix, "test", "-x", folder], "/", cancellationToken)).ExitCode == 0;

    private static IEnumerable<string[]> Switches(string name) =>
    [
        ["setpriv", "--reuid", name, "--regid", name, "--init-groups", "--"],
        ["runuser", "-u", name, "--"],
        ["su", "-s", "/bin/sh", name, "-c", "exec \"$0\" \"$@\"", "--"],
        ["sudo", "-n", "-u", name, "--"],
    ];

    private static bool OnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(d => d.Length > 0 && File.Exists(Path.Combine(d, program)));

    // .NET has no call for a file's owner; ls has had one column for it since 1971.
    private static async Task<string?> OwnerAsync(string path, CancellationToken cancellationToken)
    {
        if (!Directory.Exists(path))
        {
            return null;
        }

        var (_, output) = await Tools.RunAsync(["ls", "-ld", path], "/", cancellationToken);
        return output.Split(' ', StringSplitOptions.RemoveEmptyEntries).ElementAtOrDefault(2);
    }
}
