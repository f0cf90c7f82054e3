using Segmentation.Api.Memberships;

namespace Segmentation.Api.Rights;

/// <summary>Has what is older than it is kept go, every day: as the leader begins, and a day after that.</summary>
internal sealed partial class NightlyRetention(
    OldEvents events, InactiveCustomers customers, TimeProvider time, ILogger<NightlyRetention> logger)
    : PeriodicLeaderTask(TimeSpan.FromDays(1), TimeSpan.FromHours(1), time)
{
    protected override async Task StepAsync(CancellationToken cancellation)
    {
        // The customers first: what is erased is not counted before.
        var erased = await customers.EraseAsync(cancellation);
        var deleted = await events.DeleteAsync(cancellation);
        if (erased > 0 || deleted > 0)
        {
            LogDone(erased, deleted);
        }
    }

    protected override void Warn(Exception failure) => LogFailed(failure);

    [LoggerMessage(LogLevel.Information, "Retention: {Customers} customers erased, {Events} events deleted")]
    private partial void LogDone(int customers, long events);

    [LoggerMessage(LogLevel.Error, "What is older than it is kept could not be deleted; trying again in an hour")]
    private partial void LogFailed(Exception failure);
}
