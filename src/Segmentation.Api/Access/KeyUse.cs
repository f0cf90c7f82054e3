using Segmentation.Api.Data;

namespace Segmentation.Api.Access;

/// <summary>Stores once a minute, and at the end, when keys were last used.</summary>
internal sealed class KeyUse(KnownKeys keys, TimeProvider time, ILogger<KeyUse> logger) : PeriodicService(TimeSpan.FromMinutes(1), time)
{
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await TryStepAsync(cancellationToken);
    }

    protected override Task StepAsync(CancellationToken cancellation) => keys.StoreUseAsync(cancellation);

    // They are kept for the next time.
    protected override void Warn(Exception failure) => logger.LogWarning(failure, "When API keys were last used could not be stored");
}
