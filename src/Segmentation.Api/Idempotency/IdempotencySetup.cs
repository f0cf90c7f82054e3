using Segmentation.Api.Data;

namespace Segmentation.Api.Idempotency;

internal static class IdempotencySetup
{
    /// <summary>Safe retries: answers to requests with an idempotency key are kept for a day.</summary>
    public static void AddIdempotency(this IServiceCollection services)
    {
        services.AddScoped<IdempotencyStore>();
        services.AddHostedService<IdempotencySweep>();
    }
}

/// <summary>Deletes old records, hourly, in every process: whoever comes first.</summary>
internal sealed class IdempotencySweep(IServiceScopeFactory scopes, TimeProvider time, ILogger<IdempotencySweep> logger)
    : PeriodicService(TimeSpan.FromHours(1), time)
{
    protected override async Task StepAsync(CancellationToken cancellation)
    {
        await using var scope = scopes.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<IdempotencyStore>().SweepAsync(cancellation);
    }

    protected override void Warn(Exception failure) =>
        logger.LogWarning(failure, "Idempotency: old records could not be deleted; it is tried again in an hour");
}
