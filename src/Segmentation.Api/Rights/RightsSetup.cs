namespace Segmentation.Api.Rights;

internal static class RightsSetup
{
    /// <summary>Rights: what a person may ask for.</summary>
    public static void AddRights(this IServiceCollection services) => services.AddScoped<CustomerDataReader>();
}
