using Npgsql;

namespace Segmentation.Api.Tests.Start;

public sealed class GivenDatabaseTests(TestDatabase databases) : IClassFixture<TestDatabase>
{
    [Theory]
    [InlineData("28P01", "password authentication failed for user \"me\"", "refuses the password of the user \"me\", or has no such user.")]
    [InlineData("28000", "no pg_hba.conf entry for host \"1.2.3.4\", user \"me\", database \"data\", no encryption",
        "lets \"me\" in only over SSL, or not at all (pg_hba.conf): try SSL Mode=Require (sslmode=require).")]
    [InlineData("28000", "no pg_hba.conf entry for host \"1.2.3.4\", user \"me\", database \"data\", SSL encryption",
        "does not let the user \"me\" into \"data\" from this machine: its pg_hba.conf has no entry for that.")]
    [InlineData("28000", "role \"me\" does not exist", "has no user \"me\".")]
    [InlineData("3D000", "database \"data\" does not exist", "Create it, or start with --create-database.")]
    [InlineData("42501", "permission denied for database \"data\"", "permission denied for database \"data\"")]
    [InlineData("53300", "sorry, too many clients already", "has no connection left: sorry, too many clients already.")]
    [InlineData("08P01", "unsupported startup parameter: options", "refuses: unsupported startup parameter: options.")]
    public async Task Check_ServerRefuses_SaysWhyInALine(string sqlState, string text, string why)
    {
        using var server = FakePostgres.Refuse(sqlState, text);
        AssertLine(why, await RefuseAsync(server.ConnectionString));
    }

    [Theory]
    [InlineData("14.9", "is PostgreSQL 14.9: 15 or newer is needed.")]
    [InlineData("9.6.24", "is PostgreSQL 9.6.24: 15 or newer is needed.")]
    public async Task Check_OldServer_SaysWhatIsNeeded(string version, string why)
    {
        using var server = FakePostgres.LetIn(("server_version", version), ("server_encoding", "UTF8"));
        AssertLine(why, await RefuseAsync(server.ConnectionString));
    }

    [Fact]
    public async Task Check_Standby_IsRefused()
    {
        using var server = FakePostgres.LetIn(("server_version", "17.6"), ("server_encoding", "UTF8"), ("in_hot_standby", "on"));
        AssertLine("is a standby, which is read-only: name the primary.", await RefuseAsync(server.ConnectionString));
    }

    [Fact]
    public async Task Check_NotUtf8_IsRefused()
    {
        using var server = FakePostgres.LetIn(("server_version", "17.6"), ("server_encoding", "LATIN1"));
        AssertLine("stores texts as LATIN1", await RefuseAsync(server.ConnectionString));
    }

    [Fact]
    public async Task Check_NoPassword_SaysThatOneIsAskedFor()
    {
        using var server = FakePostgres.AskPassword();
        var without = new NpgsqlConnectionStringBuilder(server.ConnectionString) { Password = null };
        AssertLine("asks for the password of \"me\", and none is given.", await RefuseAsync(without.ConnectionString));
    }

    [Fact]
    public async Task Check_FileThatIsNotThere_IsNamed()
    {
        using var server = FakePostgres.AskPassword();
        var settings = new NpgsqlConnectionStringBuilder(server.ConnectionString) { Password = null, Passfile = "/nonexistent/file" };
        AssertLine("/nonexistent/file", await RefuseAsync(settings.ConnectionString));
    }

    [Fact]
    public async Task Check_SslDemandedButNotOffered_SaysSo()
    {
        using var server = FakePostgres.LetIn(("server_version", "17.6"));
        AssertLine("does not offer SSL", await RefuseAsync(server.ConnectionString + ";SSL Mode=Require"));
    }

    [Fact]
    public async Task Check_SomethingElseListens_SaysSo()
    {
        using var server = FakePostgres.Other();
        AssertLine("can't be used as a PostgreSQL server", await RefuseAsync(server.ConnectionString));
    }

    [Theory]
    [InlineData("Host=127.0.0.1;Port=1;Username=me;Password=topsecret", "Nobody listens on 127.0.0.1:1: is PostgreSQL started")]
    [InlineData("Host=127.0.0.1:1;Username=me;Password=topsecret", "Nobody listens on 127.0.0.1:1: is PostgreSQL started")]
    [InlineData("Host=no-such-host.invalid;Username=me;Password=topsecret", "There is no host of the name in no-such-host.invalid:5432.")]
    [InlineData("Host=/nonexistent/folder;Username=me", "No PostgreSQL has a socket in the folder /nonexistent/folder")]
    [InlineData("Host=127.0.0.1,localhost;Port=1;Username=me;Password=topsecret", "Nobody listens on 127.0.0.1,localhost")]
    public async Task Check_NobodyThere_SaysWhere(string connectionString, string why) =>
        AssertLine(why, await RefuseAsync(connectionString));

    [Fact]
    public async Task Check_DatabaseDoesNotExist_IsCreatedOnlyWhenAsked()
    {
        var existing = new NpgsqlConnectionStringBuilder(await databases.CreateDatabaseAsync());
        var missing = new NpgsqlConnectionStringBuilder(existing.ConnectionString) { Database = existing.Database + " \"ü" };
        AssertLine($"There is no database \"{missing.Database}\" on ", await RefuseAsync(missing.ConnectionString));
        AssertLine($"There is no database \"{missing.Database}\" on ", await RefuseAsync(missing.ConnectionString));

        try
        {
            List<string> said = [];
            await GivenDatabase.CheckAsync(missing, create: true, said.Add, CancellationToken.None);
            await GivenDatabase.CheckAsync(missing, create: true, said.Add, CancellationToken.None);
            Assert.Equal($"Database: created {missing.Database}", said[0]);
            Assert.Equal(3, said.Count);
        }
        finally
        {
            await using var maintenance = NpgsqlDataSource.Create(existing);
            using var quote = new NpgsqlCommandBuilder();
            var name = quote.QuoteIdentifier(missing.Database);
            await using var drop = maintenance.CreateCommand($"DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            await drop.ExecuteNonQueryAsync();
        }
    }

    [Fact]
    public async Task Check_MayNotCreateDatabases_SaysSo()
    {
        var missing = new NpgsqlConnectionStringBuilder(await databases.CreateDatabaseAsync()) { Options = "-c role=pg_monitor" };
        missing.Database += "_missing";

        AssertLine("may not create the database", await RefuseAsync(missing.ConnectionString, create: true));
    }

    [Fact]
    public async Task Run_MayNotCreateTables_EndsWithWhatToGrant()
    {
        var settings = new NpgsqlConnectionStringBuilder(await databases.CreateDatabaseAsync()) { Options = "-c role=pg_monitor" };
        await using (var server = NpgsqlDataSource.Create(settings))
        {
            await using var create = server.CreateCommand("CREATE TABLE t (n integer)");
            var refused = await Assert.ThrowsAsync<PostgresException>(() => create.ExecuteNonQueryAsync());
            AssertLine("GRANT CREATE ON SCHEMA public TO", DatabaseFault.Describe(refused, settings).Message);
        }

        Assert.Equal(1, await Startup.RunAsync(["--migrate", $"--ConnectionStrings:Segmentation={settings.ConnectionString}"]));
    }

    [Fact]
    public async Task Run_Migrate_AppliesThemAndEnds() => Assert.Equal(
        0, await Startup.RunAsync(["--migrate", $"--ConnectionStrings:Segmentation={await databases.CreateDatabaseAsync()}"]));

    private static async Task<string> RefuseAsync(string connectionString, bool create = false) =>
        (await Assert.ThrowsAsync<StartupException>(
            () => GivenDatabase.CheckAsync(new(connectionString), create, _ => { }, CancellationToken.None))).Message;

    private static void AssertLine(string expected, string actual)
    {
        Assert.Contains(expected, actual, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', actual);
        Assert.DoesNotContain("topsecret", actual, StringComparison.Ordinal);
    }
}
