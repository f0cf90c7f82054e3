using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Analyses;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Http;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Predictions;

/// <summary>Asks for models to be fitted anew when their time has come.</summary>
internal sealed partial class FitSchedule(IServiceScopeFactory scopes, TimeProvider time, ILogger<FitSchedule> logger) : ILeaderTask
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(20);

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

    /// <summary>Asks for the fits whose time it is.</summary>
    /// <param name="services">Of a scope.</param>
    /// <param name="since">From when on a model has to be fitted that never was.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>The keys of those asked for.</returns>
    internal static async Task<IReadOnlyList<string>> AskAsync(
        IServiceProvider services, DateTimeOffset since, CancellationToken cancellation)
    {
        List<string> asked = [];
        var reader = services.GetRequiredService<ModelReader>();
        foreach (var model in await services.GetRequiredService<ModelStore>().ListAsync(cancellation))
        {
            if (await reader.IsDueAsync(model, since, cancellation))
            {
                // Where nothing has happened yet, there is nothing to fit.
                if (!await services.GetRequiredService<SegmentationDb>().Customers.AnyAsync(c => c.EventCount > 0, cancellation))
                {
                    return asked;
                }

                var request = new FitRequest { Type = FitAnalysis.TypeName, Model = model.Key };
                await services.GetRequiredService<AnalysisStore>()
                    .AddAsync(JsonSerializer.SerializeToElement(request, Json.Options), cancellation);
                asked.Add(model.Key);
            }
        }

        return asked;
    }

    [LoggerMessage(LogLevel.Error, "Models could not be asked to be fitted; trying again")]
    private partial void LogFailed(Exception failure);
}
