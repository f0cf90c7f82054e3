using Npgsql;
using Segmentation.Api.Data;

namespace Segmentation.Local;

/// <summary>The database and the roles of a private server.</summary>
/// <remarks>
/// The superuser that made the server is for this alone: the service connects as a role that can neither change a table nor reach a file.
/// </remarks>
internal static class PrivateDatabase
{
    /// <summary>Makes the database and the roles where they are not there, and lets the roles in.</summary>
    /// <param name="target">How to connect to the database, as the superuser.</param>
    public static async Task CreateAsync(NpgsqlConnectionStringBuilder target, CancellationToken cancellation)
    {
        await using (var server = await OpenAsync("postgres"))
        {
            await using var exists = new NpgsqlCommand("SELECT 1 FROM pg_database WHERE datname = $1", server);
            exists.Parameters.Add(new() { Value = target.Database });
            if (await exists.ExecuteScalarAsync(cancellation) is null)
            {
                await ExecuteAsync(server, $"CREATE DATABASE {target.Database} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'");
            }
        }

        await using var database = await OpenAsync(target.Database!);

        // One transaction, that takes the tables one after the other: where somebody is still connected it may lose to them.
        await Retry.OnDeadlockAsync(async () => await ExecuteAsync(database, ReadScript()), cancellation);
        foreach (var role in (string[])[DatabaseRoles.Owner, DatabaseRoles.App])
        {
            // On Unix the socket's folder lets in its owner alone.
            await ExecuteAsync(database, $"ALTER ROLE {role} LOGIN{(target.Password is { } password ? $" PASSWORD '{password}'" : "")}");
        }

        async Task<NpgsqlConnection> OpenAsync(string name)
        {
            var connection = new NpgsqlConnection(
                new NpgsqlConnectionStringBuilder(target.ConnectionString) { Database = name, Pooling = false }.ConnectionString);
            await connection.OpenAsync(cancellation);
            return connection;
        }

        async Task<int> ExecuteAsync(NpgsqlConnection connection, string sql)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            return await command.ExecuteNonQueryAsync(cancellation);
        }
    }

    private static string ReadScript()
    {
        using var script = new StreamReader(typeof(PrivateDatabase).Assembly.GetManifestResourceStream("database-roles.sql")!);
        return script.ReadToEnd();
    }
}
