using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Analyses;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Insight;

/// <summary>Asks for the analysis <c>rfm</c> once a day, and soon after the service was away at that time.</summary>
internal sealed partial class RfmSchedule(
    IServiceScopeFactory scopes, PredictionOptions options, TimeProvider time, ILogger<RfmSchedule> logger) : ILeaderTask
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(20);
    private static readonly JsonElement Request =
        JsonSerializer.SerializeToElement(new RfmRequest { Type = RfmAnalysis.TypeName }, Json.Options);

    public async Task RunAsync(CancellationToken whileLeading)
    {
        var since = time.GetUtcNow();
        while (!whileLeading.IsCancellationRequested)
        {
            try
            {
                await using var scope = scopes.CreateAsyncScope();
                await AskAsync(scope.ServiceProvider, since, whileLeading);
            }
            catch (Exception failure) when (!whileLeading.IsCancellationRequested)
            {
                LogFailed(failure);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await Task.Delay(PollInterval, whileLeading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Asks for it where it is time.</summary>
    /// <param name="services">Of a scope.</param>
    /// <param name="since">From when on it has to be, where there are no thresholds yet.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>Whether it was asked for.</returns>
    internal async Task<bool> AskAsync(IServiceProvider services, DateTimeOffset since, CancellationToken cancellation)
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

    [LoggerMessage(LogLevel.Error, "The daily scores could not be asked for; trying again")]
    private partial void LogFailed(Exception failure);
}
