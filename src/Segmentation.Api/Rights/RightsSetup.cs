using Segmentation.Api.Memberships;

namespace Segmentation.Api.Rights;

internal static class RightsSetup
{
    /// <summary>Rights: what a person may ask for, and what goes by itself.</summary>
    public static void AddRights(this IServiceCollection services)
    {
        services.AddScoped<CustomerDataReader>();
        services.AddSingleton<OldEvents>();
        services.AddSingleton<InactiveCustomers>();
        services.AddSingleton<ILeaderTask, NightlyRetention>();
    }
}
