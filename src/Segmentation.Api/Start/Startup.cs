using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Analyses;
using Segmentation.Api.Audit;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Memberships;
using Segmentation.Api.Predictions;
using Segmentation.Api.Rights;
using Segmentation.Api.Webhooks;
using Serilog;
using Serilog.Extensions.Logging;
using ILogger = Microsoft.Extensions.Logging.ILogger;

namespace Segmentation.Api;

/// <summary>The service from its command line to its exit code, for every program that starts it.</summary>
internal static class Startup
{
    /// <summary>Runs the service until it is told to stop; with <c>--migrate</c> only until the database is ready.</summary>
    /// <param name="arguments">The command line: switches, and settings.</param>
    /// <param name="parts">What the program takes and adds; without it, the API by itself.</param>
    /// <returns>The exit code: 0; 1 when it can't start, said in a line; 130 when it was interrupted before it served.</returns>
    public static async Task<int> RunAsync(string[] arguments, ProgramParts? parts = null)
    {
        parts ??= new ProgramParts();
        try
        {
            var line = CommandLine.Read(arguments, parts);
            if (line.Has(ProgramParts.Help) || line.Has(ProgramParts.Version))
            {
                await Console.Out.WriteAsync(line.Has(ProgramParts.Help) ? parts.HelpText() : ProgramParts.VersionText + "\n");
                return 0;
            }

            using var stop = new StopSignal(); // Ctrl-C and SIGTERM: the host sees to them too, once it runs.
            await RunAsync(line, parts, stop.Token);
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

    private static async Task RunAsync(CommandLine line, ProgramParts parts, CancellationToken stop)
    {
        var builder = CreateBuilder(line.Settings);
        using var loggers = new SerilogLoggerFactory(Log.Logger);
        var logger = loggers.CreateLogger("Segmentation");
        var check = new SettingsCheck(builder.Configuration, parts.Settings);
        check.RefuseValues();
        foreach (var unknown in check.FindUnknown())
        {
            logger.LogWarning("{Unknown}", unknown);
        }

        AccessStart.Check(builder.Configuration);
        var newKey = line.Value(ProgramParts.CreateKey);
        if (line.Has(ProgramParts.KeyScopes) != (newKey is not null))
        {
            throw new StartupException($"{ProgramParts.CreateKey} and {ProgramParts.KeyScopes} need each other: "
                + $"{ProgramParts.CreateKey} me {ProgramParts.KeyScopes} all");
        }

        var migrateOnly = line.Has(ProgramParts.Migrate);
        var prunes = line.Has(ProgramParts.PruneAudit);
        var reapplies = line.Has(ProgramParts.ReapplyErasures);
        var serves = !migrateOnly && newKey is null && !prunes && !reapplies;
        if (serves)
        {
            ListenAddresses.Check(builder.Configuration);
        }

        // To somebody who waits; elsewhere these are lines of the log. Who makes a key takes what is on the standard output for it.
        Action<string> say = newKey is not null ? Console.Error.WriteLine
            : builder.Environment.IsDevelopment() ? Console.WriteLine
            : text => logger.LogInformation("{Progress}", text);
        var load = parts.LoadSwitch is { } name && line.Has(name) ? parts.LoadAsync : null;
        var migrates = migrateOnly || load is not null || builder.Environment.IsDevelopment()
            || builder.Configuration.GetValue(ApiSettings.MigrateOnStart, false);
        var (settings, owner, server) = await FindDatabaseAsync(builder.Configuration, line, migrates, parts, say, logger, stop);
        await using var stoppedLast = server;
        builder.AddSegmentation((migrateOnly ? owner : settings).ConnectionString);
        builder.Services.AddSingleton(
            new OwnerConnection(ConnectionSettings.Create(owner.ConnectionString, builder.Configuration).ConnectionString));
        await using var app = builder.Build();
        app.UseSegmentation();
        try
        {
            var fault = await PrepareAsync(app, migrates ? owner : null, load, say, logger, stop);
            if (newKey is not null)
            {
                await AccessStart.CreateKeyAsync(
                    fault is null ? app.Services : throw new StartupException(fault), newKey, line.Value(ProgramParts.KeyScopes), stop);
            }
            else if (prunes)
            {
                var months = await AuditPruning.RunAsync(
                    fault is null ? owner.ConnectionString : throw new StartupException(fault),
                    app.Services.GetRequiredService<AuditOptions>().KeepDays, DateTimeOffset.UtcNow, stop);
                say($"Audit log: {months} {(months == 1 ? "month" : "months")} dropped");
            }
            else if (reapplies)
            {
                var count = await ErasureList.ReapplyAsync(fault is null ? app.Services : throw new StartupException(fault), stop);
                say($"Erasures: {count} {(count == 1 ? "person" : "persons")} erased again");
            }
            else if (serves)
            {
                await AccessStart.PrepareAsync(app, fault, say, logger, stop);
            }
        }
        catch (InvalidDataException e) when (reapplies)
        {
            throw new StartupException(e.Message, e);
        }
        catch (Exception e) when (DatabaseFault.IsCause(e))
        {
            throw DatabaseFault.Describe(e, settings);
        }

        if (serves)
        {
            await PrepareSecretsAsync(app.Services, say, stop);
            await SettingsRecord.WriteAsync(app, parts.Settings, stop);
            await ServeAsync(app, say, stop);
        }
    }

    private static WebApplicationBuilder CreateBuilder(string[] settings)
    {
        try
        {
            // Started from anywhere, its appsettings.json lies beside it.
            var options = new WebApplicationOptions { Args = settings };
            if (!File.Exists("appsettings.json") && new ConfigurationBuilder().AddEnvironmentVariables("DOTNET_").AddEnvironmentVariables(
                "ASPNETCORE_").AddCommandLine(settings).Build()[WebHostDefaults.ContentRootKey] is null)
            {
                options = new WebApplicationOptions { Args = settings, ContentRootPath = AppContext.BaseDirectory };
            }

            var builder = WebApplication.CreateBuilder(options);
            Log.Logger = PrivateLog.Create(builder.Configuration);
            builder.Services.AddSerilog(Log.Logger);
            return builder;
        }
        catch (Exception e) when (e is InvalidDataException or DirectoryNotFoundException or InvalidOperationException or ArgumentException)
        {
            // A file that is no JSON, a content root that is not there, a level of Serilog's that there is not.
            throw new StartupException($"The configuration can't be read: {(e.InnerException ?? e).Message.ReplaceLineEndings(" ")}", e);
        }
    }

    private static async Task<(NpgsqlConnectionStringBuilder Settings, NpgsqlConnectionStringBuilder Owner, IAsyncDisposable? Server)>
        FindDatabaseAsync(
            IConfiguration configuration, CommandLine line, bool migrates, ProgramParts parts, Action<string> say, ILogger logger,
            CancellationToken stop)
    {
        if (configuration[ApiSettings.Connection] is { Length: > 0 } given)
        {
            var settings = ConnectionText.Read(given);
            var owner = configuration[ApiSettings.OwnerConnection] is { Length: > 0 } own ? ConnectionText.Read(own) : settings;
            var create = line.Has(ProgramParts.CreateDatabase);
            if (owner != settings && (create || migrates))
            {
                await CheckAsync(owner, create);
            }

            if (owner == settings || !line.Has(ProgramParts.Migrate))
            {
                await CheckAsync(settings, create && owner == settings);
            }

            return (settings, owner, null);

            Task CheckAsync(NpgsqlConnectionStringBuilder connect, bool mayCreate) => GivenDatabase.CheckAsync(
                new(ConnectionSettings.Create(connect.ConnectionString, configuration).ConnectionString), mayCreate, say, stop);
        }

        if (parts.StartDatabase is null)
        {
            throw new StartupException(
                "There is no database: set ConnectionStrings__Segmentation to one, or start with ./run, which keeps a private PostgreSQL, "
                + "or with docker compose up --build.");
        }

        var (connectionString, ownerConnectionString, server) = await parts.StartDatabase(configuration, say, logger, stop);
        return (new(connectionString), new(ownerConnectionString), server);
    }

    // Brings the database to where this version needs it, as its owner where one is given, or says that it is not there.
    private static async Task<string?> PrepareAsync(
        WebApplication app,
        NpgsqlConnectionStringBuilder? owner,
        Func<IServiceProvider, Action<string>, CancellationToken, Task>? load,
        Action<string> say,
        ILogger logger,
        CancellationToken stop)
    {
        if (owner is not null)
        {
            await using var tables = app.Services.GetRequiredService<OwnerConnection>().CreateDb();
            try
            {
                await MigrateAsync(tables, say, stop);
                await DatabaseRoles.GrantAsync(tables, stop);
            }
            catch (Exception e) when (DatabaseFault.IsCause(e))
            {
                throw DatabaseFault.Describe(e, owner);
            }
        }

        await using var scope = app.Services.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<SegmentationDb>();
        var fault = await app.Services.GetRequiredService<SchemaState>().FindFaultAsync(db, stop);
        if (fault is not null)
        {
            if (owner is not null)
            {
                throw new StartupException(fault);
            }

            logger.LogError("{Fault}", fault);
        }

        await CheckConnectionsAsync(db, app.Services.GetRequiredService<Limits>(), stop);
        await (load?.Invoke(scope.ServiceProvider, say, stop) ?? Task.CompletedTask);
        return fault;
    }

    private static async Task PrepareSecretsAsync(IServiceProvider services, Action<string> say, CancellationToken stop)
    {
        if (!services.GetRequiredService<SecretBox>().HasKey)
        {
            say($"Secrets of webhooks are stored as they are: {SecretBox.Setting} names no key.");
        }

        var database = services.GetRequiredKeyedService<NpgsqlDataSource>(WorkClass.Keeper);
        if (services.GetRequiredService<SchemaState>().WasRight
            && await services.GetRequiredService<WebhookSecrets>().PrepareAsync(database, stop) is { } unreadable)
        {
            throw new StartupException(unreadable);
        }
    }

    // Refused now rather than by PostgreSQL in the middle of a busy hour.
    private static async Task CheckConnectionsAsync(SegmentationDb db, Limits limits, CancellationToken stop)
    {
        var most = await db.Database.SqlQueryRaw<int>("SELECT current_setting('max_connections')::integer AS \"Value\"").SingleAsync(stop);
        if (limits.FindFault(most, MembershipLeadership.Connections + AnalysisConnections.Count + Scorer.Connections) is { } fault)
        {
            throw new StartupException(fault);
        }
    }

    private static async Task MigrateAsync(SegmentationDb db, Action<string> say, CancellationToken stop)
    {
        if ((await db.Database.GetPendingMigrationsAsync(stop)).Count() is > 0 and var pending)
        {
            say($"Database: applying {pending} {(pending == 1 ? "migration" : "migrations")}…");
            db.Database.SetCommandTimeout(TimeSpan.FromHours(1));
            await db.Database.OpenConnectionAsync(stop); // All on this one, which has no limit of time.
            await db.Database.ExecuteSqlRawAsync(
                "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0", stop);
            await db.Database.MigrateAsync(stop);
            await db.Database.CloseConnectionAsync();
            say("Database: they are applied");
        }
    }

    private static async Task ServeAsync(WebApplication app, Action<string> say, CancellationToken stop)
    {
        try
        {
            await app.StartAsync(stop);
        }
        catch (IOException e) when (e.InnerException is AddressInUseException)
        {
            throw new StartupException(
                $"An address of {string.Join(';', app.Urls)} was taken meanwhile: --urls http://localhost:5081 listens elsewhere.", e);
        }

        // A server of tests in memory has no address.
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses;
        try
        {
            // Where it really listens now, whatever said so.
            await AccessStart.RefuseOpenAsync(app.Services, addresses ?? [], stop);
        }
        catch (StartupException)
        {
            await app.StopAsync(CancellationToken.None);
            throw;
        }

        if (app.Environment.IsDevelopment() && addresses?.FirstOrDefault() is { } address)
        {
            app.Lifetime.ApplicationStopping.Register(() => say("Stopping…"));
            var root = address.Replace("[::]", "localhost", StringComparison.Ordinal).Replace(
                "0.0.0.0", "localhost", StringComparison.Ordinal);
            say($"API      {root}/api/v1\nSwagger  {root}/swagger\nCtrl-C stops it.");
        }

        await app.WaitForShutdownAsync(CancellationToken.None);
    }
}
