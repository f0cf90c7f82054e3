using Segmentation.Api.Memberships;

namespace Segmentation.Api.Rights;

/// <summary>Has what is older than it is kept go, every night: as the leader begins, and a day after that.</summary>
internal sealed partial class NightlyRetention(
    OldEvents events, InactiveCustomers customers, TimeProvider time, ILogger<NightlyRetention> logger) : ILeaderTask
{
    private static readonly TimeSpan Interval = TimeSpan.FromDays(1), AfterFailure = TimeSpan.FromHours(1);

    public async Task RunAsync(CancellationToken whileLeading)
    {
        while (!whileLeading.IsCancellationRequested)
        {
            var pause = Interval;
            try
            {
                // The customers first: what is erased is not counted before.
                var erased = await customers.EraseAsync(whileLeading);
                var deleted = await events.DeleteAsync(whileLeading);
                if (erased > 0 || deleted > 0)
                {
                    LogDone(erased, deleted);
                }
            }
            catch (Exception failure) when (!whileLeading.IsCancellationRequested)
            {
                LogFailed(failure);
                pause = AfterFailure;
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await Task.Delay(pause, time, whileLeading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    [LoggerMessage(LogLevel.Information, "Retention: {Customers} customers erased, {Events} events deleted")]
    private partial void LogDone(int customers, long events);

    [LoggerMessage(LogLevel.Error, "What is older than it is kept could not be deleted; trying again in an hour")]
    private partial void LogFailed(Exception failure);
}
