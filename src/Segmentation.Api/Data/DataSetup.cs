using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.Options;

namespace Segmentation.Api.Data;

internal static class DataSetup
{
    /// <summary>The database: a data source, the context, what it knows of time zones.</summary>
    public static void AddData(this IServiceCollection services, string connectionString, IConfiguration configuration)
    {
        services.AddOptions<Limits>().Bind(configuration.GetSection(Limits.Section)).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton(s => s.GetRequiredService<IOptions<Limits>>().Value);
        services.AddSingleton(ConnectionSettings.Create(connectionString, configuration));
        services.AddSingleton<SchemaState>();
        services.AddSingleton(SecretBox.Read(configuration));
        services.AddSingleton<DataSources>();
        services.AddSingleton<WorkClasses>();
        services.AddSingleton<Rates>();
        services.AddScoped(s => new Work(
            s.GetRequiredService<WorkClasses>(), s.GetRequiredService<Rates>(), s.GetRequiredService<Limits>(),
            s.GetRequiredService<DataSources>()));
        foreach (var work in Enum.GetValues<WorkClass>())
        {
            services.AddKeyedSingleton(work, (s, _) => s.GetRequiredService<DataSources>()[work]);
        }

        services.AddSingleton(s =>
            TimeZones.ReadAsync(s.GetRequiredService<DataSources>()[WorkClass.Keeper], CancellationToken.None).GetAwaiter().GetResult());
        services.AddSingleton<QueryCache>();
        services.AddPooledDbContextFactory<SegmentationDb>((s, options) => options
            .UseNpgsql(s.GetRequiredService<DataSources>()[WorkClass.Keeper]).UseMemoryCache(s.GetRequiredService<QueryCache>())
            .AddInterceptors(s.GetServices<IInterceptor>())
            .ConfigureWarnings(w => w.Ignore(
                CoreEventId.FirstWithoutOrderByAndFilterWarning, CoreEventId.RowLimitingOperationWithoutOrderByWarning,
                CoreEventId.ManyServiceProvidersCreatedWarning))); // One a host; a process has more than one only where tests run.

        // One pool of contexts, whose connections are those of the work at hand.
        services.AddScoped(s =>
            s.GetRequiredService<Work>().Connect(s.GetRequiredService<IDbContextFactory<SegmentationDb>>().CreateDbContext()));
    }
}
