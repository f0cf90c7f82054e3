using Segmentation.Api.Customers;
using Segmentation.Api.Memberships;

namespace Segmentation.Api.Rights;

internal static class RightsSetup
{
    /// <summary>Rights: what a person may ask for, and what goes by itself.</summary>
    public static void AddRights(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(configuration.GetSection(PrivacyOptions.Section).Get<PrivacyOptions>() ?? new PrivacyOptions());
        services.AddScoped<CustomerDataReader>();
        services.AddScoped<ErasureReader>();
        services.AddScoped<IErasureObserver, DefinitionErasure>();
        services.AddSingleton<ErasureKeeper>();
        services.AddSingleton<ILeaderTask>(s => s.GetRequiredService<ErasureKeeper>());
        services.AddSingleton<RetentionThrottle>();
        services.AddSingleton<OldEvents>();
        services.AddSingleton<InactiveCustomers>();
        services.AddSingleton<ILeaderTask, NightlyRetention>();
    }
}

/// <summary>The configuration section <c>Privacy</c>.</summary>
public sealed class PrivacyOptions
{
    /// <summary>The section's name.</summary>
    public const string Section = "Privacy";

    /// <summary>A file that has who was erased, as marks, for when a backup is restored; null for none.</summary>
    public string? ErasureListFile { get; init; }
}
