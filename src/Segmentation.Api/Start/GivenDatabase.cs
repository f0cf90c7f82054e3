using System.Security.Cryptography;
using Npgsql;

namespace Segmentation.Api;

/// <summary>A database that somebody else runs: connected to once, before anything relies on it.</summary>
internal static class GivenDatabase
{
    /// <summary>The oldest major version that the service is tested with.</summary>
    public const int MinimumMajor = 15;

    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(60);

    /// <summary>Makes sure that the database is there and can be used.</summary>
    /// <param name="settings">How to connect.</param>
    /// <param name="create">Whether to create it where there is none.</param>
    /// <param name="say">Told what it does.</param>
    /// <exception cref="StartupException">It can't be used; the message says why and what to do.</exception>
    public static async Task CheckAsync(
        NpgsqlConnectionStringBuilder settings, bool create, Action<string> say, CancellationToken cancellation)
    {
        try
        {
            if (create)
            {
                await CreateAsync(settings, say, cancellation);
            }

            await using var connection = await OpenAsync(settings, say, cancellation);
            RefuseVersion(connection.PostgreSqlVersion, DatabaseFault.Server(settings));
            if (connection.PostgresParameters.GetValueOrDefault("server_encoding") is { } encoding and not "UTF8")
            {
                throw new StartupException(
                    $"The database \"{connection.Database}\" stores texts as {encoding}: one that stores them as UTF8 is needed.");
            }

            if (connection.PostgresParameters.GetValueOrDefault("in_hot_standby") == "on")
            {
                throw new StartupException($"{DatabaseFault.Server(settings)} is a standby, which is read-only: name the primary.");
            }

            say($"Database: {connection.Database} on {DatabaseFault.Server(settings)}, PostgreSQL {connection.PostgreSqlVersion}");
        }
        catch (Exception e) when (DatabaseFault.IsCause(e))
        {
            throw DatabaseFault.Describe(e, settings);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            // A password's or a certificate's file.
            throw new StartupException($"A file that {ApiSettings.Connection} names can't be used: {e.Message}", e);
        }
    }

    /// <exception cref="StartupException">It is too old.</exception>
    public static void RefuseVersion(Version version, string server)
    {
        if (version.Major < MinimumMajor)
        {
            throw new StartupException($"{server} is PostgreSQL {version}: {MinimumMajor} or newer is needed.");
        }
    }

    private static async Task CreateAsync(NpgsqlConnectionStringBuilder settings, Action<string> say, CancellationToken cancellation)
    {
        var name = settings.Database ?? settings.Username
            ?? throw new StartupException($"{ProgramParts.CreateDatabase}: {ApiSettings.Connection} names no database.");
        await using var connection = await OpenAsync(new(settings.ConnectionString) { Database = "postgres" }, say, cancellation);
        await using var exists = new NpgsqlCommand("SELECT 1 FROM pg_database WHERE datname = $1", connection)
        {
            Parameters = { new() { Value = name } },
        };
        if (await exists.ExecuteScalarAsync(cancellation) is not null)
        {
            return;
        }

        using var quote = new NpgsqlCommandBuilder();
        await using var creation = new NpgsqlCommand(
            $"CREATE DATABASE {quote.QuoteIdentifier(name)} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'", connection);
        try
        {
            await creation.ExecuteNonQueryAsync(cancellation);
            say($"Database: created {name}");
        }
        catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new StartupException(
                $"The user \"{settings.Username}\" may not create the database \"{name}\" on {DatabaseFault.Server(settings)}: have it "
                + "created by one who may.", refused);
        }
        catch (PostgresException refused) when (
            refused.SqlState is PostgresErrorCodes.DuplicateDatabase or PostgresErrorCodes.UniqueViolation)
        {
            // Another start was quicker.
        }
    }

    private static async Task<NpgsqlConnection> OpenAsync(
        NpgsqlConnectionStringBuilder settings, Action<string> say, CancellationToken cancellation)
    {
        // Not pooled: the service's own pools begin afterwards.
        var single = new NpgsqlConnectionStringBuilder(settings.ConnectionString) { Pooling = false }.ConnectionString;
        for (var end = Environment.TickCount64 + (long)Recovery.TotalMilliseconds; ;)
        {
            var connection = new NpgsqlConnection(single);
            try
            {
                await connection.OpenAsync(cancellation);
                return connection;
            }
            catch (PostgresException starting) when (
                starting.SqlState == PostgresErrorCodes.CannotConnectNow && Environment.TickCount64 < end)
            {
                await connection.DisposeAsync();
                say($"Database: {DatabaseFault.Server(settings)} is starting up…");
                await Task.Delay(TimeSpan.FromSeconds(2), cancellation);
            }
            catch
            {
                await connection.DisposeAsync();
                throw;
            }
        }
    }
}
