using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Segmentation.Local;

/// <summary>
/// The folder of a private server: <c>lock</c> (held by the API that uses it), <c>cluster</c> (PostgreSQL's data and <c>server.log</c>),
/// <c>run</c> (the socket; only its owner may enter), and on Windows <c>password</c>.
/// </summary>
internal sealed class PostgresFolder : IDisposable
{
    // sun_path holds 108 bytes on Linux and 104 on macOS, with the terminating zero.
    private const int SocketPathLimit = 103;

    private readonly PostgresAccount account;
    private readonly FileStream folderLock;
    private string? temporarySocketDirectory;

    private PostgresFolder(string path, PostgresAccount account)
    {
        (FullName, this.account) = (path, account);
        folderLock = Lock(path);
    }

    /// <summary>Its full path.</summary>
    public string FullName { get; }

    /// <summary>PostgreSQL's data folder.</summary>
    public string Cluster => ClusterIn(FullName);

    /// <summary>The server's log.</summary>
    public string ServerLog => Path.Combine(Cluster, "server.log");

    /// <summary>The password of the database's only user, on Windows.</summary>
    public string PasswordFile => Path.Combine(FullName, "password");

    /// <summary>PostgreSQL's data folder in a folder that is not open.</summary>
    public static string ClusterIn(string folder) => Path.Combine(folder, "cluster");

    /// <summary>The major version that made the data, or null where there is none.</summary>
    public static int? DataVersion(string folder)
    {
        var file = Path.Combine(ClusterIn(folder), "PG_VERSION");
        return File.Exists(file) ? int.Parse(File.ReadAllText(file).Trim(), CultureInfo.InvariantCulture) : null;
    }

    /// <summary>Makes the folder if need be, and locks it until it is disposed of.</summary>
    /// <exception cref="EmbeddedPostgresException">Another API has it, or the server's user may not enter it.</exception>
    public static async Task<PostgresFolder> OpenAsync(string path, PostgresAccount account, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(path);
        if (!OperatingSystem.IsWindows())
        {
            // Only this folder is ours to open or close. Root's server is another user, who has to pass through it.
            const UnixFileMode own = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
            File.SetUnixFileMode(path, account.Name is null ? own : own | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        }

        if (!await account.CanEnterAsync(path, cancellationToken))
        {
            throw new EmbeddedPostgresException(
                $"{path} lies in a folder that the user {account.Name}, who runs PostgreSQL for root, may not enter. "
                + "Set Embedded:DataDirectory to one that it may, such as /var/lib/segmentation.");
        }

        if (Directory.Exists(ClusterIn(path)))
        {
            // A copy made by root, say; without effect on data that the user owns already.
            await account.OwnAsync(ClusterIn(path), cancellationToken);
        }

        return new PostgresFolder(path, account);
    }

    /// <summary>Makes an empty folder for a new cluster, and removes what interrupted attempts have left.</summary>
    public async Task<string> CreateUnfinishedClusterAsync(CancellationToken cancellationToken)
    {
        foreach (var leftover in Directory.GetDirectories(FullName, "cluster.new*"))
        {
            Directory.Delete(leftover, recursive: true);
        }

        var unfinished = Path.Combine(FullName, "cluster.new-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4)));
        await CreatePrivateDirectoryAsync(unfinished, cancellationToken);
        return unfinished;
    }

    /// <summary>Makes an empty folder for the server's socket, in a place whose name is short and plain enough.</summary>
    public async Task<string> CreateSocketDirectoryAsync(CancellationToken cancellationToken)
    {
        var directory = Path.Combine(FullName, "run");
        if (Encoding.UTF8.GetByteCount(directory) + "/.s.PGSQL.5432".Length > SocketPathLimit
            || directory.Contains(',', StringComparison.Ordinal))
        {
            // Or with a comma in it, which in PostgreSQL's setting and in a host's name begins another.
            // A name that nobody can guess, since others can make files in /tmp.
            temporarySocketDirectory = "/tmp/segmentation-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
            directory = temporarySocketDirectory;
        }
        else if (Directory.Exists(directory))
        {
            // The socket's lock file is as stale as postmaster.pid may be.
            Directory.Delete(directory, recursive: true);
        }

        await CreatePrivateDirectoryAsync(directory, cancellationToken);
        return directory;
    }

    /// <summary>Removes a socket's folder outside this one; the server must have stopped.</summary>
    public void DeleteTemporarySocketDirectory()
    {
        if (temporarySocketDirectory is not null && Directory.Exists(temporarySocketDirectory))
        {
            Directory.Delete(temporarySocketDirectory, recursive: true);
        }
    }

    /// <summary>Frees the folder for others.</summary>
    public void Dispose() => folderLock.Dispose();

    private async Task CreatePrivateDirectoryAsync(string path, CancellationToken cancellationToken)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
            return;
        }

        Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await account.OwnAsync(path, cancellationToken);
    }

    // The operating system frees the lock with the process, however it ends.
    private static FileStream Lock(string path)
    {
        try
        {
            return new FileStream(
                Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new EmbeddedPostgresException(
                $"Another Segmentation API is using the database in {path}. "
                + "Stop it, or give this one a folder of its own with Embedded:DataDirectory.",
                e);
        }
    }
}
