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
internal sealed partial class IdempotencySweep(IServiceScopeFactory scopes, TimeProvider time, ILogger<IdempotencySweep> logger)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await using var scope = scopes.CreateAsyncScope();
                await scope.ServiceProvider.GetRequiredService<IdempotencyStore>().SweepAsync(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                LogFailed(failure);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "Idempotency: old records could not be deleted; it is tried again in an hour")]
    private partial void LogFailed(Exception failure);
}
