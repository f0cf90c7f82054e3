namespace Segmentation.Api.Memberships;

/// <summary>A leader's task that does something again and again, from when it begins to lead; what fails is tried again.</summary>
/// <param name="interval">How long it pauses after a step.</param>
/// <param name="afterFailure">How long it pauses after one that failed.</param>
internal abstract class PeriodicLeaderTask(TimeSpan interval, TimeSpan afterFailure, TimeProvider time) : ILeaderTask
{
    public async Task RunAsync(CancellationToken whileLeading)
    {
        while (!whileLeading.IsCancellationRequested)
        {
            var done = await TryAsync(StepAsync, whileLeading);
            await Task.Delay(done ? interval : afterFailure, time, whileLeading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    protected abstract Task StepAsync(CancellationToken cancellation);

    /// <summary>Says that a step failed.</summary>
    protected abstract void Warn(Exception failure);

    /// <summary>Does a part of a step, so that its failure keeps no other part from being done.</summary>
    /// <returns>Whether it was done.</returns>
    protected async Task<bool> TryAsync(Func<CancellationToken, Task> part, CancellationToken cancellation)
    {
        try
        {
            await part(cancellation);
            return true;
        }
        catch (Exception failure) when (!cancellation.IsCancellationRequested)
        {
            Warn(failure);
            return false;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
