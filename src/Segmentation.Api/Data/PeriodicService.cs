namespace Segmentation.Api.Data;

/// <summary>Does something again and again, in every process; what fails is tried again at the next time.</summary>
internal abstract class PeriodicService(TimeSpan interval, TimeProvider time) : BackgroundService
{
    protected abstract Task StepAsync(CancellationToken cancellation);

    /// <summary>Says that a step failed.</summary>
    protected abstract void Warn(Exception failure);

    /// <summary>A step, now.</summary>
    protected async Task TryStepAsync(CancellationToken cancellation)
    {
        try
        {
            await StepAsync(cancellation);
        }
        catch (Exception failure) when (!cancellation.IsCancellationRequested)
        {
            Warn(failure);
        }
    }

    protected sealed override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            await TryStepAsync(stoppingToken);
        }
    }
}
