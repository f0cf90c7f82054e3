namespace Segmentation.Api.Access;

/// <summary>Stores once a minute, and at the end, when keys were last used.</summary>
internal sealed class KeyUse(KnownKeys keys, TimeProvider time, ILogger<KeyUse> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await StoreAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            await StoreAsync(stoppingToken);
        }
    }

    private async Task StoreAsync(CancellationToken cancellation)
    {
        try
        {
            await keys.StoreUseAsync(cancellation);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // They are kept for the next time.
            logger.LogWarning(e, "When API keys were last used could not be stored");
        }
    }
}
