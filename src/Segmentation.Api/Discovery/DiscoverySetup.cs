using Segmentation.Api.Analyses;

namespace Segmentation.Api.Discovery;

internal static class DiscoverySetup
{
    /// <summary>Discovery: groups of customers that nobody named.</summary>
    public static void AddDiscovery(this IServiceCollection services)
    {
        services.AddScoped<AnalysisType, ClusterAnalysis>();
        services.AddScoped<OpportunityCustomers>();
        services.AddScoped<SegmentCovers>();
        services.AddScoped<AnalysisType, OpportunitiesAnalysis>();
    }
}
