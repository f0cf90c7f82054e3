namespace Segmentation.Api.Customers;

internal static class CustomerSetup
{
    /// <summary>Customers: how one is written, and how many are.</summary>
    public static void AddCustomers(this IServiceCollection services)
    {
        services.AddScoped<CustomerStore>();
        services.AddScoped<CustomerImport>();
    }
}
