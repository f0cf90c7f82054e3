using Segmentation.Api.Http;

namespace Segmentation.Api.Events;

internal static class EventSetup
{
    /// <summary>Events: how they are checked and stored, and which of them are orders.</summary>
    public static void AddEvents(this IServiceCollection services, IConfiguration configuration)
    {
        var revenue = new RevenueOptions();
        revenue.OrderTypes = TextList.Read(configuration, "Revenue:OrderTypes") ?? revenue.OrderTypes;
        revenue.RefundTypes = TextList.Read(configuration, "Revenue:RefundTypes") ?? revenue.RefundTypes;
        services.AddSingleton(revenue);
        services.AddSingleton<IngestThrottle>();
        services.AddScoped<EventStore>();
        services.AddScoped<EventIngest>();
    }
}
