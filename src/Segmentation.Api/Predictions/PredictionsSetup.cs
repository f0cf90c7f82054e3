using Segmentation.Api.Analyses;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Predictions;

internal static class PredictionsSetup
{
    /// <summary>Predictions: what customers will do, as scores that rules read.</summary>
    public static void AddPredictions(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(configuration.GetSection("Predictions").Get<PredictionOptions>() ?? new PredictionOptions());
        services.AddSingleton<RfmSchedule>();
        services.AddSingleton<Scorer>();
        services.AddSingleton<IScoreSources, ScoreSources>();
        services.AddSingleton<ILeaderTask, ScoringSchedule>();
        services.AddScoped<ModelVersions>();
        services.AddScoped<ModelReader>();
        services.AddScoped<FitAsking>();
        services.AddScoped<LifetimeValueFormulas>();
        services.AddScoped<CustomerPredictionReader>();
        services.AddScoped<PurchaseReader>();
        services.AddScoped<ModelTrainer, LifetimeValueTrainer>();
        services.AddScoped<PropensityReader>();
        services.AddScoped<ModelTrainer, PropensityTrainer>();
        services.AddScoped<FitAnalysis>();
        services.AddScoped<AnalysisType>(s => s.GetRequiredService<FitAnalysis>());
        services.AddSingleton<ILeaderTask, FitSchedule>();
        services.AddScoped<LiveChecker>();
        services.AddSingleton<ILeaderTask, LiveSchedule>();
    }
}
