using Microsoft.EntityFrameworkCore;
using Segmentation.Api;
using Segmentation.Api.Data;
using Segmentation.Api.Embedded;
using Segmentation.Api.Sample;
using Serilog;
using Serilog.Extensions.Logging;

// The command line's configuration would take "--sample --urls x" for sample = "--urls": our own switches come out first.
string[] switches = ["--sample", "--migrate"];
var builder = WebApplication.CreateBuilder([.. args.Except(switches)]);
var (sample, migrateOnly) = (args.Contains("--sample"), args.Contains("--migrate"));

Log.Logger = new LoggerConfiguration().ReadFrom.Configuration(builder.Configuration).CreateLogger();
builder.Services.AddSerilog(Log.Logger);
using var startup = new SerilogLoggerFactory(Log.Logger);
try
{
    using var stop = new StopSignal(); // Ctrl-C and SIGTERM, until the host takes them over.
    var (connectionString, server) = await Database.LocateAsync(builder.Configuration, startup.CreateLogger("Segmentation.Database"), stop.Token);
    await using var stoppedLast = server;
    builder.AddSegmentation(connectionString);
    await using var app = builder.Build();
    app.UseSegmentation();

    if (migrateOnly || sample || app.Environment.IsDevelopment() || app.Configuration.GetValue("Database:MigrateOnStart", false))
    {
        await using var scope = app.Services.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
        db.Database.SetCommandTimeout(TimeSpan.FromHours(1));
        await db.Database.MigrateAsync(stop.Token);
        if (sample)
        {
            await ActivatorUtilities.CreateInstance<SampleData>(scope.ServiceProvider).LoadAsync(stop.Token);
        }
    }

    if (!migrateOnly)
    {
        stop.Dispose();
        await app.RunAsync();
    }

    return 0;
}
catch (EmbeddedPostgresException unavailable)
{
    await Console.Error.WriteLineAsync(unavailable.Message);
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

/// <summary>The entry point, for tests of the whole API.</summary>
public sealed partial class Program;
