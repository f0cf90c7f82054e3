using Segmentation.Api.Customers;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Experiments;

internal static class ExperimentsSetup
{
    /// <summary>Experiments: their definitions and the split; what was seen of them and of playbooks.</summary>
    public static void AddExperiments(this IServiceCollection services)
    {
        services.AddScoped<ExperimentStore>();
        services.AddScoped<ExperimentAssignments>();
        services.AddScoped<IMetricUser, MetricsOfExperiments>();
        services.AddScoped<ExposureErasure>();
        services.AddScoped<IErasureObserver>(s => s.GetRequiredService<ExposureErasure>());
    }
}
