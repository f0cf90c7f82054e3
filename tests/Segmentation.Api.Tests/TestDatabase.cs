using System.Globalization;
using KillTests;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Segmentation.Local;
using Testcontainers.PostgreSql;

namespace Segmentation.Api.Tests;

/// <summary>
/// Databases for tests, on one real PostgreSQL for the whole test process: the server that <c>ConnectionStrings__Segmentation</c> names;
/// else a container (<c>TEST_DATABASE=testcontainers</c>); else a private server in a temporary folder.
/// </summary>
/// <remarks>For <c>IClassFixture</c> or <c>ICollectionFixture</c>: each instance drops the databases that it made.</remarks>
public sealed class TestDatabase : IAsyncLifetime
{
    private static readonly Lazy<Task<TestServer>> Server = new(TestServer.StartAsync);

    // Two copies of one template at a time would each see the other as a user of it.
    private static readonly SemaphoreSlim Creating = new(1);

    private static int created;

    private readonly List<string> databases = [];

    /// <summary>
    /// For contexts of a test's own: of more than twenty hosts in one process, which only tests have, EF Core makes an error.
    /// </summary>
    public static void ManyHosts(WarningsConfigurationBuilder warnings) => warnings.Ignore(CoreEventId.ManyServiceProvidersCreatedWarning);

    /// <inheritdoc/>
    public Task InitializeAsync() => Server.Value;

    /// <summary>Makes a database of its own for the caller.</summary>
    /// <param name="template">The connection string of a database to copy, which nobody may use meanwhile; null for an empty one.</param>
    /// <returns>Its connection string.</returns>
    public async Task<string> CreateDatabaseAsync(string? template = null)
    {
        var server = await Server.Value;
        // The process id: two test runs may share the server of a given connection string.
        var name = string.Create(
            CultureInfo.InvariantCulture, $"segmentation_test_{Environment.ProcessId}_{Interlocked.Increment(ref created)}");
        var source = template is null ? "template0" : new NpgsqlConnectionStringBuilder(template).Database!;
        await Creating.WaitAsync();
        try
        {
            if (template is not null)
            {
                await server.ExecuteAsync($"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{source}'");
                using var pooled = new NpgsqlConnection(template);
                NpgsqlConnection.ClearPool(pooled);
            }

            await server.ExecuteAsync($"CREATE DATABASE {name} TEMPLATE {source} ENCODING 'UTF8' LOCALE 'C'");
        }
        finally
        {
            Creating.Release();
        }

        lock (databases)
        {
            databases.Add(name);
        }

        return new NpgsqlConnectionStringBuilder(server.ConnectionString) { Database = name }.ConnectionString;
    }

    /// <summary>The same database as another role, where this process's server lets that in; else as it is.</summary>
    public static string ConnectAs(string role, string connectionString) =>
        Server is { IsValueCreated: true, Value: { IsCompletedSuccessfully: true, Result.IsPrivate: true } }
            ? new NpgsqlConnectionStringBuilder(connectionString) { Username = role }.ConnectionString
            : connectionString;

    /// <inheritdoc/>
    public async Task DisposeAsync()
    {
        var server = await Server.Value;
        foreach (var name in databases)
        {
            using var pooled = new NpgsqlConnection(
                new NpgsqlConnectionStringBuilder(server.ConnectionString) { Database = name }.ConnectionString);
            NpgsqlConnection.ClearPool(pooled);
            await server.ExecuteAsync($"DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        }
    }

    /// <summary>Ends the server: once, after the last test (see <see cref="TestFramework"/>).</summary>
    internal static async Task StopServerAsync()
    {
        if (Server.IsValueCreated)
        {
            await (await Server.Value).DisposeAsync();
        }
    }

    private sealed class TestServer(string connectionString, Func<Task> stop) : IAsyncDisposable
    {
        public string ConnectionString { get; } = connectionString;

        public bool IsPrivate { get; private init; }

        public static async Task<TestServer> StartAsync()
        {
            if (Environment.GetEnvironmentVariable("ConnectionStrings__Segmentation") is { Length: > 0 } given)
            {
                return new TestServer(given, () => Task.CompletedTask);
            }

            return Environment.GetEnvironmentVariable("TEST_DATABASE") switch
            {
                null or "" => await StartPrivateAsync(),
                "testcontainers" => await StartContainerAsync(),
                var other => throw new InvalidOperationException(
                    $"TEST_DATABASE must be \"testcontainers\" or not set; it is \"{other}\"."),
            };
        }

        public async Task ExecuteAsync(string sql)
        {
            await using var connection = new NpgsqlConnection(
                new NpgsqlConnectionStringBuilder(ConnectionString) { Pooling = false }.ConnectionString);
            await connection.OpenAsync();
            // Dropping a database writes all that is not on the disk yet: a slow disk is no test's fault.
            await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 300 };
            await command.ExecuteNonQueryAsync();
        }

        public async ValueTask DisposeAsync() => await stop();

        private static async Task<TestServer> StartContainerAsync()
        {
            var container = new PostgreSqlBuilder("postgres:17.6")
                .WithCommand("-c", "fsync=off", "-c", "max_connections=300")
                .Build();
            await container.StartAsync();
            return new TestServer(container.GetConnectionString(), () => container.DisposeAsync().AsTask());
        }

        private static async Task<TestServer> StartPrivateAsync()
        {
            TestFolder.SweepServers();
            var folder = TestFolder.Create(TestFolder.ServerPrefix);
            var server = await EmbeddedPostgres.StartAsync(TestFolder.Options(folder), NullLogger.Instance, CancellationToken.None);
            return new TestServer(server.ConnectionString, async () =>
            {
                await server.DisposeAsync();
                Directory.Delete(folder, recursive: true);
            })
            { IsPrivate = true };
        }
    }
}

/// <summary>A temporary folder for a private server, and the options that start one there fast.</summary>
internal static class TestFolder
{
    /// <summary>How the folder of a test run's one server is named.</summary>
    public const string ServerPrefix = "segmentation-test-server-";

    /// <summary>Makes an empty folder, which the caller deletes.</summary>
    public static string Create(string prefix = "segmentation-test-")
    {
        var folder = Directory.CreateTempSubdirectory(prefix).FullName;
        if (!OperatingSystem.IsWindows())
        {
            // When root runs the tests, the server is another user's and has to pass through.
            File.SetUnixFileMode(folder, File.GetUnixFileMode(folder) | UnixFileMode.OtherExecute);
        }

        return folder;
    }

    /// <summary>Ends and deletes the servers of test runs that were killed: nobody else would.</summary>
    public static void SweepServers() => ScratchFolder.Sweep(Path.GetTempPath(), ServerPrefix);

    /// <summary>Options for a server in the folder. What a test writes need not outlive a power cut.</summary>
    public static EmbeddedOptions Options(string folder) => new()
    {
        DataDirectory = folder,
        BinDirectory = Environment.GetEnvironmentVariable("Embedded__BinDirectory"),
        Settings = new()
        {
            ["fsync"] = "off",
            ["full_page_writes"] = "off",
            ["synchronous_commit"] = "off",
            ["shared_buffers"] = "256MB",
            ["max_connections"] = "300",
        },
    };
}
