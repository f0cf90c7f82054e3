using System.Net.Sockets;
using System.Security.Authentication;
using Npgsql;

namespace Segmentation.Api;

/// <summary>Says in one line why a given database can't be used, and what to do.</summary>
internal static class DatabaseFault
{
    /// <summary>Whether an exception is the database's, and not a fault of ours.</summary>
    public static bool IsCause(Exception e) => e is NpgsqlException or SocketException or TimeoutException or AuthenticationException
        || (e is InvalidOperationException { InnerException: { } inner } && IsCause(inner));

    /// <summary>The database as its messages name it: <c>db.example:5432</c>.</summary>
    public static string Server(NpgsqlConnectionStringBuilder settings)
    {
        if (settings.Host is not { } host || host.IndexOfAny([',', '/']) >= 0)
        {
            return settings.Host ?? "";
        }

        // Npgsql's own reading: a host may have its port with it.
        using var connection = new NpgsqlConnection(settings.ConnectionString);
        return connection.DataSource.Replace("tcp://", "", StringComparison.Ordinal);
    }

    /// <summary>Why an attempt to use the database failed.</summary>
    public static StartupException Describe(Exception failure, NpgsqlConnectionStringBuilder settings)
    {
        var causes = Causes(failure).ToList();
        var server = Server(settings);
        var (user, database) = (settings.Username ?? Environment.UserName, settings.Database ?? settings.Username);
        string Text() => causes.OfType<PostgresException>().FirstOrDefault() is { } refused
            ? FromServer(refused, server, user, database)
            : causes.OfType<SocketException>().FirstOrDefault() is { } socket ? FromNetwork(socket, server)
            : causes.OfType<AuthenticationException>().Any()
                ? $"The certificate of {server} is not one that this machine trusts: name its authority in Root Certificate "
                    + "(sslrootcert), or take SSL Mode=Require, which does not check it."
            : causes.OfType<TimeoutException>().Any() ? $"{server} does not answer within {settings.Timeout} s."
            : FromClient(causes[^1].Message, server, user);
        return new StartupException(Text(), failure);
    }

    private static IEnumerable<Exception> Causes(Exception failure)
    {
        for (var e = failure; e is not null; e = e is AggregateException { InnerExceptions: [.., var last] } ? last : e.InnerException)
        {
            yield return e;
        }
    }

    private static string FromServer(PostgresException refused, string server, string user, string? database)
    {
        var text = refused.MessageText;
        bool Says(string part) => text.Contains(part, StringComparison.OrdinalIgnoreCase);
        return refused.SqlState switch
        {
            PostgresErrorCodes.InvalidPassword => $"{server} refuses the password of the user \"{user}\", or has no such user.",
            PostgresErrorCodes.InvalidAuthorizationSpecification when Says("no encryption") || Says("SSL off") =>
                $"{server} lets \"{user}\" in only over SSL, or not at all (pg_hba.conf): try SSL Mode=Require (sslmode=require).",
            PostgresErrorCodes.InvalidAuthorizationSpecification when Says("pg_hba.conf") =>
                $"{server} does not let the user \"{user}\" into \"{database}\" from this machine: its pg_hba.conf has no entry for that.",
            PostgresErrorCodes.InvalidAuthorizationSpecification when Says("does not exist") => $"{server} has no user \"{user}\".",
            PostgresErrorCodes.InvalidAuthorizationSpecification => $"{server} does not let the user \"{user}\" in: {text}.",
            PostgresErrorCodes.InvalidCatalogName =>
                $"There is no database \"{database}\" on {server}. Create it, or start with {ProgramParts.CreateDatabase}.",
            PostgresErrorCodes.InsufficientPrivilege =>
                $"The user \"{user}\" may not do what is needed in \"{database}\" on {server}: {text}. The owner or a superuser can "
                + $"allow it; to create tables: {ApiSettings.OwnerConnection}, or GRANT CREATE ON SCHEMA public TO \"{user}\".",
            PostgresErrorCodes.ReadOnlySqlTransaction =>
                $"\"{database}\" on {server} is read-only, a standby perhaps: name the primary.",
            PostgresErrorCodes.TooManyConnections or PostgresErrorCodes.ConfigurationLimitExceeded =>
                $"{server} has no connection left: {text}.",
            _ => $"{server} refuses: {text}.",
        };
    }

    private static string FromNetwork(SocketException socket, string server) => socket.SocketErrorCode switch
    {
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain or SocketError.NoRecovery =>
            $"There is no host of the name in {server}.",
        SocketError.TimedOut => $"{server} does not answer.",
        SocketError.ConnectionRefused => $"Nobody listens on {server}: is PostgreSQL started, and is that its address?",
        _ when server.StartsWith('/') => $"No PostgreSQL has a socket in the folder {server}: is it started, and is that its folder?",
        _ => $"{server} can't be reached: {socket.Message}.",
    };

    private static string FromClient(string message, string server, string user) =>
        message.Contains("No password", StringComparison.Ordinal) ? $"{server} asks for the password of \"{user}\", and none is given."
        : message.Contains("SSL", StringComparison.Ordinal) && message.Contains("No SSL enabled", StringComparison.Ordinal)
            ? $"{server} does not offer SSL: take SSL Mode=Prefer (sslmode=prefer), or let the server offer it."
        : $"{server} can't be used as a PostgreSQL server: {message.TrimEnd('.')}.";
}
