using Segmentation.Api.Memberships;

namespace Segmentation.Api.Analyses;

internal static class AnalysisSetup
{
    /// <summary>Analyses: asked for at any process, run by the one that leads. Rooms above register their types.</summary>
    public static void AddAnalyses(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(configuration.GetSection("Analyses").Get<AnalysisOptions>() ?? new AnalysisOptions());
        services.AddSingleton<AnalysisConnections>();
        services.AddSingleton<AnalysisQueue>();
        services.AddSingleton<ILeaderTask, AnalysisRunner>();
        services.AddScoped<AnalysisStore>();
    }
}
