namespace Segmentation.Local;

/// <summary>The database of a service that was given none.</summary>
internal static class Database
{
    /// <summary>Starts a private PostgreSQL, and says so.</summary>
    /// <param name="configuration">The section <c>Embedded</c>.</param>
    /// <param name="say">Told where its data is, before anything takes time.</param>
    /// <param name="logger">Logs what is out of the ordinary.</param>
    /// <param name="cancellation">Gives the start up.</param>
    /// <returns>
    /// The connection strings of the service and of the tables' owner, and the server that the caller disposes of last, after the API has
    /// drained.
    /// </returns>
    /// <exception cref="EmbeddedPostgresException">It can't be started.</exception>
    public static async Task<(string ConnectionString, string OwnerConnectionString, IAsyncDisposable Server)> StartAsync(
        IConfiguration configuration, Action<string> say, ILogger logger, CancellationToken cancellation)
    {
        var options = configuration.GetSection(EmbeddedOptions.Section).Get<EmbeddedOptions>() ?? new EmbeddedOptions();
        var folder = Path.GetFullPath(options.DataDirectory);
        say(Directory.Exists(PostgresFolder.ClusterIn(folder))
            ? $"Database… its data is in {folder}"
            : $"Database… making one, its data is in {folder}");
        var server = await EmbeddedPostgres.StartAsync(options, logger, cancellation);
        return (server.AppConnectionString, server.OwnerConnectionString, server);
    }
}
