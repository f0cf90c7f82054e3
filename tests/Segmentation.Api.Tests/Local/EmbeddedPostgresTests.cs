using System.Diagnostics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Segmentation.Local;

namespace Segmentation.Api.Tests.Local;

public sealed class EmbeddedPostgresTests : IDisposable
{
    private readonly string folder = TestFolder.Create();

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Start_NewFolder_MakesTheDatabaseAndKeepsItOverARestart()
    {
        await using (var first = await StartAsync())
        {
            Assert.Equal("segmentation UTF8 C UTC off", await ScalarAsync(
                first,
                """
                SELECT concat_ws(' ', datname, pg_encoding_to_char(encoding), datcollate,
                    current_setting('timezone'), current_setting('jit'))
                FROM pg_database WHERE datname = current_database()
                """));
            await ScalarAsync(first, "CREATE TABLE kept AS SELECT 42 AS n");
        }

        await using var second = await StartAsync();
        Assert.Equal(42, await ScalarAsync(second, "SELECT n FROM kept"));
    }

    [Fact]
    public async Task Dispose_OpenConnection_StopsTheServerAndTwiceIsOnce()
    {
        var server = await StartAsync();
        await using var open = new NpgsqlConnection(server.ConnectionString + ";Pooling=false");
        await open.OpenAsync();

        await server.DisposeAsync();
        Assert.Null(server.ProcessId);

        await using var next = await StartAsync();
        await server.DisposeAsync();
        Assert.NotNull(next.ProcessId);
    }

    [Fact]
    public async Task Start_ServerWasKilled_RecoversWhatWasCommitted()
    {
        var durable = new EmbeddedOptions { DataDirectory = folder };
        var killed = await EmbeddedPostgres.StartAsync(durable, NullLogger.Instance, CancellationToken.None);
        await ScalarAsync(killed, "CREATE TABLE kept AS SELECT 42 AS n");
        Process.GetProcessById(killed.ProcessId!.Value).Kill();
        await killed.DisposeAsync();

        await using var server = await StartAsync();
        Assert.Equal(42, await ScalarAsync(server, "SELECT n FROM kept"));
    }

    [Fact]
    public async Task Start_StalePidFileNamesAnotherProcess_LeavesThatProcessAlone()
    {
        await (await StartAsync()).DisposeAsync();
        // This very process: a stop signal to it would end the test run.
        await File.WriteAllTextAsync(
            Path.Combine(folder, "cluster", "postmaster.pid"), $"{Environment.ProcessId}\n{folder}/cluster\n1\n5432\n");

        await using var server = await StartAsync();
        Assert.Equal(1, await ScalarAsync(server, "SELECT 1"));
    }

    [Fact]
    public async Task Start_OrphanOfAKilledApi_StopsItAndStartsAnew()
    {
        var orphaned = await StartAsync();
        var orphan = orphaned.ProcessId;
        await ScalarAsync(orphaned, "CREATE TABLE kept AS SELECT 42 AS n");
        orphaned.Abandon();

        await using var server = await StartAsync();
        Assert.NotEqual(orphan, server.ProcessId);
        Assert.Equal(42, await ScalarAsync(server, "SELECT n FROM kept"));
    }

    [Fact]
    public async Task Start_DataOfAnEarlierVersion_IsTheOwnersFromThenOn()
    {
        await using (var first = await StartAsync())
        {
            await ScalarAsync(
                first,
                """
                ALTER DATABASE segmentation OWNER TO segmentation;
                CREATE TABLE kept (id integer GENERATED ALWAYS AS IDENTITY, n integer);
                CREATE VIEW seen AS SELECT n FROM kept;
                CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 2 * n';
                INSERT INTO kept (n) VALUES (42);
                """);
        }

        await using var second = await StartAsync();
        await using var connection = new NpgsqlConnection(second.OwnerConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var change = new NpgsqlCommand(
            """
            ALTER TABLE kept ADD COLUMN more text;
            CREATE OR REPLACE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n + n';
            CREATE OR REPLACE VIEW seen AS SELECT twice(n) AS n FROM kept;
            CREATE TABLE further (n integer);
            SELECT n FROM seen;
            """,
            connection);
        Assert.Equal(84, await change.ExecuteScalarAsync());
    }

    [Fact]
    public async Task Start_FolderInUse_IsRefusedAndTheFirstGoesOn()
    {
        await using var first = await StartAsync();

        var error = await Assert.ThrowsAsync<EmbeddedPostgresException>(StartAsync);

        Assert.Contains("Another Segmentation API is using the database in " + folder, error.Message, StringComparison.Ordinal);
        Assert.Equal(1, await ScalarAsync(first, "SELECT 1"));
    }

    [Fact]
    public async Task Start_NoBinaries_NamesTheWaysOnInALine()
    {
        var options = TestFolder.Options(folder) with { BinDirectory = folder };

        var error = await Assert.ThrowsAsync<EmbeddedPostgresException>(
            () => EmbeddedPostgres.StartAsync(options, NullLogger.Instance, CancellationToken.None));

        Assert.All(
            [folder, "Install the PostgreSQL server", "docker compose up", "ConnectionStrings__Segmentation"],
            part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Start_BinariesAreDanglingLinks_AreTakenForMissing()
    {
        foreach (var tool in new[] { "initdb", "pg_ctl", "postgres" })
        {
            File.CreateSymbolicLink(Path.Combine(folder, tool), Path.Combine(folder, "gone", tool));
        }

        var options = TestFolder.Options(folder) with { BinDirectory = folder };

        var error = await Assert.ThrowsAsync<EmbeddedPostgresException>(
            () => EmbeddedPostgres.StartAsync(options, NullLogger.Instance, CancellationToken.None));

        Assert.Contains("was not found in " + folder, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_DataOfAnotherVersion_NamesBothVersions()
    {
        Directory.CreateDirectory(Path.Combine(folder, "cluster"));
        await File.WriteAllTextAsync(Path.Combine(folder, "cluster", "PG_VERSION"), "9\n");

        var error = await Assert.ThrowsAsync<EmbeddedPostgresException>(StartAsync);

        Assert.Contains("PostgreSQL 9, which made the existing data, was not found", error.Message, StringComparison.Ordinal);
        Assert.Contains("Found instead", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_InitializationWasInterrupted_StartsOver()
    {
        var halfMade = Directory.CreateDirectory(Path.Combine(folder, "cluster.new-1a2b3c4d"));
        await File.WriteAllTextAsync(Path.Combine(halfMade.FullName, "PG_VERSION"), "15\n");

        await using var server = await StartAsync();

        Assert.Equal(1, await ScalarAsync(server, "SELECT 1"));
        Assert.False(halfMade.Exists && Directory.Exists(halfMade.FullName));
    }

    [Fact]
    public async Task Start_CancelledDuringInitialization_LeavesAFolderThatStarts()
    {
        using var soon = new CancellationTokenSource();
        var start = EmbeddedPostgres.StartAsync(TestFolder.Options(folder), NullLogger.Instance, soon.Token);
        while (!start.IsCompleted && Directory.GetDirectories(folder, "cluster.new*").Length == 0)
        {
            await Task.Delay(5);
        }

        await soon.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => start);

        await using var server = await StartAsync();
        Assert.Equal(1, await ScalarAsync(server, "SELECT 1"));
    }

    [Theory]
    [InlineData("no_such_setting", "1", "unrecognized configuration parameter \"no_such_setting\"")]
    [InlineData("work_mem", "64 cows", "invalid value for parameter \"work_mem\": \"64 cows\".")]
    [InlineData("max_connections", "0", "0 is outside the valid range for parameter \"max_connections\"")]
    public async Task Start_ServerRefusesASetting_SaysWhich(string name, string value, string why)
    {
        var options = TestFolder.Options(folder);
        options.Settings[name] = value;

        var error = await Assert.ThrowsAsync<EmbeddedPostgresException>(
            () => EmbeddedPostgres.StartAsync(options, NullLogger.Instance, CancellationToken.None));

        Assert.StartsWith($"Embedded:Settings:{name} is refused by PostgreSQL: {why}", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public async Task Start_LongFolderName_FindsAShorterPlaceForTheSocket()
    {
        var deep = Path.Combine(folder, new string('a', 60), new string('b', 60));
        string? socket;
        await using (var server = await EmbeddedPostgres.StartAsync(TestFolder.Options(deep), NullLogger.Instance, CancellationToken.None))
        {
            Assert.Equal(1, await ScalarAsync(server, "SELECT 1"));
            socket = new NpgsqlConnectionStringBuilder(server.ConnectionString).Host;
        }

        Assert.DoesNotContain(folder, socket!, StringComparison.Ordinal);
        Assert.False(Directory.Exists(socket));
    }

    [Fact]
    public async Task Start_Configured_SaysWhereItsDataIs()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Embedded:DataDirectory"] = folder,
            ["Embedded:Settings:work_mem"] = "7MB",
        }).Build();

        List<string> said = [];
        var (app, owner, server) = await Database.StartAsync(configuration, said.Add, NullLogger.Instance, CancellationToken.None);

        await using (server)
        {
            Assert.Equal([$"Database… making one, its data is in {folder}"], said);
            Assert.Equal("segmentation_app", new NpgsqlConnectionStringBuilder(app).Username);
            Assert.Equal("segmentation_owner", new NpgsqlConnectionStringBuilder(owner).Username);
            Assert.Equal("7MB", await ScalarAsync(Assert.IsType<EmbeddedPostgres>(server), "SHOW work_mem"));
        }
    }

    private async Task<EmbeddedPostgres> StartAsync() =>
        await EmbeddedPostgres.StartAsync(TestFolder.Options(folder), NullLogger.Instance, CancellationToken.None);

    private static async Task<object?> ScalarAsync(EmbeddedPostgres server, string sql)
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
