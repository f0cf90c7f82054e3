using Segmentation.Api;

namespace Segmentation.Local;

/// <summary>Decides which database the service uses on this machine.</summary>
internal static class Database
{
    /// <summary>The database that the connection string <c>Segmentation</c> names; else a private PostgreSQL, started.</summary>
    /// <param name="configuration">The connection strings and the section <c>Embedded</c>.</param>
    /// <param name="logger">Logs the private server's start and stop.</param>
    /// <param name="cancellationToken">Gives the start up.</param>
    /// <returns>The connection string, and the server that the caller disposes of last, after the API has drained.</returns>
    /// <exception cref="EmbeddedPostgresException">There is no connection string and the private server can't be started.</exception>
    public static async Task<(string ConnectionString, IAsyncDisposable? Server)> LocateAsync(
        IConfiguration configuration, ILogger logger, CancellationToken cancellationToken)
    {
        if (Startup.ConnectionString(configuration) is { } given)
        {
            return (given, null);
        }

        var options = configuration.GetSection(EmbeddedOptions.Section).Get<EmbeddedOptions>() ?? new EmbeddedOptions();
        var server = await EmbeddedPostgres.StartAsync(options, logger, cancellationToken);
        return (server.ConnectionString, server);
    }
}
