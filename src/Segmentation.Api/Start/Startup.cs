using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Serilog;
using Serilog.Extensions.Logging;

namespace Segmentation.Api;

/// <summary>The service from its command line to its exit code, for every program that starts it.</summary>
internal static class Startup
{
    // The command line's configuration would take "--migrate --urls x" for migrate = "--urls": a switch of ours comes out first.
    private const string MigrateSwitch = "--migrate";

    /// <summary>Finds the database to run on, or starts one.</summary>
    /// <returns>How to connect, and the server to stop last, after the API has drained; null for one that is not ours.</returns>
    /// <exception cref="StartupException">There is no database.</exception>
    public delegate Task<(string ConnectionString, IAsyncDisposable? Server)> LocateDatabase(
        IConfiguration configuration, Microsoft.Extensions.Logging.ILogger logger, CancellationToken cancellation);

    /// <summary>Runs the service until it is told to stop; with <c>--migrate</c> only until the database is ready.</summary>
    /// <param name="arguments">The command line: <c>--migrate</c>, <c>--urls</c> and any setting.</param>
    /// <param name="locate">Finds the database; without it the connection string must name one.</param>
    /// <param name="load">Fills the migrated database before the first request; null for nothing to load.</param>
    /// <returns>The exit code: 0, 1 when there is no database, 130 when it was interrupted before it served.</returns>
    public static async Task<int> RunAsync(
        string[] arguments, LocateDatabase? locate = null, Func<IServiceProvider, CancellationToken, Task>? load = null)
    {
        var migrateOnly = arguments.Contains(MigrateSwitch);
        var builder = WebApplication.CreateBuilder([.. arguments.Where(a => a != MigrateSwitch)]);
        Log.Logger = new LoggerConfiguration().ReadFrom.Configuration(builder.Configuration).CreateLogger();
        builder.Services.AddSerilog(Log.Logger);
        using var startup = new SerilogLoggerFactory(Log.Logger);
        try
        {
            using var stop = new StopSignal(); // Ctrl-C and SIGTERM, until the host takes them over.
            var (connectionString, server) = await (locate ?? LocateGivenAsync)(
                builder.Configuration, startup.CreateLogger("Segmentation.Database"), stop.Token);
            await using var stoppedLast = server;
            builder.AddSegmentation(connectionString);
            await using var app = builder.Build();
            app.UseSegmentation();

            var migrateOnStart = app.Environment.IsDevelopment() || app.Configuration.GetValue("Database:MigrateOnStart", false);
            if (migrateOnly || migrateOnStart || load is not null)
            {
                await using var scope = app.Services.CreateAsyncScope();
                await MigrateAsync(scope.ServiceProvider, stop.Token);
                await (load?.Invoke(scope.ServiceProvider, stop.Token) ?? Task.CompletedTask);
            }

            if (!migrateOnly)
            {
                stop.Dispose();
                await app.RunAsync();
            }

            return 0;
        }
        catch (StartupException failure)
        {
            await Console.Error.WriteLineAsync(failure.Message);
            return 1;
        }
        catch (OperationCanceledException)
        {
            return 130;
        }
        finally
        {
            await Log.CloseAndFlushAsync();
        }
    }

    /// <summary>The connection string <c>Segmentation</c>, or null.</summary>
    public static string? ConnectionString(IConfiguration configuration) =>
        configuration.GetConnectionString("Segmentation") is { Length: > 0 } given ? given : null;

    private static Task<(string ConnectionString, IAsyncDisposable? Server)> LocateGivenAsync(
        IConfiguration configuration, Microsoft.Extensions.Logging.ILogger logger, CancellationToken cancellation) =>
        ConnectionString(configuration) is { } given
            ? Task.FromResult<(string, IAsyncDisposable?)>((given, null))
            : throw new StartupException(
                "There is no database: set ConnectionStrings__Segmentation to one, or start with ./run, which keeps a private PostgreSQL, "
                + "or with docker compose up --build.");

    private static async Task MigrateAsync(IServiceProvider services, CancellationToken cancellation)
    {
        var db = services.GetRequiredService<SegmentationDb>();
        db.Database.SetCommandTimeout(TimeSpan.FromHours(1));
        await db.Database.MigrateAsync(cancellation);
    }
}
