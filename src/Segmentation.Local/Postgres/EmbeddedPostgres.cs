using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Npgsql;
using Segmentation.Api.Data;

namespace Segmentation.Local;

/// <summary>
/// A private PostgreSQL server for a first run: made, started and stopped with the API, from the machine's own server programs.
/// </summary>
/// <remarks>
/// The server has a session of its own (pg_ctl sees to it), so a terminal's Ctrl-C reaches only the API. An API that is killed leaves it
/// running; the next one on the same folder stops it and starts it again, so that a run always has its own settings and none of the dead
/// one's queries. A server that ends by itself (a kill, the system out of memory) is started again: <see cref="PostgresWatch"/>.
/// </remarks>
internal sealed partial class EmbeddedPostgres : IAsyncDisposable
{
    private const string Name = "segmentation";

    private readonly ILogger logger;
    private readonly PostgresFolder folder;
    private readonly PostgresBinaries binaries;
    private readonly PostgresAccount account;
    private PostgresWatch? watch;
    private bool disposed;

    private EmbeddedPostgres(ILogger logger, PostgresFolder folder, PostgresBinaries binaries, PostgresAccount account)
    {
        this.logger = logger;
        this.folder = folder;
        this.binaries = binaries;
        this.account = account;
    }

    /// <summary>How to connect to the database <c>segmentation</c>, as the superuser.</summary>
    public string ConnectionString { get; private set; } = "";

    /// <summary>The same as the role of the service.</summary>
    public string AppConnectionString => ConnectAs(DatabaseRoles.App);

    /// <summary>The same as the role that owns the tables.</summary>
    public string OwnerConnectionString => ConnectAs(DatabaseRoles.Owner);

    /// <summary>The server's process id, or null when it isn't running.</summary>
    public int? ProcessId => PostgresProcess.Find(folder.Cluster);

    /// <summary>Starts the server on its folder, making both when they are not there.</summary>
    /// <param name="options">Where the data and the programs are.</param>
    /// <param name="logger">Logs start and stop.</param>
    /// <param name="cancellationToken">Gives the start up; what is half made is thrown away by the next one.</param>
    /// <exception cref="EmbeddedPostgresException">It can't be started; the message says why and what to do.</exception>
    public static async Task<EmbeddedPostgres> StartAsync(EmbeddedOptions options, ILogger logger, CancellationToken cancellationToken)
    {
        var path = Path.GetFullPath(options.DataDirectory);
        try
        {
            var binaries = await PostgresBinaries.FindAsync(options.BinDirectory, PostgresFolder.DataVersion(path), cancellationToken);
            var account = await PostgresAccount.ChooseAsync(PostgresFolder.ClusterIn(path), cancellationToken);
            var folder = await PostgresFolder.OpenAsync(path, account, cancellationToken);
            var server = new EmbeddedPostgres(logger, folder, binaries, account);
            try
            {
                await server.StartAsync(options.Settings, cancellationToken);
                server.watch = new PostgresWatch(
                    () => server.ProcessId is not null, server.RestartAsync, logger, path, TimeProvider.System);
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
            throw new EmbeddedPostgresException(
                $"The database's folder {path} can't be used: {e.Message.TrimEnd('.')}. Name one of yours: --Embedded:DataDirectory=FOLDER",
                e);
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
        await (watch?.DisposeAsync() ?? ValueTask.CompletedTask);

        // The lock goes last, whatever happens: until then nobody else may use the folder.
        using var held = folder;
        await StopAsync();
        folder.DeleteTemporarySocketDirectory();
    }

    /// <summary>For tests: frees the folder and leaves the server running, as the death of this process would.</summary>
    internal void Abandon()
    {
        disposed = true;
        watch?.Abandon();
        folder.Dispose();
    }

    private async Task StartAsync(Dictionary<string, string> settings, CancellationToken cancellationToken)
    {
        if (ProcessId is { } orphan)
        {
            OrphanFound(logger, orphan, folder.FullName);
            await StopAsync();
        }

        if (!Directory.Exists(folder.Cluster))
        {
            await InitializeAsync(settings, cancellationToken);
        }

        DeletePidFile();
        var socketDirectory = OperatingSystem.IsWindows() ? null : await folder.CreateSocketDirectoryAsync(cancellationToken);
        var port = socketDirectory is null ? FreePort() : 5432;
        var configuration = Path.Combine(folder.Cluster, "postgresql.conf");
        await File.WriteAllTextAsync(configuration, PostgresSettings.Write(socketDirectory, port, settings), cancellationToken);
        if (File.Exists(folder.ServerLog))
        {
            File.Move(folder.ServerLog, folder.ServerLog + ".1", overwrite: true);
        }

        await LaunchAsync(cancellationToken);

        var builder = new NpgsqlConnectionStringBuilder
        {
            Host = socketDirectory ?? "127.0.0.1",
            Port = port,
            Username = Name,
            Password = OperatingSystem.IsWindows() ? await File.ReadAllTextAsync(folder.PasswordFile, cancellationToken) : null,
            Database = Name,
        };
        await PrivateDatabase.CreateAsync(builder, cancellationToken);
        ConnectionString = builder.ConnectionString;
        Started(logger, binaries.Major, folder.FullName);
    }

    private string ConnectAs(string role) => new NpgsqlConnectionStringBuilder(ConnectionString) { Username = role }.ConnectionString;

    // On the same folder, with the same settings: those who are connected to it find it again.
    private async Task RestartAsync(CancellationToken cancellation)
    {
        DeletePidFile();
        var socketDirectory = new NpgsqlConnectionStringBuilder(ConnectionString).Host;
        if (Directory.Exists(socketDirectory))
        {
            // The socket's lock file is as stale.
            Array.ForEach(Directory.GetFiles(socketDirectory), File.Delete);
        }

        await LaunchAsync(cancellation);
        Started(logger, binaries.Major, folder.FullName);
    }

    // Left by a server that was killed. PostgreSQL refuses to start when by now another process has the number in it.
    private void DeletePidFile() => File.Delete(Path.Combine(folder.Cluster, "postmaster.pid"));

    // Into a folder of another name: a half-made cluster (a kill, a full disk) is never taken for a whole one.
    private async Task InitializeAsync(Dictionary<string, string> settings, CancellationToken cancellationToken)
    {
        Initializing(logger, binaries.Major, folder.FullName);
        var unfinished = await folder.CreateUnfinishedClusterAsync(cancellationToken);
        List<string> command =
        [
            .. account.Prefix, binaries.Tool("initdb"), "-D", unfinished, "-U", Name, "-E", "UTF8", "--locale=C", "--no-instructions",
        ];
        if (OperatingSystem.IsWindows())
        {
            // Any user of the machine can reach a port: there a password stands in for the socket folder's permissions.
            var password = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24));
            await File.WriteAllTextAsync(folder.PasswordFile, password, cancellationToken);
            command.AddRange(["--auth=scram-sha-256", "--pwfile=" + folder.PasswordFile]);
        }
        else
        {
            command.AddRange(["--auth-local=trust", "--auth-host=reject"]);
        }

        if (settings.GetValueOrDefault("fsync") == "off")
        {
            command.Add("--no-sync");
        }

        var (exitCode, output) = await Tools.RunAsync(command, folder.FullName, cancellationToken);
        if (exitCode != 0)
        {
            throw new EmbeddedPostgresException($"PostgreSQL's initdb failed in {folder.FullName}:\n{output.Trim()}");
        }

        Directory.Move(unfinished, folder.Cluster);
    }

    private async Task LaunchAsync(CancellationToken cancellationToken)
    {
        List<string> command =
        [
            .. account.Prefix, binaries.Tool("pg_ctl"), "-D", folder.Cluster, "-l", folder.ServerLog, "-s", "-w", "-t", "600", "start",
        ];
        for (var attempt = 1; ; attempt++)
        {
            // Not cancelled half way: a recovery that is cut off has to start from its beginning next time. On Windows the server
            // keeps pg_ctl's pipes open.
            var (exitCode, _) = await Tools.RunAsync(
                command, folder.FullName, CancellationToken.None, capture: !OperatingSystem.IsWindows());
            cancellationToken.ThrowIfCancellationRequested();
            if (exitCode == 0)
            {
                return;
            }

            var log = File.Exists(folder.ServerLog) ? await File.ReadAllLinesAsync(folder.ServerLog, cancellationToken) : [];
            // The processes of a server that was killed need a moment to see it.
            if (attempt == 10 || !log.TakeLast(10).Any(l => l.Contains("shared memory block", StringComparison.Ordinal)))
            {
                throw RefusedSetting(log) ?? new EmbeddedPostgresException(
                    $"PostgreSQL did not start on {folder.FullName}. The end of its log, {folder.ServerLog}:\n"
                    + string.Join('\n', log.TakeLast(10)));
            }

            await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
        }
    }

    // The file that it complains about was written by us: only what came from outside can be wrong in it.
    private static EmbeddedPostgresException? RefusedSetting(string[] log) =>
        log.Select(l => SettingComplaint().Match(l)).FirstOrDefault(m => m.Success) is { } match
            ? new EmbeddedPostgresException(
                $"{EmbeddedOptions.Section}:Settings:{match.Groups[2].Value} is refused by PostgreSQL: {match.Groups[1].Value}.")
            : null;

    [GeneratedRegex("""(?:LOG|FATAL): +((?:[^"]*parameter|[^"]*valid range for parameter) "([^"]+)".*)""")]
    private static partial Regex SettingComplaint();

    private async Task StopAsync()
    {
        if (ProcessId is null)
        {
            return;
        }

        List<string> command =
        [
            .. account.Prefix, binaries.Tool("pg_ctl"), "-D", folder.Cluster, "-s", "-w", "-t", "120", "-m", "fast", "stop",
        ];
        var (exitCode, output) = await Tools.RunAsync(command, folder.FullName, CancellationToken.None);
        if (exitCode != 0 && ProcessId is { } stillRunning)
        {
            throw new EmbeddedPostgresException(
                $"PostgreSQL (process {stillRunning}) on {folder.FullName} could not be stopped:\n{output.Trim()}");
        }

        Stopped(logger, folder.FullName);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    [LoggerMessage(LogLevel.Debug, "Making a private PostgreSQL {Major} database in {Folder}")]
    private static partial void Initializing(ILogger logger, int major, string folder);

    [LoggerMessage(LogLevel.Debug, "Private PostgreSQL {Major} runs on {Folder}")]
    private static partial void Started(ILogger logger, int major, string folder);

    [LoggerMessage(LogLevel.Debug, "Private PostgreSQL on {Folder} stopped")]
    private static partial void Stopped(ILogger logger, string folder);

    [LoggerMessage(
        LogLevel.Warning, "PostgreSQL (process {ProcessId}) still runs on {Folder} after its API was killed: restarting it")]
    private static partial void OrphanFound(ILogger logger, int processId, string folder);
}
