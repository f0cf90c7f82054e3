using Npgsql;

namespace Segmentation.Api.Tests;

public sealed class TestDatabaseTests(TestDatabase databases) : IClassFixture<TestDatabase>
{
    [Fact]
    public async Task CreateDatabase_NoTemplate_IsEmptyUtf8InLocaleC()
    {
        await using var source = NpgsqlDataSource.Create(await databases.CreateDatabaseAsync());
        await using var command = source.CreateCommand(
            "SELECT pg_encoding_to_char(encoding) || ' ' || datcollate FROM pg_database WHERE datname = current_database()");
        Assert.Equal("UTF8 C", await command.ExecuteScalarAsync());
    }

    [Fact]
    public async Task CreateDatabase_Template_HasItsRowsAndLeavesItAlone()
    {
        var template = await databases.CreateDatabaseAsync();
        await ExecuteAsync(template, "CREATE TABLE t AS SELECT 1 AS n");

        var copy = await databases.CreateDatabaseAsync(template);
        await ExecuteAsync(copy, "INSERT INTO t VALUES (2)");

        Assert.Equal(2L, await ExecuteAsync(copy, "SELECT count(*) FROM t"));
        Assert.Equal(1L, await ExecuteAsync(template, "SELECT count(*) FROM t"));
    }

    private static async Task<object?> ExecuteAsync(string connectionString, string sql)
    {
        // No pooled connection: the copy of a template ends those to it.
        await using var connection = new NpgsqlConnection(connectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
