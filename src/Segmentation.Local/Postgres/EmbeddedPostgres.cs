using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace Segmentation.Api.Embedded;

/// <summary>
/// A private PostgreSQL server for a first run: made, started and stopped with the API, from the machine's own server programs.
/// </summary>
/// <remarks>
/// <para>The folder: <c>lock</c> (held by the API that uses it), <c>cluster</c> (PostgreSQL's data and <c>server.log</c>),
/// <c>run</c> (the socket; only its owner may enter), and on Windows <c>password</c>.</para>
/// <para>The server has a session of its own (pg_ctl sees to it), so a terminal's Ctrl-C reaches only the API. An API that is killed
/// leaves it running; the next one on the same folder stops it and starts it again, so that a run always has its own settings and none of
/// the dead one's queries.</para>
/// </remarks>
internal sealed partial class EmbeddedPostgres : IAsyncDisposable
{
    private const string Name = "segmentation";

    // sun_path holds 108 bytes on Linux and 104 on macOS, with the terminating zero.
    private const int SocketPathLimit = 103;

    private readonly ILogger logger;
    private readonly FileStream folderLock;
    private readonly string folder;
    private readonly PostgresBinaries binaries;
    private readonly PostgresAccount account;
    private string? temporarySocketDirectory;
    private bool disposed;

    private EmbeddedPostgres(ILogger logger, FileStream folderLock, string folder, PostgresBinaries binaries, PostgresAccount account)
    {
        this.logger = logger;
        this.folderLock = folderLock;
        this.folder = folder;
        this.binaries = binaries;
        this.account = account;
    }

    /// <summary>How to connect to the database <c>segmentation</c>.</summary>
    public string ConnectionString { get; private set; } = "";

    /// <summary>The server's process id, or null when it isn't running.</summary>
    public int? ProcessId => RunningServer(Cluster);

    private string Cluster => ClusterOf(folder);

    private string ServerLog => Path.Combine(Cluster, "server.log");

    private string PasswordFile => Path.Combine(folder, "password");

    /// <summary>Starts the server on its folder, making both when they are not there.</summary>
    /// <param name="options">Where the data and the programs are.</param>
    /// <param name="logger">Told of start and stop.</param>
    /// <param name="cancellationToken">Gives the start up; what is half made is thrown away by the next one.</param>
    /// <exception cref="EmbeddedPostgresException">It can't be started; the message says why and what to do.</exception>
    public static async Task<EmbeddedPostgres> StartAsync(EmbeddedOptions options, ILogger logger, CancellationToken cancellationToken)
    {
        var folder = Path.GetFullPath(options.DataDirectory);
        try
        {
            var binaries = await PostgresBinaries.FindAsync(options.BinDirectory, DataVersion(ClusterOf(folder)), cancellationToken);
            var account = await PostgresAccount.ForAsync(ClusterOf(folder), cancellationToken);
            await MakeFolderAsync(folder, account, cancellationToken);
            var server = new EmbeddedPostgres(logger, Lock(folder), folder, binaries, account);
            try
            {
                await server.StartAsync(options.Settings, cancellationToken);
                return server;
            }
            catch
            {
                await server.DisposeAsync();
                throw;
            }
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw new EmbeddedPostgresException($"The database's folder {folder} can't be used: {e.Message}", e);
        }
    }

    /// <summary>Stops the server (its clients are cut off, what they committed is kept) and frees the folder.</summary>
    public async ValueTask DisposeAsync()
    {
        // By a second call the folder may be another API's.
        if (disposed)
        {
            return;
        }

        disposed = true;
        // The lock goes last, whatever happens: until then nobody else may use the folder.
        await using var held = folderLock;
        await StopAsync();
        if (temporarySocketDirectory is not null && Directory.Exists(temporarySocketDirectory))
        {
            Directory.Delete(temporarySocketDirectory, recursive: true);
        }
    }

    /// <summary>For tests: frees the folder and leaves the server running, as the death of this process would.</summary>
    internal void Abandon()
    {
        disposed = true;
        folderLock.Dispose();
    }

    private async Task StartAsync(Dictionary<string, string> settings, CancellationToken cancellationToken)
    {
        if (ProcessId is { } orphan)
        {
            OrphanFound(logger, orphan, folder);
            await StopAsync();
        }

        if (!Directory.Exists(Cluster))
        {
            await InitializeAsync(settings, cancellationToken);
        }

        // Left by a server that was killed. PostgreSQL refuses to start when by now another process has the number in it.
        File.Delete(Path.Combine(Cluster, "postmaster.pid"));

        var socketDirectory = OperatingSystem.IsWindows() ? null : await MakeSocketDirectoryAsync(cancellationToken);
        var port = socketDirectory is null ? FreePort() : 5432;
        var configuration = Path.Combine(Cluster, "postgresql.conf");
        await File.WriteAllTextAsync(configuration, PostgresSettings.Write(socketDirectory, port, settings), cancellationToken);
        if (File.Exists(ServerLog))
        {
            File.Move(ServerLog, ServerLog + ".1", overwrite: true);
        }

        await LaunchAsync(cancellationToken);

        var builder = new NpgsqlConnectionStringBuilder
        {
            Host = socketDirectory ?? "127.0.0.1",
            Port = port,
            Username = Name,
            Password = OperatingSystem.IsWindows() ? await File.ReadAllTextAsync(PasswordFile, cancellationToken) : null,
            Database = Name,
        };
        await CreateDatabaseAsync(builder, cancellationToken);
        ConnectionString = builder.ConnectionString;
        Started(logger, binaries.Major, folder);
    }

    // Into a folder of another name: a half-made cluster (a kill, a full disk) is never taken for a whole one.
    private async Task InitializeAsync(Dictionary<string, string> settings, CancellationToken cancellationToken)
    {
        foreach (var leftover in Directory.GetDirectories(folder, "cluster.new*"))
        {
            Directory.Delete(leftover, recursive: true);
        }

        Initializing(logger, binaries.Major, folder);
        var unfinished = Path.Combine(folder, "cluster.new-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4)));
        await MakePrivateFolderAsync(unfinished, cancellationToken);
        List<string> command =
        [
            .. account.Prefix, binaries.Tool("initdb"), "-D", unfinished, "-U", Name, "-E", "UTF8", "--locale=C", "--no-instructions",
        ];
        if (OperatingSystem.IsWindows())
        {
            // Any user of the machine can reach a port: there a password stands in for the socket folder's permissions.
            await File.WriteAllTextAsync(PasswordFile, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24)), cancellationToken);
            command.AddRange(["--auth=scram-sha-256", "--pwfile=" + PasswordFile]);
        }
        else
        {
            command.AddRange(["--auth-local=trust", "--auth-host=reject"]);
        }

        if (settings.GetValueOrDefault("fsync") == "off")
        {
            command.Add("--no-sync");
        }

        var (exitCode, output) = await Tools.RunAsync(command, folder, cancellationToken);
        if (exitCode != 0)
        {
            throw new EmbeddedPostgresException($"PostgreSQL's initdb failed in {folder}:\n{output.Trim()}");
        }

        Directory.Move(unfinished, Cluster);
    }

    private async Task LaunchAsync(CancellationToken cancellationToken)
    {
        List<string> command =
        [
            .. account.Prefix, binaries.Tool("pg_ctl"), "-D", Cluster, "-l", ServerLog, "-s", "-w", "-t", "600", "start",
        ];
        for (var attempt = 1; ; attempt++)
        {
            // Not cancelled half way: a recovery that is cut off has to start from its beginning next time. On Windows the server
            // keeps pg_ctl's pipes open.
            var (exitCode, _) = await Tools.RunAsync(command, folder, CancellationToken.None, capture: !OperatingSystem.IsWindows());
            cancellationToken.ThrowIfCancellationRequested();
            if (exitCode == 0)
            {
                return;
            }

            var log = File.Exists(ServerLog) ? await File.ReadAllLinesAsync(ServerLog, cancellationToken) : [];
            // The processes of a server that was killed need a moment to see it.
            if (attempt == 10 || !log.TakeLast(10).Any(l => l.Contains("shared memory block", StringComparison.Ordinal)))
            {
                throw new EmbeddedPostgresException(
                    $"PostgreSQL did not start on {folder}. The end of its log, {ServerLog}:\n{string.Join('\n', log.TakeLast(10))}");
            }

            await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
        }
    }

    private async Task StopAsync()
    {
        if (ProcessId is null)
        {
            return;
        }

        List<string> command = [.. account.Prefix, binaries.Tool("pg_ctl"), "-D", Cluster, "-s", "-w", "-t", "120", "-m", "fast", "stop"];
        var (exitCode, output) = await Tools.RunAsync(command, folder, CancellationToken.None);
        if (exitCode != 0 && ProcessId is { } stillRunning)
        {
            throw new EmbeddedPostgresException($"PostgreSQL (process {stillRunning}) on {folder} could not be stopped:\n{output.Trim()}");
        }

        Stopped(logger, folder);
    }

    private async Task<string> MakeSocketDirectoryAsync(CancellationToken cancellationToken)
    {
        var directory = Path.Combine(folder, "run");
        if (Encoding.UTF8.GetByteCount(directory) + "/.s.PGSQL.5432".Length > SocketPathLimit)
        {
            // A name that nobody can guess, since others can make files in /tmp.
            temporarySocketDirectory = "/tmp/segmentation-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
            directory = temporarySocketDirectory;
        }
        else if (Directory.Exists(directory))
        {
            // The socket's lock file is as stale as postmaster.pid may be.
            Directory.Delete(directory, recursive: true);
        }

        await MakePrivateFolderAsync(directory, cancellationToken);
        return directory;
    }

    private async Task MakePrivateFolderAsync(string path, CancellationToken cancellationToken)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
            return;
        }

        Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await account.OwnAsync(path, cancellationToken);
    }

    private static async Task MakeFolderAsync(string folder, PostgresAccount account, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        if (!OperatingSystem.IsWindows())
        {
            // Only this folder is ours to open or close. Root's server is another user, who has to pass through it.
            const UnixFileMode own = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
            File.SetUnixFileMode(folder, account.Name is null ? own : own | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        }

        if (!await account.CanEnterAsync(folder, cancellationToken))
        {
            throw new EmbeddedPostgresException(
                $"{folder} lies in a folder that the user {account.Name}, who runs PostgreSQL for root, may not enter. "
                + "Set Embedded:DataDirectory to one that it may, such as /var/lib/segmentation.");
        }

        if (Directory.Exists(ClusterOf(folder)))
        {
            // A copy made by root, say; without effect on data that the user owns already.
            await account.OwnAsync(ClusterOf(folder), cancellationToken);
        }
    }

    // The operating system frees the lock with the process, however it ends.
    private static FileStream Lock(string folder)
    {
        try
        {
            return new FileStream(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new EmbeddedPostgresException(
                $"Another Segmentation API is using the database in {folder}. Stop it, or give this one a folder of its own with Embedded:DataDirectory.", e);
        }
    }

    private static string ClusterOf(string folder) => Path.Combine(folder, "cluster");

    private static int? DataVersion(string cluster)
    {
        var file = Path.Combine(cluster, "PG_VERSION");
        return File.Exists(file) ? int.Parse(File.ReadAllText(file).Trim(), CultureInfo.InvariantCulture) : null;
    }

    /// <summary>The process id of the server that runs on the data folder, or null.</summary>
    /// <remarks>pg_ctl would believe any process whose number stands in a stale postmaster.pid, and send it the stop signal.</remarks>
    internal static int? RunningServer(string cluster)
    {
        var file = Path.Combine(cluster, "postmaster.pid");
        if (!File.Exists(file)
            || !int.TryParse(File.ReadLines(file).FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out var id))
        {
            return null;
        }

        try
        {
            using var process = Process.GetProcessById(id);
            return process.ProcessName == "postgres" && (!OperatingSystem.IsLinux() || WorksIn(id, file)) ? id : null;
        }
        catch (ArgumentException)
        {
            return null; // No such process.
        }
    }

    // A server's working directory is its data folder. There is no file for another user's process, nor for one dead but not yet reaped.
    private static bool WorksIn(int processId, string pidFile)
    {
        var itsPidFile = $"/proc/{processId}/cwd/postmaster.pid";
        return File.Exists(itsPidFile) && File.ReadLines(itsPidFile).Take(3).SequenceEqual(File.ReadLines(pidFile).Take(3));
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static async Task CreateDatabaseAsync(NpgsqlConnectionStringBuilder target, CancellationToken cancellationToken)
    {
        var maintenance = new NpgsqlConnectionStringBuilder(target.ConnectionString) { Database = "postgres", Pooling = false };
        await using var connection = new NpgsqlConnection(maintenance.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using var exists = new NpgsqlCommand($"SELECT 1 FROM pg_database WHERE datname = '{Name}'", connection);
        if (await exists.ExecuteScalarAsync(cancellationToken) is null)
        {
            await using var create = new NpgsqlCommand($"CREATE DATABASE {Name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'", connection);
            await create.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    [LoggerMessage(LogLevel.Information, "Making a private PostgreSQL {Major} database in {Folder}")]
    private static partial void Initializing(ILogger logger, int major, string folder);

    [LoggerMessage(LogLevel.Information, "Private PostgreSQL {Major} runs on {Folder}")]
    private static partial void Started(ILogger logger, int major, string folder);

    [LoggerMessage(LogLevel.Information, "Private PostgreSQL on {Folder} stopped")]
    private static partial void Stopped(ILogger logger, string folder);

    [LoggerMessage(LogLevel.Warning, "PostgreSQL (process {ProcessId}) still runs on {Folder} after its API was killed: restarting it")]
    private static partial void OrphanFound(ILogger logger, int processId, string folder);
}
