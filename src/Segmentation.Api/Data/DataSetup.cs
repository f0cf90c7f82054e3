using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;

namespace Segmentation.Api.Data;

internal static class DataSetup
{
    /// <summary>The database: a data source, the context, what it knows of time zones.</summary>
    public static void AddData(this IServiceCollection services, string connectionString, IConfiguration configuration)
    {
        var settings = ConnectionSettings.Create(connectionString, configuration);
        services.AddSingleton(settings);
        services.AddSingleton<SchemaState>();
        services.AddSingleton(SecretBox.Read(configuration));
        services.AddSingleton(NpgsqlDataSource.Create(settings.ConnectionString));
        services.AddSingleton(s =>
            TimeZones.ReadAsync(s.GetRequiredService<NpgsqlDataSource>(), CancellationToken.None).GetAwaiter().GetResult());
        services.AddSingleton<QueryCache>();
        services.AddDbContextPool<SegmentationDb>((s, options) => options
            .UseNpgsql(s.GetRequiredService<NpgsqlDataSource>()).UseMemoryCache(s.GetRequiredService<QueryCache>())
            .ConfigureWarnings(w => w.Ignore(
                CoreEventId.FirstWithoutOrderByAndFilterWarning, CoreEventId.RowLimitingOperationWithoutOrderByWarning,
                CoreEventId.ManyServiceProvidersCreatedWarning))); // One a host; a process has more than one only where tests run.
    }
}
