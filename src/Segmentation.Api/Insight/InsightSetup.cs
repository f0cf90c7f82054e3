namespace Segmentation.Api.Insight;

internal static class InsightSetup
{
    /// <summary>Insight: what segments' members are like, how they do, and where segments are heading.</summary>
    public static void AddInsight(this IServiceCollection services)
    {
        services.AddScoped<ClockReader>();
    }
}
