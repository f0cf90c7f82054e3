using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Experiments;

/// <summary>Says which experiments name a metric, whatever their status: results of one that has stopped are by it too.</summary>
internal sealed class MetricsOfExperiments(SegmentationDb db) : IMetricUser
{
    public async Task<IReadOnlyList<string>> ListUsersAsync(string metric, CancellationToken cancellation)
    {
        var experiments = await db.Experiments.AsNoTracking().OrderBy(e => e.Key).ToListAsync(cancellation);
        return [.. experiments.Where(e => Names(ExperimentResource.Read(e.Definition).Metrics, metric)).Select(e => $"experiment {e.Key}")];
    }

    private static bool Names(ExperimentMetrics? all, string metric) => all is not null
        && (all.Primary == metric || all.Secondary!.Contains(metric) || all.Guardrails!.Any(g => g.Metric == metric));
}
