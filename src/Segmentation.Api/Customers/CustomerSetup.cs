using Segmentation.Api.Privacy;

namespace Segmentation.Api.Customers;

internal static class CustomerSetup
{
    /// <summary>Customers: how one is written, and how many are; imports in the background.</summary>
    public static void AddCustomers(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<BackgroundImportOptions>().Bind(configuration.GetSection("Imports"));
        services.AddSingleton(SensitiveOptions.Read(configuration));
        services.AddSingleton(AnonymizationOptions.Read(configuration));
        services.AddSingleton<ImportJobs>();
        services.AddSingleton<BackgroundImports>();
        services.AddHostedService(s => s.GetRequiredService<BackgroundImports>());
        services.AddSingleton<ErasedIds>();
        services.AddScoped<CustomerStore>();
        services.AddScoped<CustomerErasure>();
        services.AddScoped<CustomerAnonymization>();
        services.AddScoped<ConsentStore>();
        services.AddScoped<RestrictionStore>();
        services.AddScoped<CustomerImport>();
    }
}
