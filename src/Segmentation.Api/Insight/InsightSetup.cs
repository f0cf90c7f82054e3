using Segmentation.Api.Analyses;

namespace Segmentation.Api.Insight;

internal static class InsightSetup
{
    /// <summary>Insight: what segments' members are like, how they do, and where segments are heading.</summary>
    public static void AddInsight(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(configuration.GetSection("Insight").Get<InsightOptions>() ?? new InsightOptions());
        services.AddScoped<AnalysisType, ProfileAnalysis>();
        services.AddScoped<RfmReader>();
        services.AddScoped<RfmCounts>();
        services.AddScoped<AnalysisType, RfmAnalysis>();
        services.AddScoped<ClockReader>();
        services.AddScoped<ForecastReader>();
        services.AddScoped<BriefReader>();
        services.AddScoped<TransitionReader>();
        services.AddScoped<Populations>();
        services.AddScoped<PerformanceReader>();
        services.AddScoped<RetentionReader>();
        services.AddScoped<PortfolioReader>();
    }
}
