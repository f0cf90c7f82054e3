namespace Segmentation.Api.Customers;

internal static class CustomerSetup
{
    /// <summary>Customers: their import.</summary>
    public static void AddCustomers(this IServiceCollection services) => services.AddScoped<CustomerImport>();
}
