using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Analyses;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Insight;

namespace Segmentation.Api.Predictions;

/// <summary>Asks for the analysis <c>rfm</c> once a day, and soon after the service was away at that time.</summary>
internal sealed class RfmSchedule(PredictionOptions options, TimeProvider time)
{
    private static readonly JsonElement Request =
        JsonSerializer.SerializeToElement(new RfmRequest { Type = RfmAnalysis.TypeName }, Json.Options);

    /// <summary>Asks for it where it is time.</summary>
    /// <param name="services">Of a scope.</param>
    /// <param name="since">From when on it has to be, where there are no thresholds yet.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>Whether it was asked for.</returns>
    public async Task<bool> AskAsync(IServiceProvider services, DateTimeOffset since, CancellationToken cancellation)
    {
        var db = services.GetRequiredService<SegmentationDb>();
        var due = options.FindLast(time.GetUtcNow());
        var latest = await db.RfmThresholds.OrderByDescending(t => t.Id).Select(t => (DateTimeOffset?)t.ComputedAt)
            .FirstOrDefaultAsync(cancellation);
        if (due <= (latest ?? since)
            || await db.Analyses.AnyAsync(a => a.Type == RfmAnalysis.TypeName && a.CreatedAt >= due, cancellation)
            || !await db.Customers.AnyAsync(c => c.OrderCount > 0, cancellation))
        {
            return false;
        }

        await services.GetRequiredService<AnalysisStore>().AddAsync(Request, cancellation);
        return true;
    }
}
