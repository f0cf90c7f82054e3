namespace Segmentation.Api.History;

internal static class HistorySetup
{
    /// <summary>The history of membership: changes, trend, flows.</summary>
    public static void AddHistory(this IServiceCollection services)
    {
        services.AddScoped<ChangeReader>();
        services.AddScoped<FlowReader>();
        services.AddScoped<TrendReader>();
    }
}
