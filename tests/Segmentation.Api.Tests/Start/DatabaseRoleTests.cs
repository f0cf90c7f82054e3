using Npgsql;
using Segmentation.Api.Data;

namespace Segmentation.Api.Tests.Start;

/// <summary>The service's role may do what the service does, and nothing else.</summary>
public sealed class DatabaseRoleTests(ApiFixture fixture, TestDatabase databases)
    : IClassFixture<ApiFixture>, IClassFixture<TestDatabase>
{
    [Theory]
    [InlineData("COPY (SELECT 1) TO PROGRAM 'cat'")]
    [InlineData("COPY customers TO '/tmp/customers'")]
    [InlineData("SELECT pg_read_file('/etc/hostname')")]
    [InlineData("ALTER TABLE customers ADD COLUMN more text")]
    [InlineData("CREATE TABLE more (n integer)")]
    [InlineData("CREATE FUNCTION seg_more() RETURNS integer LANGUAGE sql AS 'SELECT 1'")]
    [InlineData("DROP TABLE events")]
    [InlineData("TRUNCATE events")]
    [InlineData("CREATE ROLE more")]
    [InlineData("SET ROLE segmentation_owner")]
    [InlineData("INSERT INTO \"__EFMigrationsHistory\" VALUES ('1', '1')")]
    public async Task App_WhatAnOwnerOrASuperuserMay_IsRefused(string sql) =>
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, await FindErrorAsync("segmentation_app", sql));

    [Theory]
    [InlineData("CREATE TEMPORARY TABLE kept AS SELECT key FROM customers")]
    [InlineData("INSERT INTO events (customer_key, id, type, occurred_at) SELECT key, 'x', 'x', now() FROM customers")]
    [InlineData("DELETE FROM webhooks")]
    [InlineData("SELECT nextval(pg_get_serial_sequence('membership_batches', 'id'))")]
    [InlineData("SELECT * FROM customer_total")]
    public async Task App_WhatTheServiceDoes_IsAllowed(string sql) => Assert.Null(await FindErrorAsync("segmentation_app", sql));

    [Theory]
    [InlineData("SELECT count(*) FROM events JOIN customers ON key = customer_key", null)]
    [InlineData("SELECT count(*) FROM memberships", null)]
    [InlineData("SELECT * FROM webhooks", PostgresErrorCodes.InsufficientPrivilege)]
    [InlineData("DELETE FROM customers", PostgresErrorCodes.InsufficientPrivilege)]
    public async Task Reader_ReadsWhatHoldsNoSecret(string sql, string? error) =>
        Assert.Equal(error, await FindErrorAsync("segmentation_read", sql));

    [Fact]
    public async Task App_EveryTableAndSequenceThereIs_IsItsToWrite()
    {
        await using var connection = new NpgsqlConnection(fixture.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            """
            SELECT coalesce(string_agg(relname, ', ' ORDER BY relname), '') FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relname <> '__EFMigrationsHistory'
                AND relname NOT LIKE 'audit%' AND NOT CASE
                WHEN relkind = 'S' THEN has_sequence_privilege('segmentation_app', oid, 'USAGE') AND has_sequence_privilege(
                    'segmentation_app', oid, 'UPDATE')
                WHEN relkind = 'v' THEN has_table_privilege('segmentation_app', oid, 'SELECT')
                WHEN relkind IN ('r', 'p') THEN (
                    SELECT bool_and(has_table_privilege('segmentation_app', oid, p))
                    FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p)
                ELSE true
            END
            """,
            connection);
        Assert.Equal("", await command.ExecuteScalarAsync());
    }

    [Fact]
    public async Task Owner_NoSuperuser_MigratesAndLetsTheServiceIn()
    {
        var database = await databases.CreateDatabaseAsync();
        await using (var connection = new NpgsqlConnection(database + ";Pooling=false"))
        {
            await connection.OpenAsync();
            await using var give = new NpgsqlCommand($"ALTER DATABASE {connection.Database} OWNER TO {DatabaseRoles.Owner}", connection);
            await give.ExecuteNonQueryAsync();
        }

        var owner = TestDatabase.ConnectAs(DatabaseRoles.Owner, database);
        await using var server = new ApiFixture.Server(database, [(ApiSettings.OwnerConnection, owner)]);
        (await server.Api.PutAsync("customers/a", "{}")).Expect(201);
        (await server.Api.GetAsync("customers/a")).Expect(200);
    }

    // The error's SQLSTATE; null where there is none. Nothing is kept of it.
    private async Task<string?> FindErrorAsync(string role, string sql)
    {
        await using var connection = new NpgsqlConnection(fixture.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();

        // Its session is the role's: it can't go back to who connected.
        await using (var become = new NpgsqlCommand($"SET SESSION AUTHORIZATION {role}", connection))
        {
            await become.ExecuteNonQueryAsync();
        }

        await using var transaction = await connection.BeginTransactionAsync();
        try
        {
            await using var command = new NpgsqlCommand(sql, connection, transaction);
            await command.ExecuteNonQueryAsync();
            return null;
        }
        catch (PostgresException refused)
        {
            return refused.SqlState;
        }
    }
}
